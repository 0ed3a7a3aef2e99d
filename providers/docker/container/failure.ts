/** What a container that failed leaves behind to explain itself: its exit code and its last lines. */
import type Docker from "dockerode";
import { call, query } from "../engine/requests";
import { TextOutput } from "../engine/stream";
import { nameOf, type Inspection } from "./inspection";

const LINES = 20;

/** One line that says what happened, then the container's last log lines, indented. */
export async function exited(
  engine: Docker,
  found: Inspection,
  when: string | undefined,
  headline = endOf(found, when),
): Promise<string> {
  const lines = await lastLines(engine, found);
  if (lines.length === 0) return `${headline}; it logged nothing`;
  return [`${headline}; its last log lines:`, ...lines.map((line) => `  ${line}`)].join("\n");
}

function endOf(found: Inspection, when = ""): string {
  const { ExitCode: code, OOMKilled: outOfMemory, Error: error, Status: status } = found.State;
  if (status === "created") return `container ${nameOf(found)} was not started${error ? `: ${error}` : ""}`;
  const why = outOfMemory ? " (out of memory: raise memory, or use less)" : error ? ` (${error})` : "";
  return `container ${nameOf(found)} exited with code ${code}${why} ${when}`.trim();
}

/** The last lines of the container's log; none where its log driver can't be read. */
export async function lastLines(engine: Docker, found: Inspection, count = LINES): Promise<string[]> {
  try {
    const log = await call<Buffer | object | string | number>(engine, {
      method: "GET",
      path: `/containers/${found.Id}/logs?${query({ stdout: 1, stderr: 1, tail: count })}`,
      signal: AbortSignal.timeout(5_000),
    });
    // The client turns what looks like JSON into a value; a multiplexed log never does.
    const bytes = Buffer.isBuffer(log) ? log : Buffer.from(typeof log === "string" ? log : JSON.stringify(log));
    let text = "";
    const output = new TextOutput(found.Config.Tty === true, (_, chunk) => (text += chunk));
    output.write(bytes);
    output.end();
    return text
      .split(/\r?\n/)
      .filter((line, i, lines) => line !== "" || i < lines.length - 1)
      .slice(-count);
  } catch {
    return [];
  }
}
