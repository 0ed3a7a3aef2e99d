import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadProject, openStack, runOperation } from "../../engine";
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

test("a project that asks for another version is told so, before anything is done", async () => {
  const folder = mkdtempSync(join(tmpdir(), "seatrial-test-"));
  const update = async (range: string): Promise<unknown> => {
    const settings = ["name: trial", "runtime: nodejs", `requiredPulumiVersion: ${range}`];
    writeFileSync(join(folder, "Pulumi.yaml"), settings.join("\n"));
    const env = { PULUMI_BACKEND_URL: `file://${folder}`, PULUMI_CONFIG_PASSPHRASE: "trial" };
    const stack = await openStack({ project: loadProject(folder), name: "test", create: true, env });
    return runOperation(stack, { kind: "update", providers: {} }, async () => undefined);
  };
  try {
    expect(await update('">=3.200.0"')).toMatchObject({ result: "succeeded" });
    await expect(update('">=4.0.0"')).rejects.toThrow(
      `${join(folder, "Pulumi.yaml")}: requiredPulumiVersion: the program needs a Pulumi version in the range ">=4.0.0"; the embedded engine behaves as`,
    );
    await expect(update('"three"')).rejects.toThrow('requiredPulumiVersion: "three" is not a version range');
    await expect(update("3")).rejects.toThrow('"requiredPulumiVersion" must be a range of versions');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
