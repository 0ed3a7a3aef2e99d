import { formatTime } from "../text";
import type { PageData, TestRow } from "./data";
import { announce, h } from "./dom";
import { marked, styled } from "./styled";
import type { Links, View } from "./view";
import { windowed } from "./windowed";

type Filter = "all" | "failed" | "flaky" | "passed" | "skipped";
type Order = "failed first" | "as run" | "slowest first" | "name";

export const statusSigns = { passed: "✓", failed: "✗", skipped: "–" } as const;

export interface TestsView extends View {
  open(test: number): void;
  filter(filter: Filter): void;
}

/** All tests, those that are asked for, and what one of them has to say. */
export function testsView({ tests, texts }: PageData, links: Pick<Links, "logs">): TestsView {
  let filter: Filter = "all";
  let order: Order = "failed first";
  let wanted = "";
  let shown: number[] = [];
  let selected = 0;
  let opened: number | undefined;
  /** What is searched in; made when it first is. */
  let keys: string[] | undefined;
  const listId = "tests-list";

  const list = windowed({
    rowHeight: 32,
    label: "Tests",
    class: "tests-list",
    attributes: { role: "listbox", id: listId },
    render,
  });
  const nothing = h("p", { class: "nothing" }, "");
  const detail = h("div", { class: "detail", attributes: { tabindex: -1, role: "region", "aria-label": "The test" } });
  const search = h("input", {
    attributes: { type: "search", placeholder: "Search tests  ( / )", "aria-label": "Search tests" },
    on: {
      input() {
        wanted = search.value.trim();
        select();
      },
      keydown(event) {
        if (event.key !== "ArrowDown" && event.key !== "Enter") return;
        event.preventDefault();
        list.element.focus();
      },
    },
  });
  const counts: Record<Filter, number> = {
    all: tests.length,
    failed: tests.filter(({ status }) => status === "failed").length,
    flaky: tests.filter(isFlaky).length,
    passed: tests.filter(({ status }) => status === "passed").length,
    skipped: tests.filter(({ status }) => status === "skipped").length,
  };
  const filters = (Object.keys(counts) as Filter[])
    .filter((name) => name === "all" || counts[name] > 0)
    .map((name) =>
      h(
        "button",
        {
          class: `chip ${name}`,
          attributes: { type: "button", "data-filter": name },
          on: { click: () => setFilter(name) },
        },
        `${name} `,
        h("b", {}, counts[name].toLocaleString("en")),
      ),
    );
  const sort = h("select", {
    attributes: { "aria-label": "Order" },
    on: {
      change() {
        order = sort.value as Order;
        select();
      },
    },
  });
  for (const name of ["failed first", "as run", "slowest first", "name"]) sort.append(h("option", {}, name));
  const how = h("span", { class: "how" });

  function isFlaky({ flaky, retried }: TestRow): boolean {
    return Boolean(flaky) || Boolean(retried);
  }

  function setFilter(next: Filter): void {
    filter = next;
    select();
  }

  function select(): void {
    for (const button of filters) button.setAttribute("aria-pressed", String(button.dataset.filter === filter));
    const sought = wanted.toLowerCase();
    if (sought !== "") {
      keys ??= tests.map(({ name, suite, message }) => `${suite} ${name} ${message ?? ""}`.toLowerCase());
    }
    shown = [];
    tests.forEach((test, i) => {
      const fits = filter === "all" || (filter === "flaky" ? isFlaky(test) : test.status === filter);
      if (fits && (sought === "" || keys![i]!.includes(sought))) shown.push(i);
    });
    const rank = { failed: 0, passed: 1, skipped: 2 };
    if (order === "failed first") shown.sort((a, b) => rank[tests[a]!.status] - rank[tests[b]!.status] || a - b);
    if (order === "slowest first") shown.sort((a, b) => (tests[b]!.seconds ?? 0) - (tests[a]!.seconds ?? 0));
    if (order === "name") {
      const { compare } = new Intl.Collator("en", { numeric: true });
      shown.sort((a, b) => compare(tests[a]!.name, tests[b]!.name));
    }
    selected = 0;
    how.textContent = `${shown.length.toLocaleString("en")} shown`;
    announce(`${shown.length} tests shown`);
    nothing.textContent =
      tests.length === 0 ? "No test of this run is known: there is no JUnit file of it." : "No test is like that.";
    nothing.hidden = shown.length > 0;
    list.element.hidden = shown.length === 0;
    list.setCount(shown.length);
    list.scrollTo(0);
    mark();
  }

  function mark(): void {
    if (shown.length > 0) list.element.setAttribute("aria-activedescendant", `test-row-${selected}`);
    else list.element.removeAttribute("aria-activedescendant");
  }

  function render(row: number): HTMLElement {
    const test = tests[shown[row]!]!;
    return h(
      "div",
      {
        class: `test ${test.status}${row === selected ? " selected" : ""}${shown[row] === opened ? " opened" : ""}`,
        attributes: {
          role: "option",
          id: `test-row-${row}`,
          "aria-selected": row === selected,
          "aria-setsize": shown.length,
          "aria-posinset": row + 1,
        },
        on: {
          click: () => {
            selected = row;
            void openSelected(false);
          },
        },
      },
      h("span", { class: `sign ${test.status}`, attributes: { "aria-hidden": "true" } }, statusSigns[test.status]),
      h("span", "unseen", test.status),
      h("span", "name", ...marked(test.name, wanted)),
      isFlaky(test) && h("span", "badge flaky", test.flaky ? "flaky" : "retried"),
      h("span", "suite", ...marked(test.suite, wanted)),
      h("span", "time", test.seconds === undefined ? "" : formatTime(test.seconds)),
    );
  }

  list.element.addEventListener("keydown", (event) => {
    const page = Math.max(list.visible().to - list.visible().from - 2, 1);
    const moves: Record<string, number> = {
      ArrowDown: selected + 1,
      ArrowUp: selected - 1,
      PageDown: selected + page,
      PageUp: selected - page,
      Home: 0,
      End: shown.length - 1,
    };
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      void openSelected(true);
    } else if (event.key in moves) {
      event.preventDefault();
      selected = Math.min(Math.max(moves[event.key]!, 0), shown.length - 1);
      list.scrollTo(selected);
      list.refresh();
      mark();
    }
  });
  detail.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    close();
    list.element.focus();
  });

  function close(): void {
    opened = undefined;
    detail.replaceChildren();
    view.classList.remove("has-detail");
    list.refresh();
  }

  async function openSelected(focus: boolean): Promise<void> {
    const number = shown[selected];
    if (number === undefined) return;
    opened = number;
    const test = tests[number]!;
    view.classList.add("has-detail");
    list.refresh();
    mark();
    const text = await texts(number);
    if (opened !== number) return;
    const block = (title: string, content: string | undefined) =>
      content
        ? h("div", "text", h("h3", {}, title), h("pre", { attributes: { tabindex: 0 } }, ...styled(content)))
        : undefined;
    detail.replaceChildren(
      h(
        "div",
        "detail-head",
        h("h2", { class: test.status }, `${statusSigns[test.status]} ${test.name}`),
        h(
          "button",
          { class: "close", attributes: { type: "button", "aria-label": "Close (Escape)" }, on: { click: close } },
          "✕",
        ),
      ),
      h(
        "p",
        "facts",
        h("span", `badge ${test.status}`, test.status),
        test.flaky && h("span", "badge flaky", "flaky: it has passed and failed on one commit"),
        Boolean(test.retried) &&
          h("span", "badge flaky", `failed in ${test.retried} earlier ${test.retried === 1 ? "attempt" : "attempts"}`),
        test.suite && h("span", {}, test.suite),
        test.seconds !== undefined && h("span", {}, formatTime(test.seconds)),
        h(
          "button",
          { class: "link", attributes: { type: "button" }, on: { click: () => links.logs(test.name) } },
          "find it in the logs",
        ),
      ),
      !text && test.message ? h("pre", {}, test.message) : "",
      block(test.status === "skipped" ? "Why" : "What failed", text?.details) ?? "",
      block("Output", text?.output) ?? "",
      block("Error output", text?.errorOutput) ?? "",
      !text && !test.message
        ? h("p", "nothing", "It has written nothing of its own; the log of the tests may tell more.")
        : "",
    );
    detail.scrollTop = 0;
    if (focus) detail.focus();
    announce(`${test.status}: ${test.name}`);
  }

  const view = h(
    "div",
    "tests-view",
    h(
      "div",
      "bar",
      search,
      h("div", { class: "chips", attributes: { role: "group", "aria-label": "Status" } }, ...filters),
      sort,
      how,
    ),
    h("div", "split", h("div", "list-side", nothing, list.element), detail),
    h("p", "hint", "↑ ↓ choose · Enter opens · Escape goes back · / searches"),
  );
  select();
  return {
    element: view,
    search,
    shown: () => list.refresh(),
    filter: setFilter,
    open(test) {
      if (!shown.includes(test)) {
        search.value = wanted = "";
        setFilter("all");
      }
      selected = shown.indexOf(test);
      list.scrollTo(selected, "center");
      list.refresh();
      void openSelected(true);
    },
  };
}
