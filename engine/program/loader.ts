/**
 * Loading a program's TypeScript in this process: its types are stripped, nothing is checked, as with the CLI's
 * PULUMI_NODEJS_TRANSPILE_ONLY. Files in node_modules are left alone.
 */
import { readFileSync } from "node:fs";
import Module from "node:module";
import { dirname, extname } from "node:path";
import type { TransformOptions } from "esbuild";
import { version } from "esbuild/package.json";
import { openTranspiled } from "./transpiled";

type Compiler = (module: NodeModule & { _compile(code: string, file: string): void }, file: string) => void;
const extensions = (Module as unknown as { _extensions: Record<string, Compiler> })._extensions;

const HANDLED = [".ts", ".cts", ".tsx"];

/** Makes `require` understand TypeScript; the result takes that back. @param project the project's folder */
export function registerTypeScript(project: string): () => void {
  const done = openTranspiled(project, `${version} ${process.version}`);
  const before = HANDLED.map((extension) => [extension, extensions[extension]] as const);
  for (const extension of HANDLED) {
    extensions[extension] = (module, file) => {
      const text = readFileSync(file, "utf8");
      module._compile(
        done.get(file, text, () => transpile(file, text)),
        file,
      );
    };
  }
  return () => {
    done.save();
    for (const [extension, compiler] of before) {
      if (compiler) extensions[extension] = compiler;
      else delete extensions[extension];
    }
  };
}

function transpile(file: string, text: string): string {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only when there is TypeScript to strip
  const { transformSync } = require("esbuild") as typeof import("esbuild");
  const options: TransformOptions = {
    loader: extname(file) === ".tsx" ? "tsx" : "ts",
    format: "cjs",
    platform: "node",
    target: "node20",
    sourcefile: file,
    sourcemap: "inline",
    // As in the CLI, whose target is older than class fields: one that is only declared leaves alone what the SDK sets.
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    define: { "import.meta.dirname": JSON.stringify(dirname(file)) },
    logLevel: "silent",
  };
  return transformSync(text, options).code;
}
