import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import { version } from "../../package.json";
import { codeSpans, readDocument, root, sections, tableRows } from "./markdown";

const pipelines = ["ci/gitlab", "ci/github"]
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) =>
    readdirSync(join(root, folder)).flatMap((file) => (file.endsWith(".yml") ? [`${folder}/${file}`] : [])),
  );
const documents = readdirSync(join(root, "docs")).flatMap((file) => (file.endsWith(".md") ? [`docs/${file}`] : []));

test.each([...pipelines, ...documents])("%s names no version of Seatrial but this one", (file) => {
  const named = [...readDocument(file).matchAll(/seatrial[@:](?:v)?(\d+\.\d+\.\d+)|ref: v(\d+\.\d+\.\d+)/g)];
  expect(named.map(([, image, ref]) => image ?? ref).filter((other) => other !== version)).toEqual([]);
});

test("docs/gitlab.md tells of the template's inputs, with their defaults, and of its jobs", () => {
  const [header, body] = parseAllDocuments(readDocument("ci/gitlab/seatrial.gitlab-ci.yml")).map((document) =>
    document.toJS(),
  ) as [{ spec: { inputs: Record<string, { default?: string }> } }, Record<string, { stage?: string }>];
  const rows = sections(readDocument("docs/gitlab.md")).flatMap(({ text }) => tableRows(text));
  const told = rows
    .filter((row) => "input" in row)
    .flatMap((row) => {
      const defaults = codeSpans(row.default!);
      return codeSpans(row.input!).map((name, at) => [name, defaults[at] ?? row.default] as const);
    });
  const inputs = Object.entries(header.spec.inputs).map(
    ([name, input]) => [name, input.default === undefined ? "required" : input.default || "none"] as const,
  );
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(inputs));
  const jobs = Object.keys(body).filter((name) => /^seatrial-/.test(name));
  expect(rows.flatMap((row) => codeSpans(row.job ?? "")).sort()).toEqual(jobs.sort());
});

test("docs/github.md tells of the action's inputs, with their defaults, and of its outputs", () => {
  const action = parse(readDocument("ci/github/action.yml")) as {
    inputs: Record<string, { default: string }>;
    outputs: object;
  };
  const rows = sections(readDocument("docs/github.md")).flatMap(({ text }) => tableRows(text));
  const told = rows
    .filter((row) => "input" in row)
    .map((row) => [codeSpans(row.input!)[0], codeSpans(row.default!)[0] ?? ""] as const);
  const inputs = Object.entries(action.inputs).map(([name, input]) => [name, input.default] as const);
  expect(told).toEqual(inputs);
  expect(action.inputs.version!.default).toBe(version);
  expect(rows.flatMap((row) => codeSpans(row.output ?? ""))).toEqual(Object.keys(action.outputs));
});
