import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readExpectations } from "../../run/expectations";
import * as toolkit from "../../testing";
import { readDocument } from "./markdown";

const text = readDocument("docs/testing.md");
const python = spawnSync("python3", ["--version"]).status === 0;
if (!python) console.warn("skipped: there is no python3 to run the example of docs/testing.md with");

(python ? it : it.skip)("has an example in Python that leaves what a run takes over", async () => {
  const folder = mkdtempSync(join(tmpdir(), "seatrial-python-"));
  try {
    const artifacts = join(folder, "artifacts");
    mkdirSync(artifacts);
    mkdirSync(join(folder, "inputs/expected"), { recursive: true });
    writeFileSync(join(folder, "inputs/expected/a.json"), '{"n": 1, "a/b": [1], "gone": true}');
    writeFileSync(join(folder, "inputs/expected/same.json"), "[1]");
    const example = /<!-- program: .* -->\s*\n```python\n([\s\S]*?)\n```/.exec(text)![1]!;
    const use = `
compare_result("a", {"n": 2, "a/b": [1, 2], "more": None})
compare_result("same", [1])
compare_result("deep/b", "fresh")
`;
    const env = { ...process.env, INPUTS_DIR: join(folder, "inputs"), ARTIFACTS_DIR: artifacts };
    const ran = spawnSync("python3", ["-c", example + use], { env, encoding: "utf8" });
    expect(ran.stderr).toBe("");

    const files = ["expectations.json", "expected/a.json", "expected/deep/b.json"].map((path) => ({
      ...{ path, size: readFileSync(join(artifacts, path)).length, modified: new Date() },
    }));
    const { found, notes } = await readExpectations(
      artifacts,
      { files },
      {
        inputs: [{ source: "fixtures", target: join(folder, "inputs") }],
        ...{ projectRoot: "/shop", programFolder: "/shop", mask: (secret: string) => secret },
      },
    );
    expect(notes).toEqual([]);
    expect(found).toEqual({
      compared: 3,
      changed: [
        {
          ...{
            name: "a",
            file: "fixtures/expected/a.json",
            actual: "expected/a.json",
            status: "changed",
            level: "warning",
          },
          changes: [
            { path: "/n", kind: "changed", expected: 1, actual: 2 },
            { path: "/a~1b", kind: "changed", expected: [1], actual: [1, 2] },
            { path: "/gone", kind: "removed", expected: true },
            { path: "/more", kind: "added", actual: null },
          ],
        },
        {
          ...{ name: "deep/b", file: "fixtures/expected/deep/b.json", actual: "expected/deep/b.json" },
          ...{ status: "new", level: "warning", changes: [{ path: "", kind: "added", actual: "fresh" }] },
        },
      ],
    });
    expect(JSON.parse(readFileSync(join(artifacts, "expected/a.json"), "utf8"))).toEqual({ n: 2, "a/b": [1, 2], more: null }); // prettier-ignore
    expect(existsSync(join(artifacts, "expected/same.json"))).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("tells of every function of the toolkit", () => {
  const imported = [...text.matchAll(/import \{ (.*) \} from "seatrial\/testing"/g)].flatMap(([, names]) =>
    names!.split(", "),
  );
  expect(imported.sort()).toEqual(Object.keys(toolkit).sort());
});
