/** Property values and their differences as lines that a person reads. */
import { diffLines } from "diff";
import {
  Archive,
  Asset,
  equalValues,
  isMap,
  OutputValue,
  type PathStep,
  type PropertyMap,
  type PropertyValue,
  ResourceReference,
  Secret,
  Unknown,
} from "../../engine/values";
import { type Difference, differenceOf, type ListDifference, type MapDifference, mapDifference } from "./property-diff";
import type { Style } from "./style";

/** What a line tells of: something new, gone, changed, or there as before. */
export type Sign = "+" | "-" | "~" | "";

export interface TextOptions {
  style: Style;
  /** Texts are shown to their ends, however long. */
  full: boolean;
}

/** How much of a long text is shown. */
const SHOWN_LINES = 3;
const SHOWN_COLUMNS = 150;
/** Unchanged lines shown around changed ones. */
const CONTEXT_LINES = 2;

/** The entries of a map, one below the other; those that say nothing are left out. */
export function mapLines(map: PropertyMap, indent: number, sign: Sign, options: TextOptions): string[] {
  const shown = Object.entries(map).filter(([key, value]) => !key.startsWith("__") && saysSomething(value));
  return entries(
    shown.map(([key, value]) => [key, sign, valueLines(value, indent, sign, options)]),
    indent,
    options,
  );
}

/** The differences of a map's entries; with `sames` also what is as it was. */
export function differenceLines(
  { elements }: MapDifference,
  indent: number,
  options: TextOptions,
  { sames = true } = {},
): string[] {
  const shown = [...elements].filter(([, { kind }]) => sames || kind !== "same");
  return entries(
    shown.flatMap(([key, difference]) => elementRows(key, difference, indent, options)),
    indent,
    options,
  );
}

export function paint(sign: Sign, text: string, style: Style): string {
  if (sign === "+") return style.green(text);
  if (sign === "-") return style.red(text);
  return sign === "~" ? style.yellow(text) : text;
}

export function indentation(depth: number, sign: Sign = ""): string {
  return sign === "" ? "    ".repeat(depth) : `${"    ".repeat(depth).slice(0, -2)}${sign} `;
}

/** A title, its sign, and its value: the first line stands beside the title, the others below it. */
type Row = [title: PathStep, sign: Sign, lines: string[]];

function entries(rows: Row[], indent: number, options: TextOptions): string[] {
  const sorted = rows.every(([title]) => typeof title === "string")
    ? [...rows].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    : rows;
  const width = Math.max(0, ...sorted.map(([title]) => (typeof title === "string" ? title.length : 0)));
  return sorted.flatMap(([title, sign, [first = "", ...rest]]) => {
    const name = typeof title === "number" ? `[${title}]` : title.padEnd(width);
    return [paint(sign, `${indentation(indent, sign)}${name}: `, options.style) + first, ...rest];
  });
}

function elementRows(key: PathStep, difference: Difference, indent: number, options: TextOptions): Row[] {
  switch (difference.kind) {
    case "same":
      return saysSomething(difference.value) ? [[key, "", valueLines(difference.value, indent, "", options)]] : [];
    case "add":
      return [[key, "+", valueLines(difference.value, indent, "+", options)]];
    case "delete":
      return [[key, "-", valueLines(difference.value, indent, "-", options)]];
    case "update":
      return updateRows(key, difference.old, difference.now, indent, options);
    default:
      return [[key, "~", nestedLines(difference, indent, options)]];
  }
}

function nestedLines(
  { kind, elements }: MapDifference | ListDifference,
  indent: number,
  options: TextOptions,
): string[] {
  const rows = [...elements].flatMap(([key, inner]) => elementRows(key, inner, indent + 1, options));
  const [open, close] = kind === "list" ? ["[", "]"] : ["{", "}"];
  return [open, ...entries(rows, indent + 1, options), `${indentation(indent)}${close}`];
}

function updateRows(
  key: PathStep,
  old: PropertyValue,
  now: PropertyValue,
  indent: number,
  options: TextOptions,
): Row[] {
  const both = saysSomething(old) && saysSomething(now);
  const lines = both ? changeLines(old, now, indent, options) : undefined;
  if (lines) return [[key, "~", lines]];
  return [
    ...(saysSomething(old) || !saysSomething(now) ? [[key, "-", valueLines(old, indent, "-", options)] as Row] : []),
    ...(saysSomething(now) ? [[key, "+", valueLines(now, indent, "+", options)] as Row] : []),
  ];
}

/** A change that can be told as one; `undefined` where it is rather one thing gone and another one there. */
function changeLines(
  old: PropertyValue,
  now: PropertyValue,
  indent: number,
  options: TextOptions,
): string[] | undefined {
  if (old instanceof Asset && now instanceof Asset) return assetChange(old, now, indent, options);
  if (old instanceof Archive && now instanceof Archive) return archiveChange(old, now, indent, options);
  if (!isPrimitive(old) || !isPrimitive(now)) return undefined;
  if (typeof old === "string" && typeof now === "string") return textChange(old, now, indent, options);
  const { style } = options;
  const [before] = valueLines(old, indent, "-", options);
  const [after, ...rest] = valueLines(now, indent, "+", options);
  return [`${before} ${style.yellow("=>")} ${after}`, ...rest];
}

function textChange(old: string, now: string, indent: number, options: TextOptions): string[] {
  const { style } = options;
  const [oldJson, nowJson] = [structureIn(old), structureIn(now)];
  if (oldJson && nowJson && !equalValues(oldJson, nowJson)) {
    const difference = differenceOf(oldJson, nowJson);
    if ("elements" in difference) {
      const [first = "", ...rest] = nestedLines(difference, indent, options);
      return [`(json) ${first}`, ...rest];
    }
  }
  if (!old.includes("\n") && !now.includes("\n")) {
    return [`${style.red(JSON.stringify(old))} ${style.yellow("=>")} ${style.green(JSON.stringify(now))}`];
  }
  return ["", ...lineChanges(old, now, indent + 1, options)];
}

/** Changed lines, with a few of those around them. */
function lineChanges(old: string, now: string, indent: number, options: TextOptions): string[] {
  const parts = diffLines(old, now);
  return parts.flatMap(({ value, added, removed }, i) => {
    const sign: Sign = added ? "+" : removed ? "-" : "";
    const lines = value.replace(/\n$/, "").split("\n");
    const shown = sign === "" ? around(lines, i === 0, i === parts.length - 1) : lines;
    return shown.map((line) => paint(sign, `${indentation(indent, sign)}${line}`, options.style));
  });
}

/** Of unchanged lines, those beside what comes before and after. */
function around(lines: string[], isFirst: boolean, isLast: boolean): string[] {
  const head = isFirst ? 0 : CONTEXT_LINES;
  const tail = isLast ? 0 : CONTEXT_LINES;
  if (lines.length <= head + tail + 1) return lines;
  return [...lines.slice(0, head), "…", ...lines.slice(lines.length - tail)];
}

function assetChange(old: Asset, now: Asset, indent: number, options: TextOptions): string[] | undefined {
  const [a, b] = [old.fields, now.fields];
  const hash = arrow(shortHash(a.hash), shortHash(b.hash));
  if (a.text !== undefined && b.text !== undefined) {
    const lines = lineChanges(a.text, b.text, indent + 1, options);
    return [`asset(text:${hash}) {`, ...lines, `${indentation(indent)}}`];
  }
  if (a.path && b.path) return [`asset(file:${hash}) { ${arrow(a.path, b.path)} }`];
  if (a.uri && b.uri) return [`asset(uri:${hash}) { ${arrow(a.uri, b.uri)} }`];
  return undefined;
}

function archiveChange(old: Archive, now: Archive, indent: number, options: TextOptions): string[] | undefined {
  const [a, b] = [old.fields, now.fields];
  const hash = arrow(shortHash(a.hash), shortHash(b.hash));
  if (a.assets && b.assets) {
    const [, ...lines] = nestedLines(mapDifference(a.assets, b.assets), indent, options);
    return [`archive(assets:${hash}) {`, ...lines];
  }
  if (a.path && b.path) return [`archive(file:${hash}) { ${arrow(a.path, b.path)} }`];
  if (a.uri && b.uri) return [`archive(uri:${hash}) { ${arrow(a.uri, b.uri)} }`];
  return undefined;
}

/** The value as lines; the first stands beside its title. */
function valueLines(value: PropertyValue, indent: number, sign: Sign, options: TextOptions): string[] {
  const { style, full } = options;
  const plain = (text: string): string => paint(sign, text, style);
  const close = (bracket: string): string => indentation(indent) + bracket;
  const below = (rows: Row[]): string[] => entries(rows, indent + 1, options);
  const inner = (key: PathStep, element: PropertyValue): Row => [
    key,
    sign,
    valueLines(element, indent + 1, sign, options),
  ];

  if (value instanceof Secret) return [plain("[secret]")];
  if (value instanceof Unknown || value instanceof OutputValue) return [plain("[unknown]")];
  if (value === null) return [plain("<null>")];
  if (typeof value === "string") {
    const structure = structureIn(value);
    if (!structure) return [plain(JSON.stringify(full ? value : shortened(value)))];
    const [first = "", ...rest] = valueLines(structure, indent, sign, options);
    return [`${plain("(json) ")}${first}`, ...rest];
  }
  if (Array.isArray(value)) {
    if (value.length === 0) return [plain("[]")];
    return ["[", ...below(value.map((element, i) => inner(i, element))), close("]")];
  }
  if (value instanceof Asset) {
    const { text, path, uri, hash } = value.fields;
    if (text === undefined)
      return [plain(`asset(${path ? "file" : "uri"}:${shortHash(hash)}) { ${path ?? uri ?? ""} }`)];
    const lines = (full ? text : shortened(text)).split("\n");
    return [
      plain(`asset(text:${shortHash(hash)}) {`),
      ...lines.map((line) => plain(`${indentation(indent + 1)}${line}`)),
      close("}"),
    ];
  }
  if (value instanceof Archive) {
    const { assets, path, uri, hash } = value.fields;
    if (!assets) return [plain(`archive(${path ? "file" : "uri"}:${shortHash(hash)}) { ${path ?? uri ?? ""} }`)];
    const rows = Object.entries(assets).map(([name, asset]) => inner(name, asset));
    return [plain(`archive(assets:${shortHash(hash)}) {`), ...below(rows), close("}")];
  }
  if (value instanceof ResourceReference) {
    const { urn, id } = value;
    return ["{", ...mapLines({ urn, ...(id === undefined ? {} : { id }) }, indent + 1, sign, options), close("}")];
  }
  if (isMap(value)) {
    const lines = mapLines(value, indent + 1, sign, options);
    return lines.length > 0 ? ["{", ...lines, close("}")] : [plain("{}")];
  }
  return [plain(String(value))];
}

/** Empty values are what providers leave unset: they would hide the others. */
function saysSomething(value: PropertyValue): boolean {
  if (value === null || value === "") return false;
  if (Array.isArray(value)) return value.length > 0;
  return !isMap(value) || Object.keys(value).length > 0;
}

function isPrimitive(value: PropertyValue): boolean {
  return value instanceof Secret || value instanceof Unknown || typeof value !== "object" || value === null;
}

/** The list or map that a text is the JSON of. */
function structureIn(text: string): PropertyValue | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as PropertyValue;
  } catch {
    return undefined;
  }
}

function shortened(text: string): string {
  const lines = text.split("\n");
  const cut = lines
    .slice(0, SHOWN_LINES)
    .map((line) => (line.length > SHOWN_COLUMNS ? `${line.slice(0, SHOWN_COLUMNS)}…` : line));
  if (lines.length > SHOWN_LINES) cut.push("…");
  return cut.join("\n");
}

const shortHash = (hash = ""): string => hash.slice(0, 7);
const arrow = (old: string, now: string): string => (old === now ? old : `${old} => ${now}`);
