import type { Comparison } from "../comparison/schema";
import { mermaidLabel } from "../escape/mermaid";

/** More than this nobody can follow, and GitLab draws no large ones by itself. */
const most = { nodes: 30, edges: 60 };

/** Dark on light, whatever the page's colours. */
const styles = {
  added: "fill:#d7f5dd,stroke:#1a7f37,color:#0b3d1a,stroke-width:2px",
  removed: "fill:#ffe0e0,stroke:#b42318,color:#5c0f0a,stroke-dasharray:4",
  changed: "fill:#fff3c9,stroke:#9a6700,color:#4a3200,stroke-width:2px",
};
const arrows = { added: "==>", removed: "-.->", same: "-->" };

/**
 * The services and what each of them waits for, as a Mermaid flowchart: what is added, removed and changed says so, has a
 * colour and its own kind of line. `undefined` where there is nothing to see, or too much.
 */
export function mermaidGraph({ nodes, edges }: Comparison["graph"]): string | undefined {
  if (nodes.length === 0 || nodes.length > most.nodes || edges.length > most.edges) return undefined;
  const numbers = new Map(nodes.map(({ name }, number) => [name, number]));
  const lines = nodes.map(({ name, status }, number) => {
    const style = status === "same" ? "" : `:::${status}`;
    return `  n${number}[${mermaidLabel(name, status === "same" ? "" : status)}]${style}`;
  });
  for (const { from, to, status } of edges) {
    const [a, b] = [numbers.get(from), numbers.get(to)];
    if (a !== undefined && b !== undefined) lines.push(`  n${a} ${arrows[status]} n${b}`);
  }
  const used = new Set(nodes.map(({ status }) => status));
  for (const [name, style] of Object.entries(styles)) {
    if (used.has(name as keyof typeof styles)) lines.push(`  classDef ${name} ${style}`);
  }
  return ["flowchart LR", ...lines].join("\n");
}
