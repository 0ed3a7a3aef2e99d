import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { PackedLog } from "./log-chunks";
import type { Report } from "./model";

/** The page's own program and style, as they are built. */
export interface PageAssets {
  script: string;
  style: string;
}

/** The texts of a test; most have none. */
export interface TestTexts {
  details: string;
  output: string;
  errorOutput: string;
}

/** What the page finds first: the report without its lists of tests, and where its packed parts are. */
export interface PageIndex {
  report: Omit<Report, "tests">;
  /** How many packs of tests there are. */
  testPacks: number;
  /** Each pack of texts begins with the test of this number. */
  textPacks: number[];
  logs: { first: number; last: number; chunks: number[] }[];
}

/** Tests in one pack. */
const testsPerPack = 5000;
/** Characters of tests' texts that are unpacked at once, about. */
const textsPerPack = 256 * 1024;

/**
 * Writes the page: one file that fetches nothing. Its data are in script elements that no browser runs, as JSON in which
 * no element can end, or packed with gzip as base64. What is seen first comes first; the rest is read behind it.
 */
export async function writePage(
  file: string,
  parts: { report: Report; texts: Map<number, TestTexts>; logs: PackedLog[]; assets: PageAssets },
): Promise<void> {
  const { report, assets, logs } = parts;
  const { tests, ...rest } = report;
  const texts = packTexts(parts.texts);
  const start = Date.parse(report.startedAt);
  const index: PageIndex = {
    report: rest,
    testPacks: Math.ceil(tests.length / testsPerPack),
    textPacks: texts.map(({ from }) => from),
    logs: logs.map(({ first = start, last = start, chunks }) => ({
      first: (first - start) / 1000,
      last: (last - start) / 1000,
      chunks: chunks.map(({ lines }) => lines),
    })),
  };

  const out = createWriteStream(file, { mode: 0o600 });
  const failed = once(out, "error").then(([error]) => {
    throw error;
  });
  failed.catch(() => undefined);
  const write = async (text: string): Promise<void> => {
    if (!out.write(text)) await Promise.race([once(out, "drain"), failed]);
  };
  const block = async (id: string, data: Buffer): Promise<void> =>
    await write(`<script type="application/gzip" id="${id}">${data.toString("base64")}</script>\n`);
  try {
    await write(head(report, assets));
    await write(`<script type="application/json" id="index">${inScript(JSON.stringify(index))}</script>\n`);
    for (let pack = 0; pack < index.testPacks; pack++) {
      const rows = tests.slice(pack * testsPerPack, (pack + 1) * testsPerPack);
      await block(`tests-${pack}`, await zip(JSON.stringify(rows)));
    }
    await write(`<script>${assets.script}</script>\n`);
    for (const [pack, { json }] of texts.entries()) await block(`texts-${pack}`, await zip(json));
    for (const [log, { times, chunks }] of logs.entries()) {
      await block(`times-${log}`, times);
      for (const [chunk, { packed }] of chunks.entries()) await block(`log-${log}-${chunk}`, packed);
    }
    await write("</body>\n</html>\n");
  } finally {
    const closed = Promise.race([once(out, "close"), failed]).catch(() => undefined);
    out.end();
    await closed;
  }
  await Promise.race([failed, Promise.resolve()]);
}

const zip = promisify<string, { level: number }, Buffer>(gzip) as (text: string) => Promise<Buffer>;

/** JSON that no markup is in: it neither ends its element nor begins a comment. */
export function inScript(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Text as HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function packTexts(texts: Map<number, TestTexts>): { from: number; json: string }[] {
  const packs: { from: number; json: string }[] = [];
  let pack: [number, TestTexts][] = [];
  let length = 0;
  const flush = (): void => {
    if (pack.length > 0) packs.push({ from: pack[0]![0], json: JSON.stringify(pack) });
    pack = [];
    length = 0;
  };
  for (const [test, text] of [...texts].sort(([a], [b]) => a - b)) {
    pack.push([test, text]);
    length += text.details.length + text.output.length + text.errorOutput.length;
    if (length >= textsPerPack) flush();
  }
  flush();
  return packs;
}

function head({ verdict, stack, project, reason, counts }: Report, { script, style }: PageAssets): string {
  const digest = (text: string) => `'sha256-${createHash("sha256").update(text, "utf8").digest("base64")}'`;
  // Nothing but the page's own program and style, and no request to anywhere.
  const policy = [
    "default-src 'none'",
    `script-src ${digest(script)}`,
    `style-src ${digest(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const title = `${verdict} · ${stack || project || "seatrial"}`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<noscript><h1>${escapeHtml(title)}</h1><p>${escapeHtml(reason)}</p>
<p>${counts.total} tests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped.</p>
<p>This page needs JavaScript. report.json, beside it, has the same data.</p></noscript>
<div id="page"></div>
`;
}
