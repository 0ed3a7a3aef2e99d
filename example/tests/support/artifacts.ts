import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { env } from "./env";

/** A request and what came back, kept for who has to find out why a test failed. */
export interface Exchange {
  readonly method: string;
  readonly target: string;
  readonly route: string;
  readonly status: number;
  readonly json: unknown;
}

const exchanges: Exchange[] = [];

export function recordExchange(exchange: Exchange): void {
  exchanges.push(exchange);
}

/** Writes the first answer of each kind to `responses/`, and to `summary.json` which kinds there were, and how often. */
export async function writeArtifacts(): Promise<void> {
  const responses = path.join(env.artifactsDirectory, "responses");
  await mkdir(responses, { recursive: true });
  const covered: Record<string, Record<string, number>> = {};
  for (const exchange of exchanges) {
    const { method, route, status, json } = exchange;
    const counts = (covered[`${method} ${route}`] ??= {});
    counts[status] = (counts[status] ?? 0) + 1;
    if (counts[status] > 1 || json === undefined) continue;
    const name = `${method}${route}-${status}`.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    await writeFile(path.join(responses, `${name}.json`), `${JSON.stringify(exchange, null, 2)}\n`);
  }
  const summary = {
    runId: env.runId,
    requests: exchanges.length,
    routes: Object.fromEntries(Object.entries(covered).sort()),
  };
  await writeFile(path.join(env.artifactsDirectory, "summary.json"), `${JSON.stringify(summary, null, 2)}\n`);
}
