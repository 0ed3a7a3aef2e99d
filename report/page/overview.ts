import { formatBytes, formatTime } from "../text";
import { fullName } from "../test-name";
import type { Changes } from "../model";
import type { PageData, PageReport } from "./data";
import { fileLink, h, panel } from "./dom";
import { styled } from "./styled";
import { statusSigns } from "./tests-view";
import type { Links, View } from "./view";
import { phaseTitles, stretches } from "./waterfall";

/** What the run came to, on one page. */
export function overview({ report, tests }: PageData, links: Links): View {
  const element = h("div", "overview");
  element.append(
    ...[
      failurePanel(report),
      failedTests(tests, links),
      expectationsPanel(report),
      timePanel(report, links),
      report.changes && changesPanel(report.changes, report, tests, links),
      flakyPanel(report, tests, links),
      leftPanel(report),
      containersPanel(report, links),
      notesPanel(report),
    ].filter((part) => part !== undefined),
  );
  return { element };
}

function failurePanel({ failure, verdict }: PageReport): HTMLElement | undefined {
  if (!failure) return undefined;
  const [first = "", ...rest] = failure.message.split("\n");
  const section = panel(
    verdict === "stack-failed" ? "Why the stack failed" : "Why",
    h("p", "why", failure.resource ? h("b", {}, `${failure.resource} `) : undefined, ...styled(first)),
    rest.length > 0 && h("pre", { attributes: { tabindex: 0 } }, ...styled(rest.join("\n"))),
    failure.lastLines.length > 0 && h("h3", {}, "The last lines of its log"),
    failure.lastLines.length > 0 && h("pre", { attributes: { tabindex: 0 } }, ...styled(failure.lastLines.join("\n"))),
  );
  section.classList.add("bad");
  return section;
}

const mostShown = 12;

function failedTests(tests: PageData["tests"], links: Links): HTMLElement | undefined {
  const failed = tests.map((test, i) => ({ test, i })).filter(({ test }) => test.status === "failed");
  if (failed.length === 0) return undefined;
  const section = panel(
    failed.length === 1 ? "One test failed" : `${failed.length.toLocaleString("en")} tests failed`,
    h(
      "ul",
      "tests-short",
      ...failed
        .slice(0, mostShown)
        .map(({ test, i }) =>
          h(
            "li",
            {},
            h(
              "button",
              { class: "test-link", attributes: { type: "button" }, on: { click: () => links.test(i) } },
              h("span", "sign failed", statusSigns.failed),
              h("span", "name", test.name),
              h("span", "suite", test.suite),
              test.message && h("span", "message", test.message),
            ),
          ),
        ),
    ),
    failed.length > mostShown &&
      h(
        "button",
        { class: "link", attributes: { type: "button" }, on: { click: () => links.failedTests() } },
        `all ${failed.length.toLocaleString("en")} of them`,
      ),
  );
  section.classList.add("bad");
  return section;
}

function expectationsPanel({ expectations }: PageReport): HTMLElement | undefined {
  if (!expectations || expectations.compared === 0) return undefined;
  const { compared, changed } = expectations;
  if (changed.length === 0) {
    return panel("Expected results", h("p", {}, `All ${compared} of them are as expected.`));
  }
  const section = panel(
    "Expected results",
    h(
      "p",
      {},
      `${changed.length} of ${compared} are not as expected. Where a change is meant, `,
      h("code", {}, "seatrial accept"),
      " takes the new ones.",
    ),
    ...changed.slice(0, 100).map(({ name, file, status, level, changes }) => {
      const details = h(
        "details",
        `expectation ${level}`,
        h(
          "summary",
          {},
          h("span", `badge ${level === "failure" ? "failed" : "flaky"}`, level),
          h("b", {}, name),
          h("span", "suite", file),
          h(
            "span",
            "how",
            status === "changed" ? `${changes.length} ${changes.length === 1 ? "change" : "changes"}` : status,
          ),
        ),
      );
      const body = h("tbody");
      for (const { path, kind, expected, actual } of changes.slice(0, 200)) {
        body.append(
          h(
            "tr",
            {},
            h("th", { attributes: { scope: "row" } }, path),
            h("td", "before", kind === "added" ? "" : valueText(expected)),
            h("td", "after", kind === "removed" ? "" : valueText(actual)),
          ),
        );
      }
      details.append(
        h(
          "table",
          "plain",
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              ...["where", "expected", "is"].map((title) => h("th", { attributes: { scope: "col" } }, title)),
            ),
          ),
          body,
        ),
      );
      return details;
    }),
  );
  section.classList.add(changed.some(({ level }) => level === "failure") ? "bad" : "warn");
  return section;
}

function timePanel(report: PageReport, links: Links): HTMLElement {
  const parts = stretches(report);
  const bar = h("div", {
    class: "phase-bar",
    attributes: {
      role: "img",
      "aria-label": parts
        .map(({ name, from, to }) => `${phaseTitles[name] ?? name} ${formatTime(to - from)}`)
        .join(", "),
    },
  });
  for (const { name, from, to } of parts) {
    const part = h("span", `phase ${name}`, to - from > report.seconds * 0.08 ? (phaseTitles[name] ?? name) : "");
    part.style.flexGrow = String(Math.max(to - from, report.seconds / 200));
    part.title = `${phaseTitles[name] ?? name} ${formatTime(to - from)}`;
    bar.append(part);
  }
  const byUrn = new Map(report.steps.map((step) => [step.urn, step]));
  const path = report.criticalPath.flatMap((urn) => byUrn.get(urn) ?? []);
  return panel(
    `${formatTime(report.seconds)} in all`,
    bar,
    h(
      "p",
      "facts phase-list",
      ...parts.map(({ name, from, to }) => h("span", {}, `${phaseTitles[name] ?? name} ${formatTime(to - from)}`)),
    ),
    path.length > 0 &&
      h(
        "div",
        "critical-path",
        h("h3", {}, "What everything waited for"),
        h(
          "ol",
          {},
          ...path.map((step) =>
            h(
              "li",
              {},
              h(
                "button",
                {
                  class: "path-step",
                  attributes: { type: "button", title: "Shows the logs at its beginning" },
                  on: { click: () => links.time(step.made!.from) },
                },
                h("b", {}, step.name),
                ` ${formatTime(step.made!.to - step.made!.from)}`,
              ),
            ),
          ),
        ),
        h(
          "button",
          { class: "link", attributes: { type: "button" }, on: { click: () => links.graph() } },
          "the whole graph",
        ),
      ),
  );
}

function changesPanel(changes: Changes, report: PageReport, tests: PageData["tests"], links: Links): HTMLElement {
  const { since, newlyFailing, newlyPassing, added, removed, slower, phases, resources } = changes;
  const numbers = new Map(tests.map((test, i) => [fullName(test), i]));
  const names = (title: string, list: string[], sign: string) =>
    list.length > 0 &&
    h(
      "div",
      "change",
      h("h3", {}, `${title} (${list.length})`),
      h(
        "ul",
        {},
        ...list.slice(0, 20).map((name) => {
          const number = numbers.get(name);
          return h(
            "li",
            {},
            h("span", `sign ${sign}`, sign === "failed" ? "✗ " : sign === "passed" ? "✓ " : "· "),
            number === undefined
              ? name
              : h(
                  "button",
                  { class: "link", attributes: { type: "button" }, on: { click: () => links.test(number) } },
                  name,
                ),
          );
        }),
        list.length > 20 && h("li", {}, `and ${list.length - 20} more`),
      ),
    );
  const longer = phases.filter((phase) => Math.abs(phase.now - phase.before) >= 0.1);
  const nothing =
    [newlyFailing, newlyPassing, added, removed, slower, resources].every(({ length }) => length === 0) &&
    since.verdict === report.verdict;
  return panel(
    "Since the last run",
    h(
      "p",
      "facts",
      h(
        "span",
        `badge ${since.verdict === "passed" ? "passed" : since.verdict === "failed" ? "failed" : "flaky"}`,
        since.verdict,
      ),
      "→",
      h(
        "span",
        `badge ${report.verdict === "passed" ? "passed" : report.verdict === "failed" ? "failed" : "flaky"}`,
        report.verdict,
      ),
      h("span", {}, `${formatTime(since.seconds)} → ${formatTime(report.seconds)}`),
      h(
        "span",
        {},
        `the last run began ${when(since.startedAt)}${since.commit ? `, of commit ${since.commit.slice(0, 7)}` : ""}`,
      ),
    ),
    nothing && h("p", {}, "Nothing else is different."),
    names("Newly failing", newlyFailing, "failed"),
    names("Newly passing", newlyPassing, "passed"),
    names("New tests", added, ""),
    names("Tests that are gone", removed, ""),
    slower.length > 0 &&
      h(
        "div",
        "change",
        h("h3", {}, `Slower tests (${slower.length})`),
        slowerList(slower.slice(0, 5)),
        slower.length > 5 && h("details", {}, h("summary", {}, "more of them"), slowerList(slower.slice(5))),
      ),
    longer.length > 0 &&
      h(
        "div",
        "change",
        h("h3", {}, "Phases"),
        h(
          "ul",
          "inline",
          ...longer.map(({ name, before, now }) =>
            h("li", {}, `${phaseTitles[name] ?? name} ${formatTime(before)} → ${formatTime(now)}`),
          ),
        ),
      ),
    resources.length > 0 &&
      h(
        "div",
        "change",
        h("h3", {}, "The stack"),
        ...resources
          .slice(0, 30)
          .map(({ name, type, change, inputs }) =>
            h(
              "details",
              "resource-change",
              h(
                "summary",
                {},
                h("span", "badge", change),
                h("b", {}, name),
                h("span", "suite", type),
                h("code", {}, changedKeys(inputs)),
              ),
              inputs.length > 0 &&
                h(
                  "table",
                  "plain",
                  h(
                    "tbody",
                    {},
                    ...inputs.map(({ key, before, now }) =>
                      h(
                        "tr",
                        {},
                        h("th", { attributes: { scope: "row" } }, key),
                        h("td", "before", before ?? ""),
                        h("td", "after", now ?? ""),
                      ),
                    ),
                  ),
                ),
            ),
          ),
      ),
  );
}

function slowerList(tests: Changes["slower"]): HTMLElement {
  const rows = tests.map(({ name, before, now }) => h("li", {}, `${name}: ${formatTime(before)} → ${formatTime(now)}`));
  return h("ul", {}, ...rows);
}

function changedKeys(inputs: { key: string }[]): string {
  const keys = [...new Set(inputs.map(({ key }) => key.replace(/[.[].*/, "")))];
  return keys.length > 4 ? `${keys.slice(0, 4).join(", ")} and more` : keys.join(", ");
}

function flakyPanel({ history, retries }: PageReport, tests: PageData["tests"], links: Links): HTMLElement | undefined {
  const flaky = tests.map((test, i) => ({ test, i })).filter(({ test }) => test.flaky || test.retried);
  if (flaky.length === 0 && !retries?.length && !history) return undefined;
  const attempts = retries?.length ?? 0;
  return panel(
    "Flaky tests",
    attempts > 0 && h("p", {}, `The tests were run ${attempts + 1} times in this stack, since some of them failed.`),
    history && h("p", {}, `Compared with ${history.runs} earlier ${history.runs === 1 ? "run" : "runs"}.`),
    flaky.length === 0
      ? h("p", {}, "None is known to have both passed and failed on one commit.")
      : h(
          "ul",
          "tests-short",
          ...flaky
            .slice(0, mostShown)
            .map(({ test, i }) =>
              h(
                "li",
                {},
                h(
                  "button",
                  { class: "test-link", attributes: { type: "button" }, on: { click: () => links.test(i) } },
                  h("span", `sign ${test.status}`, statusSigns[test.status]),
                  h("span", "name", test.name),
                  h("span", "badge flaky", test.retried ? `failed ${test.retried} × before` : "flaky"),
                ),
              ),
            ),
        ),
  );
}

function leftPanel({ cleanup }: PageReport): HTMLElement | undefined {
  if (cleanup.left.length === 0) return undefined;
  const section = panel(
    "Left behind",
    h("p", {}, "This could not be removed; ", h("code", {}, "seatrial gc"), " tries again later."),
    h("ul", {}, ...cleanup.left.map(({ kind, name, reason }) => h("li", {}, `${kind} ${name}: ${reason}`))),
  );
  section.classList.add("bad");
  return section;
}

function containersPanel(report: PageReport, links: Links): HTMLElement | undefined {
  const containers = report.steps.filter(({ kind, made }) => kind === "container" && made);
  if (containers.length === 0) return undefined;
  const logs = new Map(report.logs.map((log) => [log.service, log]));
  return panel(
    "Containers",
    h(
      "div",
      { class: "scroll", attributes: { tabindex: 0, role: "region", "aria-label": "Containers" } },
      h(
        "table",
        "plain wide",
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ...["container", "state", "ready after", "image", "log"].map((title) =>
              h("th", { attributes: { scope: "col" } }, title),
            ),
          ),
        ),
        h(
          "tbody",
          {},
          ...containers.map((step) => {
            const log = logs.get(step.service ?? step.name);
            return h(
              "tr",
              {},
              h("th", { attributes: { scope: "row" } }, step.name),
              h(
                "td",
                {},
                h(
                  "span",
                  `badge ${step.state === "failed" ? "failed" : step.state === "done" || step.state === "unchanged" ? "passed" : "flaky"}`,
                  stateText(step),
                ),
              ),
              h(
                "td",
                {},
                step.role === "tests"
                  ? `ran for ${formatTime(step.made!.to - step.made!.from)}`
                  : formatTime(step.made!.to - step.made!.from),
              ),
              h("td", "image", shortImage(step.inputs.image ?? "")),
              h(
                "td",
                {},
                log && fileLink(log.file, formatBytes(log.bytes)),
                " ",
                log &&
                  log.lines > 0 &&
                  h(
                    "button",
                    { class: "link", attributes: { type: "button" }, on: { click: () => links.time(log.from ?? 0) } },
                    "show",
                  ),
              ),
            );
          }),
        ),
      ),
    ),
  );
}

function stateText({ state, role }: PageReport["steps"][number]): string {
  if (state === "done") return role === "tests" ? "ended" : "ready";
  return state === "unchanged" ? "kept" : state;
}

function shortImage(image: string): string {
  return image.startsWith("sha256:") ? image.slice(0, 19) : image;
}

function notesPanel({ notes, exactTimes }: PageReport): HTMLElement | undefined {
  const all = [
    ...notes,
    ...(exactTimes ? [] : ["Events of this run only tell whole seconds: the waterfall is that coarse."]),
  ];
  if (all.length === 0) return undefined;
  return panel("Notes", h("ul", {}, ...all.map((note) => h("li", {}, note))));
}

function valueText(value: unknown): string {
  const text = value === undefined ? "" : JSON.stringify(value);
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}

function when(time: string): string {
  return new Date(time).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}
