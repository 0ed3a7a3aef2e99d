export * from "./property-value";
export * from "./wire";
export * from "./paths";
export * from "./diff";
