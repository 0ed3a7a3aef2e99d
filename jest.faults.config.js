// The fault lane, `npm run test:faults`: what goes wrong around a run, made to go wrong.
const { testMatch: _, testPathIgnorePatterns, ...shared } = require("./jest.config.js");

/** @type {import("jest").Config} */
module.exports = {
  ...shared,
  testMatch: ["<rootDir>/tests/faults/**/*.test.ts"],
  testPathIgnorePatterns: testPathIgnorePatterns.filter((pattern) => !pattern.includes("faults")),
  // Each fault already makes several tries at once.
  maxWorkers: 1,
};
