/**
 * Where a program starts: what Node and `cmd/run` of the SDK make of `main` in Pulumi.yaml and package.json.
 *
 * Source: `sdk/nodejs/cmd/run/run.ts` and `pkg/engine/project.go` in pulumi/pulumi.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { type Project, UserError } from "../api";

export interface EntryPoint {
  /** The folder that the program runs in. */
  folder: string;
  /** What `cmd/run` is told to run in that folder: a file's name, or `.` for what package.json and Node make of it. */
  main: string;
  file: string;
  /** It is an ES module, to be imported and not required. */
  esm: boolean;
  typescript: boolean;
  /** What its user should know of how it was found. */
  warnings: string[];
}

/** The folder that a project's program and its providers run in, be there a program or not. */
export function programFolder({ main }: Project): string {
  return existsSync(main) && statSync(main).isDirectory() ? main : dirname(main);
}

/** Throws a UserError where there is no program. */
export function findEntryPoint(project: Project): EntryPoint {
  const folder = programFolder(project);
  const isFolder = folder === project.main;
  const warnings: string[] = [];
  const file = isFolder ? fileOfFolder(project.main, warnings) : withExtension(project.main);
  if (!file) {
    throw new UserError(`${project.root} has no program: index.ts or index.js was expected, or "main" in Pulumi.yaml`);
  }
  const isModule = nearestManifest(dirname(file))?.manifest["type"] === "module";
  return {
    folder,
    main: isFolder ? "." : basename(project.main),
    file,
    esm: /\.m[jt]s$/.test(file) || (isModule && !/\.c[jt]s$/.test(file)),
    typescript: /\.[cm]?tsx?$/.test(extname(file)),
    warnings,
  };
}

/** `exports` or `main` of the nearest package.json, where that file is there; else the folder's index. */
function fileOfFolder(folder: string, warnings: string[]): string | undefined {
  const found = nearestManifest(folder);
  const main = found && mainOf(found.manifest);
  if (main) {
    const path = join(found.folder, main);
    const file = existsSync(path) && statSync(path).isDirectory() ? indexOf(path) : withExtension(path);
    if (file) return file;
    warnings.push(`package.json says that the program is ${main}, which doesn't exist: ${folder} is taken instead`);
  }
  const index = indexOf(folder);
  if (index === join(folder, "index.js") && existsSync(join(folder, "index.ts"))) {
    warnings.push(
      `${folder} has both index.js and index.ts: index.js is taken, as Node does; "main" in Pulumi.yaml says otherwise`,
    );
  }
  return index;
}

function mainOf(manifest: Manifest): string | undefined {
  const exported = manifest["exports"];
  const root: unknown = isMap(exported) ? exported["."] : exported;
  const main: unknown = isMap(root) ? (root["default"] ?? root["require"] ?? root["import"]) : root;
  if (exported !== undefined) return typeof main === "string" ? main : undefined;
  return typeof manifest["main"] === "string" && manifest["main"] !== "" ? manifest["main"] : undefined;
}

/** JavaScript comes first, since that is what Node takes. */
const indexOf = (folder: string): string | undefined =>
  ["index.js", "index.mjs", "index.cjs", "index.ts", "index.mts", "index.cts"]
    .map((name) => join(folder, name))
    .find((file) => existsSync(file));

const withExtension = (path: string): string | undefined =>
  [path, `${path}.js`, `${path}.ts`].find((file) => existsSync(file) && statSync(file).isFile());

type Manifest = Record<string, unknown>;

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** The nearest package.json, from the folder upwards. */
export function nearestManifest(folder: string): { folder: string; manifest: Manifest } | undefined {
  const manifest = readManifest(join(folder, "package.json"));
  if (manifest) return { folder, manifest };
  const parent = dirname(folder);
  return parent === folder ? undefined : nearestManifest(parent);
}

function readManifest(file: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Manifest;
  } catch {
    return undefined;
  }
}
