/** @type {import("jest").Config} */
module.exports = {
  testEnvironment: "node",
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { target: "es2022", parser: { syntax: "typescript" } }, module: { type: "commonjs" } },
    ],
  },
  testMatch: ["<rootDir>/tests/**/*.test.ts", "<rootDir>/{engine,providers,run,report,ci,cli,components}/**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/dist/", "<rootDir>/tests/long/", "<rootDir>/tests/faults/"],
  modulePathIgnorePatterns: ["<rootDir>/dist", "<rootDir>/build"],
};
