/** docs/docker-provider.md, made from the declarations of `@pulumi/docker` and from our tables. */
import { functions } from "../../../providers/docker/functions";
import { handlers, REFUSED } from "../../../providers/docker/resources";
import type { Change, Field, Fields } from "../../../providers/docker/schema/field";
import { functionNames, inputTypes, outputsOf, propertiesOf, resourceTokens } from "./declarations";

/** What an input needs that not every Docker Engine or machine has. */
const NEEDS: Record<string, string> = {
  "Container.gpus": "an Engine with the device's runtime",
  "Container.deviceRequests": "an Engine with the device's runtime",
  "Container.storageOpts": "a storage driver that takes them",
  "Container.healthcheck.startInterval": "API 1.44",
  "Container.mounts.volumeOptions.subpath": "API 1.45",
  "Container.networksAdvanced.gwPriority": "API 1.48",
  "Volume.cluster": "API 1.42 and a swarm",
  ...Object.fromEntries(
    ["RemoteImage", "RegistryImage"].flatMap((resource) =>
      ["additionalContexts", "builder", "cacheTos", "provenance", "sbom"].map((name) => [
        `${resource}.build.${name}`,
        "the Docker CLI with buildx",
      ]),
    ),
  ),
  ...Object.fromEntries(["RemoteImage", "RegistryImage"].map((resource) => [`${resource}.build.secrets`, "BuildKit"])),
};

export function providerPage(): string {
  const tokens = resourceTokens().sort();
  const done = tokens.filter((token) => token in handlers);
  const refused = tokens.filter((token) => !(token in handlers));
  for (const token of refused) {
    if (!(REFUSED as readonly string[]).includes(token)) throw new Error(`${token} is neither done nor refused`);
  }
  return `${[
    "# The docker provider",
    "",
    "Which resources, inputs, outputs and functions of `@pulumi/docker` 5.2 the embedded engine's docker provider has. " +
      "This page is generated from the package's type declarations and the provider's own tables, and a test keeps it " +
      "true: `SEATRIAL_WRITE_DOCS=1 npx jest tests/providers/docker/provider-page` writes it anew.",
    "",
    "*done* means that it does what the official provider does. A change of an input marked *replace* makes the " +
      "resource anew, of one marked *update* changes it in place. What isn't here is refused by name.",
    "",
    ...table(
      ["resource", "state"],
      [
        ...done.map((token) => [`[${nameOf(token)}](#${nameOf(token).toLowerCase()})`, "done"]),
        ...refused.map((token) => [nameOf(token), "refused; use `--engine pulumi`"]),
      ],
    ),
    "",
    ...table(
      ["function", "state"],
      functionNames()
        .sort()
        .map((name) => [`\`${name}\``, `docker:index/${name}:${name}` in functions ? "done" : "refused"]),
    ),
    ...done.flatMap(section),
  ].join("\n")}\n`;
}

const nameOf = (token: string): string => token.split(":").pop()!;

function section(token: string): string[] {
  const name = nameOf(token);
  const file = `${name.charAt(0).toLowerCase()}${name.slice(1)}.d.ts`;
  const { fields } = handlers[token]!.schema;
  const inputs = rows(name, propertiesOf(file, `${name}Args`), fields, undefined);
  const given = new Set(propertiesOf(file, `${name}Args`).map((property) => property.name));
  const outputs = outputsOf(file, name).filter((output) => !given.has(output));
  return [
    "",
    `## ${name}`,
    "",
    ...table(["input", "state", "change"], inputs),
    "",
    `Outputs beside the inputs: ${outputs.map((output) => `\`${output}\``).join(", ") || "none"}.`,
  ];
}

function rows(
  path: string,
  declared: ReturnType<typeof propertiesOf>,
  fields: Fields,
  inherited: Change | undefined,
): string[][] {
  return declared.flatMap(({ name, nested }) => {
    const field: Field | undefined = fields[name];
    const shown = `${path}.${name}`;
    const label = `\`${shown.slice(shown.indexOf(".") + 1)}\``;
    if (!field || field.output) return [[label, "ignored: the provider sets it", ""]];
    const change = inherited === "replace" ? inherited : (field.change ?? "update");
    const needs = NEEDS[shown] ? `, needs ${NEEDS[shown]}` : "";
    const row = [label, `done${needs}`, change];
    const isNested = nested !== undefined && field.fields !== undefined;
    return isNested ? [row, ...rows(shown, propertiesOf(inputTypes, nested), field.fields!, change)] : [row];
  });
}

/** A table with its columns aligned, as the formatter has them. */
function table(header: string[], body: string[][]): string[] {
  const widths = header.map((_, i) => Math.max(3, ...[header, ...body].map((cells) => cells[i]!.length)));
  const line = (cells: string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(header), line(widths.map((width) => "-".repeat(width))), ...body.map(line)];
}
