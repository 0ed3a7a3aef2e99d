import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { anchor, readDocument, root, sections } from "./markdown";

const documents = [
  ...["README.md", "CHANGELOG.md", "engine/README.md", "example/README.md"],
  ...readdirSync(join(root, "docs")).flatMap((name) => (name.endsWith(".md") ? [`docs/${name}`] : [])),
];

/** The targets of a document's links; what looks like one inside of code is none. */
function links(markdown: string): string[] {
  const prose = markdown.replace(/^\s*```[\s\S]*?^\s*```/gm, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
}

function problem(document: string, link: string): string | undefined {
  if (/^https:\/\//.test(link)) return undefined;
  const [path, fragment] = link.split("#") as [string, string | undefined];
  const target = path === "" ? document : join(dirname(document), path);
  if (!existsSync(join(root, target))) return `${document}: ${link} leads nowhere`;
  if (fragment === undefined) return undefined;
  const anchors = sections(readDocument(target)).map(({ title }) => anchor(title));
  return anchors.includes(fragment) ? undefined : `${document}: ${target} has no heading for #${fragment}`;
}

it("leads from document to document, and to headings that there are", () => {
  const all = documents.flatMap((document) => links(readDocument(document)).map((link) => [document, link] as const));
  expect(all.length).toBeGreaterThan(10);
  expect(all.flatMap(([document, link]) => problem(document, link) ?? [])).toEqual([]);
});
