/** The provider's tables and docs/command-provider.md have what the package has. */
import { readFileSync } from "node:fs";
import { COMMAND_INPUTS, RUN_INPUTS } from "../../../providers/command/inputs";

const sourceOf = (module: string): string => readFileSync(require.resolve(`@pulumi/command/${module}`), "utf8");
const page = readFileSync("docs/command-provider.md", "utf8");
const rows = [...page.matchAll(/^\| `(\w+)` +\| (`Command`|`run`|both) /gm)].map(([, name, of]) => ({
  name: name!,
  of,
}));
const rowsOf = (of: string): string[] =>
  rows.flatMap((row) => (row.of === of || row.of === "both" ? [row.name] : [])).sort();

test("every input of Command", () => {
  const declared = [...sourceOf("local/command").matchAll(/= args\?\.(\w+);/g)].map(([, name]) => name).sort();
  expect(Object.keys(COMMAND_INPUTS).sort()).toEqual(declared);
  expect(rowsOf("`Command`")).toEqual(declared);
});

test("every input of run", () => {
  const declared = [...new Set([...sourceOf("local/run").matchAll(/: args\.(\w+),/g)].map(([, name]) => name))].sort();
  expect(Object.keys(RUN_INPUTS).sort()).toEqual(declared);
  expect(rowsOf("`run`")).toEqual(declared);
});

test("every remote resource is refused on the page", () => {
  const resources = [...sourceOf("remote").matchAll(/case "command:(remote):(\w+)"/g)];
  expect(resources).toHaveLength(3);
  for (const [, folder, name] of resources) expect(page).toContain(`\`${folder}.${name}\``);
});
