import type { Step } from "../model";
import { formatTime } from "../text";
import type { PageReport } from "./data";
import { h, svg } from "./dom";
import { layOutGraph, nodeSize } from "./graph-layout";
import type { Links, View } from "./view";
import { describeStep } from "./waterfall";

/** More than so many can't be told apart: only containers are drawn then. */
const mostNodes = 250;

/** What comes after what, in a picture. */
export function graphView(report: PageReport, links: Pick<Links, "time">): View {
  const element = h("div", "graph-view");
  let drawn = false;
  return {
    element,
    shown() {
      if (drawn) return;
      drawn = true;
      draw(element, report, links);
    },
  };
}

function draw(element: HTMLElement, report: PageReport, links: Pick<Links, "time">): void {
  let steps = report.steps.filter(({ kind, made }) => made && kind !== "component" && kind !== "provider");
  const all = steps.length;
  if (steps.length > mostNodes) steps = steps.filter(({ kind }) => kind === "container").slice(0, mostNodes);
  if (steps.length === 0) {
    element.append(h("p", "nothing", "This run has made no resource."));
    return;
  }
  const byUrn = new Map(steps.map((step) => [step.urn, step]));
  const layout = layOutGraph(steps.map(({ urn }) => ({ id: urn, after: behindComponents(urn, report.steps, byUrn) })));
  const critical = new Set(report.criticalPath.slice(1).map((urn, i) => `${report.criticalPath[i]} ${urn}`));
  const detail = h(
    "div",
    { class: "node-detail", attributes: { "aria-live": "polite" } },
    h("p", "hint", "Choose a resource to see its inputs."),
  );

  const edges = layout.edges.map(({ from, to, points }) =>
    svg("path", { class: `edge${critical.has(`${from} ${to}`) ? " critical" : ""}`, attributes: { d: curve(points) } }),
  );
  const nodes = steps.map((step) => {
    const { x, y } = layout.nodes.get(step.urn)!;
    const title = short(`${step.state === "failed" ? "✗ " : ""}${step.name}`, 21);
    const time = step.state === "done" ? formatTime(step.made!.to - step.made!.from) : step.state;
    const subtitle = `${step.role === "tests" ? "tests" : step.kind} · ${time}`;
    const node = svg(
      "g",
      {
        class: `node ${step.kind} ${step.state}${step.critical ? " critical" : ""}`,
        attributes: {
          transform: `translate(${x} ${y})`,
          tabindex: 0,
          role: "button",
        },
        on: {
          click: () => choose(step, node),
          keydown(event) {
            if (event.key !== "Enter" && event.key !== " ") return;
            event.preventDefault();
            choose(step, node);
          },
        },
      },
      svg("rect", { attributes: { width: nodeSize.width, height: nodeSize.height, rx: 7 } }),
      svg("rect", { class: "edge-mark", attributes: { width: 5, height: nodeSize.height, rx: 2 } }),
      svg("text", { class: "node-name", attributes: { x: 14, y: 19 } }, title),
      svg("text", { class: "node-kind", attributes: { x: 14, y: 36 } }, subtitle),
      svg("title", {}, describeStep(step)),
    );
    return node;
  });

  function choose(step: Step, node: SVGElement): void {
    for (const other of nodes) other.classList.toggle("chosen", other === node);
    detail.replaceChildren(
      h("h2", {}, step.name),
      h("p", "facts", h("span", {}, step.type), h("span", {}, describeStep(step))),
      h(
        "button",
        { class: "link", attributes: { type: "button" }, on: { click: () => links.time(step.made!.from) } },
        "show the logs at its beginning",
      ),
      table(step.inputs),
    );
  }

  const picture = svg(
    "svg",
    {
      attributes: {
        viewBox: `0 0 ${layout.width} ${layout.height}`,
        role: "group",
        "aria-label": "The stack: what was made after what",
      },
    },
    ...edges,
    ...nodes,
  );
  const frame = h("div", { class: "graph-frame", attributes: { tabindex: 0, role: "region", "aria-label": "Graph" } });
  frame.append(picture);
  let scale = 1;
  const zoom = (next: number): void => {
    scale = Math.min(Math.max(next, 0.2), 2.5);
    picture.setAttribute("width", String(layout.width * scale));
    picture.setAttribute("height", String(layout.height * scale));
  };
  const button = (text: string, label: string, click: () => void) =>
    h("button", { attributes: { type: "button", "aria-label": label }, on: { click } }, text);
  const fit = () => zoom(Math.min((frame.clientWidth - 20) / layout.width, 1));
  element.append(
    h(
      "div",
      "bar",
      h("h2", {}, "The stack"),
      h(
        "span",
        "how",
        `${all} resources, made from left to right${all > steps.length ? `; only ${steps.length} containers are drawn` : ""}`,
      ),
      h("span", "legend", h("span", {}, h("i", "bar creating critical"), "critical path")),
      button("−", "Smaller", () => zoom(scale / 1.25)),
      button("+", "Larger", () => zoom(scale * 1.25)),
      button("Fit", "Fit into the page", fit),
    ),
    frame,
    detail,
  );
  zoom(1);
  if (layout.width > frame.clientWidth) zoom(Math.max((frame.clientWidth - 20) / layout.width, 0.6));
}

/** Resources that a resource was made after; of a component it is what is in it. */
function behindComponents(urn: string, steps: Step[], drawn: Map<string, Step>): string[] {
  const result = new Set<string>();
  const seen = new Set<string>();
  const visit = (other: string): void => {
    if (seen.has(other)) return;
    seen.add(other);
    if (drawn.has(other)) result.add(other);
    for (const child of steps) if (child.parent === other) visit(child.urn);
  };
  for (const other of drawn.get(urn)!.dependencies) visit(other);
  return [...result];
}

function table(inputs: Record<string, string>): HTMLElement {
  const body = h("tbody");
  for (const [key, value] of Object.entries(inputs))
    body.append(h("tr", {}, h("th", { attributes: { scope: "row" } }, key), h("td", {}, value)));
  return h("table", "plain", body);
}

function curve(points: [number, number][]): string {
  const [[x, y], ...rest] = points as [[number, number], ...[number, number][]];
  let path = `M${x} ${y}`;
  let last: [number, number] = [x, y];
  for (const [nextX, nextY] of rest) {
    const middle = (last[0] + nextX) / 2;
    path += ` C${middle} ${last[1]} ${middle} ${nextY} ${nextX} ${nextY}`;
    last = [nextX, nextY];
  }
  return path;
}

function short(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}
