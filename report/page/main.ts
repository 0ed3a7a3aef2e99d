import { formatTime } from "../text";
import { loadData, type PageData, type PageReport } from "./data";
import { h } from "./dom";
import { filesView } from "./files-view";
import { graphView } from "./graph-view";
import { logsView } from "./logs-view";
import { overview } from "./overview";
import { testsView } from "./tests-view";
import type { Links, View } from "./view";
import { waterfall } from "./waterfall";

void start();

async function start(): Promise<void> {
  const page = document.getElementById("page")!;
  try {
    const data = await loadData();
    page.replaceChildren(...build(data));
  } catch (error) {
    page.replaceChildren(
      h(
        "p",
        "broken",
        `This page can't be shown: ${(error as Error).message}. report.json, beside it, has the same data.`,
      ),
    );
  }
}

function build(data: PageData): HTMLElement[] {
  const { report, tests } = data;
  const links: Links = {
    test(test) {
      show("tests");
      testsPart.open(test);
    },
    failedTests() {
      show("tests");
      testsPart.filter("failed");
    },
    time(seconds) {
      show("timeline");
      logsPart.goTo(seconds);
    },
    logs(text) {
      show("timeline");
      logsPart.find(text);
    },
    graph: () => show("graph"),
  };
  const testsPart = testsView(data, links);
  const waterfallPart = waterfall(report, (seconds) => logsPart.goTo(seconds));
  const logsPart = logsView(report, data.logs, (from, to) => waterfallPart.shade(from, to));
  const timeline: View = {
    element: h("div", "timeline-view", waterfallPart.element, logsPart.element),
    search: logsPart.search,
    shown() {
      waterfallPart.refresh();
      logsPart.shown();
    },
  };
  const views: { id: string; title: string; count?: number; view: View }[] = [
    { id: "overview", title: "Overview", view: overview(data, links) },
    { id: "tests", title: "Tests", count: tests.length, view: testsPart },
    { id: "timeline", title: "Timeline and logs", view: timeline },
    { id: "graph", title: "Graph", view: graphView(report, links) },
    { id: "files", title: "Files", count: report.artifacts.length, view: filesView(report) },
  ];

  const tabs = views.map(({ id, title, count }) =>
    h(
      "button",
      {
        class: "tab",
        attributes: { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `view-${id}` },
        on: { click: () => show(id) },
      },
      title,
      count === undefined ? undefined : h("span", "count", count.toLocaleString("en")),
    ),
  );
  const panels = views.map(({ id, view }) =>
    h(
      "div",
      {
        class: "view",
        attributes: { role: "tabpanel", id: `view-${id}`, "aria-labelledby": `tab-${id}`, hidden: true },
      },
      view.element,
    ),
  );
  const tabList = h(
    "div",
    {
      class: "tabs",
      attributes: { role: "tablist", "aria-label": "Parts of the report" },
      on: {
        keydown(event) {
          const at = views.findIndex(({ id }) => id === current);
          const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: views.length - 1 }[event.key];
          if (next === undefined) return;
          event.preventDefault();
          const number = (next + views.length) % views.length;
          show(views[number]!.id);
          tabs[number]!.focus();
        },
      },
    },
    ...tabs,
  );

  let current = "";
  function show(id: string): void {
    if (id === current) return;
    current = id;
    views.forEach((view, i) => {
      const isShown = view.id === id;
      tabs[i]!.setAttribute("aria-selected", String(isShown));
      tabs[i]!.tabIndex = isShown ? 0 : -1;
      panels[i]!.hidden = !isShown;
      if (isShown) view.view.shown?.();
    });
    document.body.dataset.view = id;
    if (location.hash !== `#${id}`) history.replaceState(undefined, "", `#${id}`);
  }

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (event.altKey || event.ctrlKey || event.metaKey || isTyping) return;
    if (event.key === "/") {
      const search = views.find(({ id }) => id === current)?.view.search;
      if (!search) return;
      event.preventDefault();
      search.focus();
      search.select();
    } else if (/^[1-5]$/.test(event.key)) {
      show(views[Number(event.key) - 1]!.id);
      tabs[Number(event.key) - 1]!.focus();
    }
  });
  const fromHash = () => {
    const id = location.hash.slice(1);
    show(views.some((view) => view.id === id) ? id : "overview");
  };
  window.addEventListener("hashchange", fromHash);
  // Once it is in the page.
  queueMicrotask(fromHash);
  const said = h("div", { class: "unseen", attributes: { id: "said", role: "status", "aria-live": "polite" } });
  return [
    header(report),
    h("nav", { attributes: { "aria-label": "Report" } }, tabList),
    h("main", {}, ...panels),
    said,
  ];
}

const verdictSigns: Record<PageReport["verdict"], string> = {
  passed: "✓",
  failed: "✗",
  "stack-failed": "!",
  "timed-out": "!",
  interrupted: "!",
  undetermined: "?",
};

function header(report: PageReport): HTMLElement {
  const { verdict, counts, cleanup, commit, dirty, startedAt } = report;
  const tone = verdict === "passed" ? "passed" : verdict === "failed" ? "failed" : "broken";
  const count = (name: string, value: number, always = false) =>
    (value > 0 || always) && h("span", `count-chip ${name}`, h("b", {}, value.toLocaleString("en")), ` ${name}`);
  const clean = cleanup.kept
    ? "stack kept"
    : cleanup.clean
      ? "nothing left behind"
      : `${cleanup.left.length} left behind`;
  return h(
    "header",
    `verdict ${tone}`,
    h("div", { class: "verdict-sign", attributes: { "aria-hidden": "true" } }, verdictSigns[verdict]),
    h(
      "div",
      "verdict-text",
      h("h1", {}, `${verdict[0]!.toUpperCase()}${verdict.slice(1).replace("-", " ")}`),
      h("p", "reason", report.reason),
      h(
        "p",
        "facts",
        h("span", {}, `${report.project} · ${report.stack || "no stack"}`),
        commit && h("span", {}, "commit ", h("code", {}, commit.slice(0, 7)), dirty ? " with local changes" : ""),
        h("span", {}, new Date(startedAt).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" })),
        h("span", {}, formatTime(report.seconds)),
        h("span", {}, `exit code ${report.exitCode}`),
      ),
    ),
    h(
      "div",
      "counts",
      counts.total > 0 ? count("passed", counts.passed, true) : h("span", "count-chip", "no tests"),
      count("failed", counts.failed),
      count("skipped", counts.skipped),
      count("flaky", counts.flaky),
      h("span", `count-chip ${cleanup.clean || cleanup.kept ? "clean" : "failed"}`, clean),
      themeButton(),
    ),
  );
}

function themeButton(): HTMLElement {
  const root = document.documentElement;
  const themes = ["auto", "light", "dark"];
  const button = h("button", {
    class: "theme",
    attributes: { type: "button" },
    on: {
      click() {
        const now = root.dataset.theme ?? "auto";
        set(themes[(themes.indexOf(now) + 1) % themes.length]!);
      },
    },
  });
  function set(theme: string): void {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    button.textContent = { auto: "◐", light: "☀", dark: "☾" }[theme]!;
    button.setAttribute("aria-label", `Colours: ${theme}`);
    button.title = `Colours: ${theme}`;
    try {
      localStorage.setItem("seatrial-theme", theme);
    } catch {
      // A page of a file or a sandbox may keep nothing.
    }
  }
  let kept: string | null = null;
  try {
    kept = localStorage.getItem("seatrial-theme");
  } catch {
    // As above.
  }
  set(kept !== null && themes.includes(kept) ? kept : "auto");
  return button;
}
