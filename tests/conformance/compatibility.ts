/** docs/compatibility.md: what is the same as with the Pulumi CLI, what differs and what is refused, by the programs. */
import type { Program, Refusal } from "./program";

interface Row {
  area: string;
  feature: string;
  state: string;
  program: string;
}

export function compatibilityPage(programs: Program[], refusals: Refusal[]): string {
  const rows = [
    ...programs.flatMap((program) => {
      const { name, shows, steps } = program;
      const marks = [program, ...steps].flatMap(({ differs, providerDiffers }) => [differs, providerDiffers]);
      const ways = [...new Set(marks)].filter((how) => how !== undefined);
      return shows.map((text) => row(text, ways.length > 0 ? `differs: ${ways.join("; ")}` : "same", name));
    }),
    ...refusals.flatMap(({ name, shows }) => shows.map((text) => row(text, "refused by name", name))),
  ];
  const areas = [...new Set(rows.map(({ area }) => area))];
  const sections = areas.map((area) => {
    const lines = rows.filter((other) => other.area === area).map(line);
    const title = `${area.charAt(0).toUpperCase()}${area.slice(1)}`;
    return [`## ${title}`, "", "| what | beside the CLI | program |", "| --- | --- | --- |", ...lines].join("\n");
  });
  const moved = programs.filter(({ moves }) => moves).map(({ name }) => `\`${name}\``);
  return `# Compatibility with the Pulumi CLI

<!-- Made by \`npm run test:conformance -- --write-docs\` from tests/conformance/programs; edit those. -->

Each row is a program that \`npm run test:conformance\` runs, step by step, on the embedded engine and on the Pulumi CLI 3.259. \`same\` means: after every step the exit code, the operation on each resource with its differences and its order, the summary, the resources that errors name, and the whole state with its outputs are equal, but for random ids, times and the place in the source. What may happen at the same time may happen in any order. \`refused by name\` means that the operation fails with a line that says what isn't supported. What is in no row is not promised.

One thing differs everywhere: a text that a resource has or had as a secret is masked in events wherever else it stands, where the CLI shows what the program doesn't declare a secret.

A stack also goes from one engine to the other and back after every step, on one backend and by \`stack export\` and \`stack import\`, and every step is what it is on the CLI alone: ${moved.join(", ")}.

${sections.join("\n\n")}
`;
}

function row(text: string, state: string, program: string): Row {
  const [area, ...feature] = text.split(": ");
  return { area: area!, feature: feature.join(": "), state, program };
}

const line = ({ feature, state, program }: Row): string =>
  `| ${feature.replaceAll("|", "\\|")} | ${state} | \`${program}\` |`;
