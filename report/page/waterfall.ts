import { formatTime } from "../text";
import type { Step } from "../model";
import type { PageReport } from "./data";
import { h } from "./dom";
import { windowed } from "./windowed";

export interface Waterfall {
  element: HTMLElement;
  /** Marks the span of time that something else shows. */
  shade(from: number, to: number): void;
  refresh(): void;
}

export const phaseTitles: Record<string, string> = {
  "set-up": "set-up",
  build: "images",
  up: "stack up",
  tests: "tests",
  collect: "collect",
  destroy: "destroy",
  sweep: "sweep",
};

/** A stretch of the run, as the axis shows it. */
export interface Stretch {
  name: string;
  from: number;
  to: number;
}

/**
 * The run's stretches one after the other. Images are built while the stack is brought up: the two are one stretch
 * here.
 */
export function stretches({ phases, seconds }: Pick<PageReport, "phases" | "seconds">): Stretch[] {
  const timed = phases.filter(({ at }) => at !== undefined).sort((a, b) => a.at! - b.at!);
  const result: Stretch[] = [];
  for (const { name, at } of timed) {
    const joined = name === "build" ? "up" : name;
    const before = result.at(-1);
    if (before?.name === joined) continue;
    if (before) before.to = at!;
    result.push({ name: joined, from: at!, to: seconds });
  }
  return result.filter(({ from, to }) => to > from);
}

/** Every resource on one axis of time; `onTime` is told where somebody wants to look. */
export function waterfall(report: PageReport, onTime: (seconds: number) => void): Waterfall {
  const steps = report.steps
    .filter(({ kind, made, destroyed }) => kind !== "component" && kind !== "provider" && (made ?? destroyed))
    .sort((a, b) => begin(a) - begin(b));
  const all = {
    from: 0,
    to: Math.max(report.seconds, ...steps.map((step) => step.destroyed?.to ?? step.made?.to ?? 0), 0.001),
  };
  let view = { ...all };
  let shaded = { from: 0, to: 0 };
  let selected = 0;
  const parts = stretches(report);

  const share = (time: number) => `${((time - view.from) / (view.to - view.from)) * 100}%`;

  function place(element: HTMLElement, from: number, to: number): HTMLElement {
    element.style.left = share(from);
    element.style.width = `${(Math.max(to - from, 0) / (view.to - view.from)) * 100}%`;
    return element;
  }

  const axis = h("div", "track axis");
  const phaseTrack = h("div", "track phases");
  const shade = h("div", "shade");
  const head = h("div", "waterfall-head", h("div", "label", "phases"), phaseTrack, h("div", "label", ""), axis);
  const list = windowed({
    rowHeight: 24,
    label: "Waterfall of resources. Arrow keys choose one, Enter shows the logs at its beginning.",
    class: "waterfall-list",
    attributes: { role: "listbox", id: "waterfall-list" },
    render,
  });
  list.element
    .querySelector(".space")!
    .append(h("div", { class: "shade-layer", attributes: { "aria-hidden": "true" } }, shade));

  function render(row: number): HTMLElement {
    const step = steps[row]!;
    const track = h("div", { class: "track", attributes: { "aria-hidden": "true" } });
    for (const { from } of parts) {
      if (from > view.from && from < view.to) track.append(place(h("i", "grid-line"), from, from));
    }
    for (const bar of bars(step))
      if (bar.to >= view.from && bar.from <= view.to) {
        track.append(
          place(h("i", `bar ${bar.class}${step.critical && bar.making ? " critical" : ""}`), bar.from, bar.to),
        );
      }
    const { made } = step;
    if (made && made.to <= view.to) {
      const text = h(
        "span",
        "bar-text",
        `${formatTime(made.to - made.from)}${step.state === "done" ? "" : ` ${step.state}`}`,
      );
      text.style.left = share(made.to);
      if ((made.to - view.from) / (view.to - view.from) > 0.85) text.classList.add("before");
      if (text.classList.contains("before")) text.style.left = share(made.from);
      track.append(text);
    }
    return h(
      "div",
      {
        class: `step ${step.state}${row === selected ? " selected" : ""}${step.critical ? " critical" : ""}`,
        attributes: {
          role: "option",
          id: `step-${row}`,
          "aria-selected": row === selected,
          "aria-setsize": steps.length,
          "aria-posinset": row + 1,
          title: describeStep(step),
        },
        on: {
          click: (event) => {
            selected = row;
            list.refresh();
            mark();
            const box = track.getBoundingClientRect();
            const at = (event.clientX - box.left) / box.width;
            onTime(at < 0 ? begin(step) : view.from + at * (view.to - view.from));
          },
        },
      },
      h("span", "unseen", describeStep(step)),
      h(
        "div",
        { class: "label", attributes: { "aria-hidden": "true" } },
        h("span", "crit", step.critical ? "◆" : ""),
        h("span", `kind ${step.kind}`, step.kind),
        h("span", "name", step.name),
      ),
      track,
    );
  }

  list.element.addEventListener("keydown", (event) => {
    const moves: Record<string, number> = {
      ArrowDown: selected + 1,
      ArrowUp: selected - 1,
      Home: 0,
      End: steps.length - 1,
    };
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      const step = steps[selected];
      if (step) onTime(begin(step));
    } else if (event.key in moves) {
      event.preventDefault();
      selected = Math.max(Math.min(moves[event.key]!, steps.length - 1), 0);
      list.scrollTo(selected);
      list.refresh();
      mark();
    }
  });

  function mark(): void {
    list.element.setAttribute("aria-activedescendant", `step-${selected}`);
  }

  function look(from: number, to: number): void {
    const margin = (to - from) * 0.02;
    view = { from: Math.max(from - margin, all.from), to: Math.max(Math.min(to + margin, all.to), from + 0.001) };
    paint();
  }

  function paint(): void {
    phaseTrack.replaceChildren(
      ...parts
        .filter(({ from, to }) => to > view.from && from < view.to)
        .map(({ name, from, to }) =>
          place(
            h(
              "button",
              {
                class: `phase ${name}`,
                attributes: {
                  type: "button",
                  title: `${phaseTitles[name] ?? name}: ${formatTime(to - from)}. Looks closer.`,
                },
                on: { click: () => look(from, to) },
              },
              `${phaseTitles[name] ?? name} ${formatTime(to - from)}`,
            ),
            Math.max(from, view.from),
            Math.min(to, view.to),
          ),
        ),
    );
    axis.replaceChildren(
      ...ticks(view.from, view.to).map((time) => {
        const place = (time - view.from) / (view.to - view.from);
        const label = h(
          "span",
          `tick${place < 0.02 ? " first" : place > 0.98 ? " last" : ""}`,
          formatTick(time, view.to - view.from),
        );
        label.style.left = share(time);
        return label;
      }),
    );
    whole.hidden = view.from === all.from && view.to === all.to;
    paintShade();
    list.refresh();
  }

  function paintShade(): void {
    const from = Math.max(shaded.from, view.from);
    const to = Math.min(shaded.to, view.to);
    shade.hidden = to < from;
    place(shade, from, to);
  }

  const whole = h(
    "button",
    { class: "link", attributes: { type: "button" }, on: { click: () => look(all.from, all.to) } },
    "show the whole run",
  );
  const element = h(
    "div",
    "waterfall",
    h(
      "div",
      "bar",
      h("h2", {}, "Where the time went"),
      h(
        "div",
        "legend",
        legend("creating", "creating"),
        legend("starting", "getting ready"),
        legend("testing", "tests"),
        legend("destroying", "destroying"),
        legend("failing", "failed"),
        h("span", {}, h("i", "bar creating critical"), "◆ critical path: shorten it and the run is shorter"),
        h("span", {}, h("i", "bar shaded"), "seen in the logs below"),
      ),
      whole,
    ),
    head,
    list.element,
  );
  list.setCount(steps.length);
  paint();
  return {
    element,
    refresh: () => list.refresh(),
    shade(from, to) {
      shaded = { from, to };
      paintShade();
    },
  };
}

interface Bar extends Stretch {
  class: string;
  making: boolean;
}

function bars(step: Step): Bar[] {
  const { made, destroyed, created, started, role, kind, state } = step;
  const result: Bar[] = [];
  const bar = (name: string, from: number, to: number, making = true) => {
    if (to >= from) result.push({ name, class: name, from, to, making });
  };
  if (made) {
    const whole =
      state === "failed" ? "failing" : state === "stopped" || state === "unfinished" ? "stopping" : undefined;
    if (whole) bar(whole, made.from, made.to);
    else if (kind !== "container") bar("creating", made.from, made.to);
    else {
      const ready = Math.min(started ?? created ?? made.from, made.to);
      bar("creating", made.from, ready);
      bar(role === "tests" ? "testing" : "starting", ready, made.to);
      if (role !== "tests" && destroyed) bar("running", made.to, destroyed.from, false);
    }
  }
  if (destroyed) bar("destroying", destroyed.from, destroyed.to, false);
  return result;
}

/** In words, for who doesn't see the bars. */
export function describeStep(step: Step): string {
  const { name, kind, state, made, created, started, destroyed, critical, role } = step;
  const at = (time: number) => `at ${formatTime(time)}`;
  return [
    `${name} (${kind})`,
    state === "done" ? "" : state,
    made &&
      `begun ${at(made.from)}, ${role === "tests" ? "ended" : "ready"} ${at(made.to)}, after ${formatTime(made.to - made.from)}`,
    created !== undefined && `container created ${at(created)}`,
    started !== undefined && `started ${at(started)}`,
    destroyed && `destroyed ${at(destroyed.from)} in ${formatTime(destroyed.to - destroyed.from)}`,
    critical && "on the critical path",
  ]
    .filter(Boolean)
    .join("; ");
}

function legend(name: string, text: string): HTMLElement {
  return h("span", {}, h("i", `bar ${name}`), text);
}

function begin({ made, destroyed }: Step): number {
  return made?.from ?? destroyed?.from ?? 0;
}

/** Round times between two others, about eight of them. */
export function ticks(from: number, to: number): number[] {
  const rough = Math.max(to - from, 1e-6) / 8;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough)!;
  const times: number[] = [];
  for (let n = Math.ceil(from / step); n * step <= to + 1e-9; n++) times.push(n * step);
  return times;
}

function formatTick(time: number, span: number): string {
  return `${Number(time.toFixed(span < 1 ? 3 : span < 10 ? 1 : span < 80 ? 1 : 0))} s`;
}
