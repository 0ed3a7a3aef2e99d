import { join } from "node:path";
import * as ts from "typescript";
import { codeSpans, readDocument, root, sections, tableRows } from "./markdown";

const text = readDocument("docs/your-own-system.md");

/** The program that stands after the mark, without the list's indentation. */
function programOfDocument(): string {
  const block = /<!-- program: .* -->\s*\n( *)```ts\n([\s\S]*?)\n *```/.exec(text)!;
  return block[2]!.replace(new RegExp(`^${block[1]}`, "gm"), "");
}

/** Compiles the source as though it stood beside the folder `components`. */
function compile(source: string): ts.Program {
  const file = join(root, "program-of-the-documentation.ts");
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (name) => name === file || fileExists(name);
  host.getSourceFile = (name, ...rest) =>
    name === file ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2022) : getSourceFile(name, ...rest);
  return ts.createProgram([file], options, host);
}

const complaints = (program: ts.Program) =>
  ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));

const withArguments = ["Api", "AppImage", "BaseImages", "Database", "ObjectStore", "Service", "Tests", "Worker"];

/** Each component's arguments, and which of them there have to be. */
function argumentsOfComponents(program: ts.Program): Record<string, Record<string, "required" | "optional">> {
  const checker = program.getTypeChecker();
  const index = program.getSourceFile(join(root, "components/index.ts"))!;
  const types = checker.getExportsOfModule(checker.getSymbolAtLocation(index)!);
  return Object.fromEntries(
    withArguments.map((name) => {
      const found = types.find((type) => type.name === `${name}Args`)!;
      const properties = checker.getDeclaredTypeOfSymbol(checker.getAliasedSymbol(found)).getProperties();
      const optional = (property: ts.Symbol) => (property.flags & ts.SymbolFlags.Optional) !== 0;
      return [
        name,
        Object.fromEntries(
          properties.map((property) => [property.name, optional(property) ? "optional" : "required"] as const),
        ),
      ];
    }),
  );
}

/** The same, as the document tells it: in a table, or in a sentence that says which are as of `Service`. */
function argumentsOfDocument(): Record<string, Record<string, "required" | "optional">> {
  const told: Record<string, Record<string, "required" | "optional">> = {};
  for (const { title, text } of sections(readDocument("docs/your-own-system.md"))) {
    const name = codeSpans(title)[0] ?? "";
    if (!withArguments.includes(name)) continue;
    const shared = /^It takes (.*) as `Service` does/m.exec(text)?.[1];
    told[name] = {
      ...Object.fromEntries(codeSpans(shared ?? "").map((argument) => [argument, told.Service![argument]!])),
      ...Object.fromEntries(
        tableRows(text).map((row) => [
          codeSpans(row.argument!)[0]!,
          row.default === "required" ? ("required" as const) : ("optional" as const),
        ]),
      ),
    };
  }
  return told;
}

const program = compile(programOfDocument());

it("has a program that type-checks", () => {
  expect(programOfDocument()).toContain("new Tests(");
  expect(complaints(program)).toEqual([]);
}, 120_000);

it("tells of the components' arguments that there are, and of which there must be", () => {
  expect(argumentsOfDocument()).toEqual(argumentsOfComponents(program));
}, 120_000);
