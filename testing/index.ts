/** For the tests of a stack: plain functions that throw an `AssertionError`, whatever runs the tests. */
export { compareResult, missingResults, type ComparedResult, type Comparison } from "./compare-result";
export { connection, connections, type Connection } from "./connections";
export type { Change, Level } from "./expectations-file";
export type { JsonType, Rule } from "./rules";
export { jsonSchemas, type JsonSchemas } from "./json-schemas";
