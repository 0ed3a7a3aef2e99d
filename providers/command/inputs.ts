/** What a command takes, and what is wrong with what it is given. */
import { type CheckFailure, isMap, type PropertyMap, type PropertyValue, UNKNOWN, withoutSecrets } from "../../engine";

type Kind = "string" | "strings" | "map" | "boolean" | "list";

/** What every command takes, whether it belongs to a resource or is run once. */
const SHARED_INPUTS: Record<string, Kind> = {
  interpreter: "strings",
  dir: "string",
  environment: "map",
  stdin: "string",
  logging: "string",
  assetPaths: "strings",
  archivePaths: "strings",
  addPreviousOutputInEnv: "boolean",
};
export const COMMAND_INPUTS: Record<string, Kind> = {
  create: "string",
  update: "string",
  delete: "string",
  triggers: "list",
  ...SHARED_INPUTS,
};
export const RUN_INPUTS: Record<string, Kind> = { command: "string", ...SHARED_INPUTS };

export function checkInputs(inputs: PropertyMap, known: Record<string, Kind>, required: string[] = []): CheckFailure[] {
  const failures: CheckFailure[] = [];
  const plain = withoutSecrets(inputs);
  for (const [key, value] of Object.entries(plain)) {
    const kind = known[key];
    if (!kind) {
      failures.push({ property: key, reason: `is not an input (these are: ${Object.keys(known).sort().join(", ")})` });
    } else if (!fits(value, kind)) failures.push({ property: key, reason: `must be ${DESCRIPTIONS[kind]}` });
  }
  for (const key of required) if (plain[key] === undefined) failures.push({ property: key, reason: "is missing" });
  return failures;
}

const DESCRIPTIONS: Record<Kind, string> = {
  string: "a string",
  strings: "a list of strings",
  map: "a map of strings",
  boolean: "true or false",
  list: "a list",
};

/** As the official provider does, this takes no number or boolean for a string. */
function fits(value: PropertyValue, kind: Kind): boolean {
  if (value === null || value === UNKNOWN) return true;
  switch (kind) {
    case "string":
      return typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    case "list":
      return Array.isArray(value);
    case "strings":
      return Array.isArray(value) && value.every((element) => fits(element, "string"));
    case "map":
      return isMap(value) && Object.values(value).every((element) => fits(element, "string"));
  }
}
