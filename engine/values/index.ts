export * from "./property-value";
export * from "./wire";
export * from "./paths";
export * from "./diff";
export * from "./content-hash";
