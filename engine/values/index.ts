export * from "./property-value";
