/** What `@pulumi/docker` declares: its resources with their inputs and outputs, and its functions. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";

export const PACKAGE = dirname(require.resolve("@pulumi/docker/package.json"));

export interface Property {
  name: string;
  required: boolean;
  /** The name of the input type that it or its elements have. */
  nested: string | undefined;
}

const parsed = new Map<string, ts.SourceFile>();

function declarations(file: string): ts.SourceFile {
  const known = parsed.get(file);
  if (known) return known;
  const text = readFileSync(join(PACKAGE, file), "utf8");
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  parsed.set(file, source);
  return source;
}

export const inputTypes = "types/input.d.ts";

/** The properties of an interface such as `ContainerArgs` in `container.d.ts`. */
export function propertiesOf(file: string, name: string): Property[] {
  const found = declarations(file).statements.find(
    (statement): statement is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  );
  if (!found) throw new Error(`no interface ${name} in ${file}`);
  return found.members.filter(ts.isPropertySignature).map((member) => ({
    name: (member.name as ts.Identifier).text,
    required: !member.questionToken,
    nested: /inputs\.(\w+)/.exec(member.type!.getText())?.[1],
  }));
}

/** The outputs that a resource's class has. */
export function outputsOf(file: string, name: string): string[] {
  const found = declarations(file).statements.find(
    (statement): statement is ts.ClassDeclaration => ts.isClassDeclaration(statement) && statement.name?.text === name,
  );
  if (!found) throw new Error(`no class ${name} in ${file}`);
  return found.members
    .filter(ts.isPropertyDeclaration)
    .filter((member) => !member.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword))
    .map((member) => (member.name as ts.Identifier).text);
}

const index = () => readFileSync(join(PACKAGE, "index.js"), "utf8");

/** Type tokens such as `docker:index/container:Container`. */
export const resourceTokens = (): string[] =>
  [...index().matchAll(/case "(docker:index\/\w+:\w+)"/g)].map(([, token]) => token!);

/** Names such as `getNetwork`. */
export const functionNames = (): string[] => [
  ...new Set([...index().matchAll(/^exports\.(get\w+) = null;/gm)].map(([, name]) => name!.replace(/Output$/, ""))),
];
