/** Changes to a stack's settings file; comments and order stay. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { Document, isMap, parseDocument } from "yaml";
import { UserError } from "../api";
import { formatPath, type PathStep, parsePath } from "../values";
import { fullKey } from "./project";

/** The salt is that of a passphrase; keys of other secrets providers have none. */
export type SettingValue = { plain: string } | { ciphertext: string; salt?: string };

/** The full key of a setting, and where in its value it lies. */
export interface SettingPlace {
  key: string;
  path: PathStep[];
}

/** Reads a key; as a path only where asked to. Throws a UserError where it can't be read. */
export function settingPlace(text: string, project: string, isPath: boolean): SettingPlace {
  if (text === "") throw new UserError("a setting's key can't be empty");
  if (!isPath) return { key: fullKey(text, project), path: [] };
  const [namespace, rest] = text.includes(":")
    ? [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)]
    : [project, text];
  let steps: PathStep[];
  try {
    steps = parsePath(rest);
  } catch (error) {
    throw new UserError((error as Error).message);
  }
  const [first, ...path] = steps;
  if (typeof first !== "string") throw new UserError(`"${text}" is not the path of a setting: it begins with a name`);
  return { key: `${namespace}:${first}`, path };
}

/**
 * Writes one setting into `file`, which is made where it isn't there. Throws a UserError where the file is encrypted
 * with another salt, or the path leads into something that is neither a list nor an object.
 */
export function writeSetting(file: string, { key, path }: SettingPlace, value: SettingValue): void {
  const document = readDocument(file);
  if ("ciphertext" in value && value.salt !== undefined) {
    const salt: unknown = document.get("encryptionsalt");
    if (salt !== undefined && salt !== value.salt) {
      throw new UserError(
        `${file} is encrypted with another salt than the stack: its secrets are those of another stack or another key`,
      );
    }
    document.set("encryptionsalt", value.salt);
  }
  const content =
    "ciphertext" in value ? { secure: value.ciphertext } : path.length > 0 ? typedValue(value.plain) : value.plain;
  const config: unknown = document.get("config");
  if (!isMap(config)) document.set("config", document.createNode({}));
  const at = ["config", key, ...path];
  try {
    // A list that isn't there yet has to be told apart from an object.
    for (let depth = 2; depth < at.length; depth++) {
      if (!document.hasIn(at.slice(0, depth))) {
        document.setIn(at.slice(0, depth), document.createNode(typeof at[depth] === "number" ? [] : {}));
      }
    }
    document.setIn(at, document.createNode(content));
  } catch {
    throw new UserError(`${formatPath([key, ...path])} can't be set: what lies above it is no list and no object`);
  }
  save(file, document);
}

/** Takes one setting out of `file`; one that isn't there is no error. */
export function removeSetting(file: string, { key, path }: SettingPlace): void {
  if (!existsSync(file)) return;
  const document = readDocument(file);
  if (!document.hasIn(["config", key, ...path])) return;
  document.deleteIn(["config", key, ...path]);
  save(file, document);
}

/** With a path, as in the CLI, what looks like a boolean or a whole number is one. */
function typedValue(text: string): string | boolean | number {
  if (text === "true" || text === "false") return text === "true";
  return /^(0|-?[1-9]\d{0,15})$/.test(text) ? Number(text) : text;
}

function readDocument(file: string): Document {
  if (!existsSync(file)) return new Document({});
  const document = parseDocument(readFileSync(file, "utf8"));
  const [error] = document.errors;
  if (error) throw new UserError(`${file} can't be read: ${error.message.split("\n")[0]}`);
  if (document.contents === null) document.contents = document.createNode({}) as unknown as typeof document.contents;
  if (!isMap(document.contents)) throw new UserError(`${file}: a map of settings was expected`);
  return document as Document;
}

function save(file: string, document: Document): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, document.toString({ lineWidth: 0 }));
  renameSync(temporary, file);
}
