// What is too long for `npm test`: whole runs of the example system in copies of this checkout.
const { testMatch: _, testPathIgnorePatterns, ...shared } = require("./jest.config.js");

/** @type {import("jest").Config} */
module.exports = {
  ...shared,
  testMatch: ["<rootDir>/tests/long/**/*.test.ts"],
  testPathIgnorePatterns: testPathIgnorePatterns.filter((pattern) => !pattern.includes("long")),
  testTimeout: 300_000,
  // Each needs the whole machine.
  maxWorkers: 1,
};
