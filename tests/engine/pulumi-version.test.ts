import { requireVersion } from "../../engine/pulumi-version";

test.each([
  ["", "3.259.0"],
  [">=3.100.0", "3.259.0"],
  [">= 3.100.0 <4.0.0", "3.259.0"],
  ["3.x", "3.259.0"],
  ["<3.4.0 || >3.8.0", "3.259.0"],
  ["!3.1.2", "3.259.0"],
  ["=3.259.0", "3.259.0"],
  [">3.258", "3.259.0"],
])("%s holds %s", (range, version) => expect(() => requireVersion(range, version)).not.toThrow());

test.each([">=3.260.0", "<3", "2.x", "!3.259.0", ">=3.0.0 <3.200.0", "<3.4.0 || >3.300.0"])(
  "%s doesn't hold 3.259.0, and the error tells both",
  (range) =>
    expect(() => requireVersion(range, "3.259.0")).toThrow(`"${range}"; the embedded engine behaves as 3.259.0`),
);

test.each(["three", ">=", ">=3.0.0 or so", "~>3"])("%s is no range", (range) =>
  expect(() => requireVersion(range, "3.259.0")).toThrow("is not a version range"),
);
