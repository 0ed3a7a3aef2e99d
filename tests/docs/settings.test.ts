import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { codeSpans, readDocument, root, tableRows } from "./markdown";

/** The settings in the source of index.ts, with the defaults that it gives them itself. */
function settingsOfProgram(): { key: string; default?: string }[] {
  const source = /readSettings\(\{\n([\s\S]*?)\n\}\)/.exec(readDocument("index.ts"))![1]!;
  return source.split("\n").map((line) => {
    const [, key, schema] = /^ {2}"([^"]+)": (.*?),(?: \/\/.*)?$/.exec(line)!;
    const value = /\.(?:prefault|default)\((.*)\)$/.exec(schema!)?.[1];
    return { key: key!, ...(value === undefined ? {} : { default: value.replace(/^"(.*)"$/, "$1") }) };
  });
}

it("tells of the settings that index.ts reads, with the defaults that it gives them", () => {
  const told = tableRows(readDocument("docs/settings.md"))
    .filter((row) => "setting" in row)
    .map((row) => ({ key: codeSpans(row.setting!)[0], default: codeSpans(row.default!)[0] }));
  const read = settingsOfProgram();
  expect(read.length).toBeGreaterThan(10);
  expect(told.map(({ key }) => key)).toEqual(read.map(({ key }) => key));
  const withDefault = read.filter((setting) => "default" in setting);
  expect(told.filter(({ key }) => withDefault.some((setting) => setting.key === key))).toEqual(withDefault);
});

it("tells of the base images that there are", () => {
  const told = tableRows(readDocument("docs/settings.md")).filter((row) => "kind" in row);
  const script = `
    import("./scripts/base-images/recipe.mjs").then(({ recipes, variable }) =>
      console.log(JSON.stringify(Object.entries(recipes).map(([kind, { publicImage }]) => [kind, variable(kind), publicImage]))))`;
  const recipes = JSON.parse(execFileSync(process.execPath, ["-e", script], { cwd: join(root), encoding: "utf8" }));
  expect(told.map((row) => [row.kind!, row.variable!, row["public image"]!].map((cell) => codeSpans(cell)[0]))).toEqual(
    recipes,
  );
});
