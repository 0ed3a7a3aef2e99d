import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { bringsOtherSdk } from "../../engine/program/other-sdks";

let root: string;
beforeEach(() => (root = realpathSync(mkdtempSync(join(tmpdir(), "sdks-")))));
afterEach(() => rmSync(root, { recursive: true }));

const put = (file: string, text = "") => {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
  return join(root, file);
};
const sdkIn = (folder: string) => put(`${folder}/node_modules/@pulumi/pulumi/index.js`);

/** Of a program in a folder below its package.json and its packages. */
function found(NODE_PATH = "") {
  const sdk = sdkIn(".");
  put("package.json", JSON.stringify({ dependencies: { parts: "1", absent: "1", "@pulumi/pulumi": "3" } }));
  put("program/Pulumi.yaml");
  return bringsOtherSdk(join(root, "program"), sdk, { NODE_PATH });
}

test("one SDK, seen from everywhere", () => {
  put("node_modules/parts/index.js");
  expect(found(join(root, "node_modules"))).toBeUndefined();
});

test("a folder of NODE_PATH with another one", () => {
  sdkIn("shared");
  expect(found(join(root, "shared/node_modules"))).toBe(join(root, "shared/node_modules"));
});

test("a package that the program's package.json names", () => {
  sdkIn("node_modules/parts");
  expect(found()).toBe("parts");
});

test("such a package behind a link", () => {
  sdkIn("store/parts");
  mkdirSync(join(root, "node_modules"));
  symlinkSync(join(root, "store/parts"), join(root, "node_modules/parts"));
  expect(found()).toBe("parts");
});
