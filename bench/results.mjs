// What was measured, as a table for the terminal and as bench/results.md.
import { cpus, loadavg, release, totalmem } from "node:os";
import { ratio, summary } from "./statistics.mjs";

/** @returns the table as text and as Markdown, and the bounds that didn't hold: with `quick`, the loose ones */
export function report(done, facts) {
  const rows = done.flatMap((scene) => armRows(scene));
  const bounds = done.flatMap((scene) => boundRows(scene, facts));
  const failures = bounds.filter(({ holds }) => holds === false);
  const skipped = [
    ...facts.skipped.map((text) => `not measured: ${text}`),
    ...facts.again.map((what) => `a run failed, and was measured again: ${what}`),
  ];
  const heading = ["scene", "who", "n", "median", "middle half", "to Seatrial's"];
  const boundHeading = ["scene", "against", "at most", "measured", "middle half", "holds", "bare calls"];
  const boundCells = bounds.map(({ cells }) => cells);
  return {
    text: [table(heading, rows), "", table(boundHeading, boundCells), ...skipped.map((line) => `- ${line}`)].join("\n"),
    markdown: markdown({ heading, rows, boundHeading, boundCells, skipped, done, facts }),
    failures,
  };
}

function armRows({ name, unit, values, names }) {
  return [...values].map(([arm, measured]) => {
    const { n, median, low, high } = summary(measured);
    const own = values.get("seatrial");
    const to = arm === "seatrial" ? "" : ratio(measured, own).median.toFixed(2);
    return [name, names[arm], String(n), figure(median, unit), `${figure(low, unit)} to ${figure(high, unit)}`, to];
  });
}

function boundRows({ name, values, bounds, names }, { quick }) {
  return bounds.map(({ peer, atMost, loose }) => {
    const limit = quick ? loose : atMost;
    const peers = values.get(peer);
    if (!peers) return { cells: [name, PEERS[peer], String(limit), "", "", "not measured", ""] };
    const { median, low, high } = ratio(values.get("seatrial"), peers);
    const holds = median <= limit;
    const spread = `${low.toFixed(2)} to ${high.toFixed(2)}`;
    const floor = peer !== "floor" && values.get("floor");
    const least = floor ? ratio(floor, peers).median.toFixed(2) : "";
    return { holds, cells: [name, names[peer], String(limit), median.toFixed(2), spread, holds ? "yes" : "no", least] };
  });
}

const PEERS = {
  compose: "Compose",
  floor: "bare calls",
  pulumi: "pulumi",
  served: "pulumi, our providers",
};

function figure(value, unit) {
  return unit === "s" ? `${value.toFixed(2)} s` : `${value.toFixed(0)} ${unit}`;
}

function table(heading, rows) {
  const widths = heading.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at].length)));
  const line = (cells) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at]))
      .join("  ")
      .trimEnd();
  return [line(heading), line(widths.map((width) => "─".repeat(width))), ...rows.map(line)].join("\n");
}

function markdown({ heading, rows, boundHeading, boundCells, skipped, done, facts }) {
  const grid = (titles, cells) =>
    [titles, titles.map(() => "---"), ...cells].map((row) => `| ${row.join(" | ")} |`).join("\n");
  const [{ model }] = cpus();
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  const began = facts.startInterval
    ? "Until a service is up it looks every 0.1 s (`start_interval`)."
    : "This Engine is older than 25.0; on a newer one it looks every 0.1 s until a service is up (`start_interval`).";
  return `# How long runs take

Made by \`npm run bench\`, ${new Date().toISOString().slice(0, 10)}. Each arm was measured once in every round, in turn, after a first round that isn't counted; all of them start the same containers from the same images, run the same tests, and copy the same JUnit file, artifacts and logs out. The middle half is where the values of half of the rounds are; of a ratio, the rounds' own ratios.

- ${cpus().length} × ${model.trim()}, ${memory} GiB, Linux ${release()}, Node ${process.version}, Docker Engine ${facts.engine}${facts.compose ? `, Docker Compose ${facts.compose}` : ""}
- The load of the machine at the end, its own work of the measurements included: ${loadavg()[2].toFixed(1)} (the average of 15 minutes).
- Compose has no grace to stop (\`stop_grace_period: 0s\`) and a health check each second, which is better than most people set it. ${began}
- Seatrial's provider and the bare calls try the same check by themselves, in one command in the container that repeats it; how often Docker does is left to Docker there.
- *Bare calls* is [bench/floor.mjs](floor.mjs): the Engine's API in the best order, with nothing found out, checked or recovered from.
${skipped.map((line) => `- ${line[0].toUpperCase()}${line.slice(1)}.\n`).join("")}
${done.map(({ name, title }) => `- \`${name}\`: ${title}`).join("\n")}

${grid(heading, rows)}

## Bounds

The last column is what the bare calls take of the same peer's time: the least that these calls have been seen to take.

${grid(boundHeading, boundCells)}
`;
}
