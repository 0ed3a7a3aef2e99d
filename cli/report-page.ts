import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { PageAssets } from "../report/page-file";

/** The report page's program and style, which lie beside the bundle. */
export async function pageAssets(): Promise<PageAssets> {
  const [script, style] = await Promise.all(
    ["report-page.js", "report-page.css"].map((name) => readFile(join(__dirname, name), "utf8")),
  );
  return { script: script!, style: style! };
}
