import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { type ImportRequest, UserError } from "../../engine/api";
import { definedOnly, type CommonOptions } from "../options";
import { operationCommand } from "./operations";

/** Commander's values. */
export interface ImportFlags {
  file?: string;
  parent?: string;
  provider?: string;
  protect?: boolean;
  generateCode?: boolean;
  out?: string;
  properties?: string;
  from?: string;
  message?: string;
  diff?: boolean;
  skipPreview?: boolean;
  previewOnly?: boolean;
  suppressOutputs?: boolean;
}

/** `import TYPE NAME ID` and `import --file FILE`. @returns the exit code */
export async function importCommand(common: CommonOptions, args: string[], flags: ImportFlags): Promise<number> {
  refuseUnsupported(flags);
  const imports = flags.file === undefined ? [fromArguments(args, flags)] : fromFile(flags.file, args, flags);
  const { message, diff, skipPreview, previewOnly, suppressOutputs } = flags;
  const code = await operationCommand(common, {
    asked: { kind: "import", imports, ...definedOnly({ message, previewOnly }) },
    shown: definedOnly({ suppressOutputs }),
    ...definedOnly({ diff, skipPreview }),
  });
  if (code === 0 && !previewOnly) {
    process.stderr.write(
      "Now declare what was imported in the program (--diff shows the inputs): the next update removes what it doesn't ask for, and fails over what is protected. No code is generated.\n",
    );
  }
  return code;
}

function refuseUnsupported({ generateCode, out, properties, from }: ImportFlags): void {
  if (generateCode) throw new UserError("import --generate-code isn't supported: write the declarations by hand");
  if (out !== undefined) throw new UserError("import --out isn't supported: no code is generated");
  if (properties !== undefined) throw new UserError("import --properties isn't supported: every property is imported");
  if (from !== undefined) throw new UserError("import --from isn't supported: list the resources in a --file");
}

function fromArguments([type, name, id]: string[], { parent, provider, protect = true }: ImportFlags): ImportRequest {
  if (type === undefined || name === undefined || id === undefined) {
    throw new UserError("import expects TYPE NAME ID, or --file with a list of resources");
  }
  return { type, name, id, protect, ...definedOnly({ parent: urnOf(parent), provider: urnOf(provider) }) };
}

/** Pulumi also takes the variable's name that generated code would have: `name=urn`. */
function urnOf(text: string | undefined): string | undefined {
  return text?.replace(/^[^=:]+=(?=urn:)/, "");
}

/** Of Pulumi's import file, what is supported; other fields are refused by name. */
const importFile = z.strictObject({
  nameTable: z.record(z.string(), z.string()).default({}),
  resources: z.array(
    z.strictObject({
      type: z.string(),
      name: z.string(),
      id: z.string().default(""),
      logicalName: z.string().optional(),
      parent: z.string().optional(),
      provider: z.string().optional(),
      version: z.string().optional(),
      component: z.boolean().default(false),
    }),
  ),
});

function fromFile(file: string, args: string[], flags: ImportFlags): ImportRequest[] {
  if (args.length > 0 || flags.parent !== undefined || flags.provider !== undefined) {
    throw new UserError("import --file can't be used together with TYPE NAME ID, --parent or --provider");
  }
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(resolve(file), "utf8"));
  } catch (error) {
    throw new UserError(`${file} can't be read as an import file: ${(error as Error).message}`);
  }
  const parsed = importFile.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(`${file}: ${issue!.path.join(".") || "the file"}: ${issue!.message}`);
  }
  const { nameTable, resources } = parsed.data;
  const names = new Map(resources.map(({ name, logicalName }) => [name, logicalName ?? name]));
  return resources.map(({ type, name, id, component, version, parent, provider, logicalName = name }) => {
    if (component === (id !== "")) {
      throw new UserError(
        `${file}: ${name}: ${component ? "a component has no id" : "an id is missing, or component: true"}`,
      );
    }
    if (provider !== undefined && !(provider in nameTable)) {
      throw new UserError(`${file}: ${name}: the provider "${provider}" is not in the nameTable`);
    }
    if (parent !== undefined && !(parent in nameTable) && !names.has(parent)) {
      throw new UserError(
        `${file}: ${name}: the parent "${parent}" is neither in the nameTable nor among the resources`,
      );
    }
    return {
      type,
      name: logicalName,
      id,
      protect: flags.protect ?? true,
      ...definedOnly({
        version: version || undefined,
        provider: provider && nameTable[provider],
        parent: parent && (nameTable[parent] ?? names.get(parent)),
      }),
    };
  });
}
