/** The project's program as a function, which the Automation API serves to the CLI. */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import type { PulumiFn } from "@pulumi/pulumi/automation";
import type { Project } from "../../engine";
import { UserError } from "../../engine/api";
import { findEntryPoint } from "../../engine/program/entry-point";
import { forget, load, resolveExports } from "../../engine/program/inline-program";
import { registerTypeScript } from "../../engine/program/loader";
import type { Masker } from "../../engine/deployment/masker";
import { Secret, type PropertyValue } from "../../engine/values";
import { takeTestRun } from "./test-run";

/** The program's own SDK: what it makes has to go to the same one as what is served. */
export type ProgramSdk = typeof import("@pulumi/pulumi");

/** The program's own `@pulumi/pulumi`, or a module in it such as its Automation API; `undefined` where it has none. */
export function requireSdk<T>(project: Project, module = "@pulumi/pulumi"): T | undefined {
  const require = createRequire(findEntryPoint(project).file);
  try {
    return require(module) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

export interface InlineProgram {
  run: PulumiFn;
  /** Takes back what running it has changed of this process. */
  dispose(): void;
}

/**
 * The secrets of what the program registers are made known to `masker`. Throws a `UserError` where the program can't be
 * run in this process.
 */
export function inlineProgram(project: Project, masker: Masker, workingDirectory: string | undefined): InlineProgram {
  const entry = findEntryPoint(project);
  const sdk = requireSdk<ProgramSdk>(project);
  if (!sdk) throw new UserError(`the program in ${entry.folder} has no @pulumi/pulumi: run "npm install" there`);
  if (entry.typescript && entry.esm) {
    throw new UserError(
      `${entry.file} is TypeScript as an ES module, which --engine pulumi can't load: compile it to JavaScript, or leave out --engine pulumi`,
    );
  }
  const restoreTypeScript = registerTypeScript(project.root);
  const cwd = process.cwd();
  return {
    async run() {
      process.chdir(workingDirectory ?? entry.folder);
      sdk.runtime.registerStackTransformation(({ props }) => {
        learnSecrets(sdk, props, masker);
        return undefined;
      });
      takeTestRun(sdk, process.env);
      try {
        return (await resolveExports(await load(entry))) as Record<string, unknown>;
      } catch (error) {
        // The Automation API would tell it as an error of its own.
        await sdk.log.error(describeError(sdk, entry.file, error));
        return {};
      }
    },
    dispose() {
      restoreTypeScript();
      forget(dirname(entry.file));
      process.chdir(cwd);
    },
  };
}

function learnSecrets(sdk: ProgramSdk, value: unknown, masker: Masker): void {
  if (sdk.Output.isInstance(value)) {
    const output = value as unknown as { isSecret: Promise<boolean>; promise(): Promise<unknown> };
    void Promise.all([output.isSecret, output.promise()])
      .then(([secret, plain]) =>
        secret ? masker.learn(new Secret(plain as PropertyValue)) : learnSecrets(sdk, plain, masker),
      )
      .catch(() => undefined);
  } else if (Array.isArray(value)) {
    for (const element of value) learnSecrets(sdk, element, masker);
  } else if (value && Object.getPrototypeOf(value) === Object.prototype) {
    for (const element of Object.values(value)) learnSecrets(sdk, element, masker);
  }
}

/** In the words of the embedded engine. */
function describeError(sdk: ProgramSdk, file: string, error: unknown): string {
  if (sdk.RunError.isInstance(error)) return (error as unknown as Error).message;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `Running program '${file}' failed with an unhandled exception:\n${text}`;
}
