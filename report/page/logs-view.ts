import { formatBytes, plainText } from "../text";
import type { LogData, PageReport } from "./data";
import { announce, fileLink, h, slices } from "./dom";
import { layOutRows, lowerBound, type LogRows } from "./log-rows";
import { searchLogs, type Found } from "./log-search";
import { styled } from "./styled";
import { windowed } from "./windowed";

export interface LogsView {
  element: HTMLElement;
  search: HTMLInputElement;
  /** Prepares what is needed once somebody looks. */
  shown(): void;
  /** Shows the lines at that time, in seconds after the run's start. */
  goTo(seconds: number): void;
  find(text: string): void;
}

/** One column of lines. */
interface Column {
  log: LogData;
  /** Its number among all logs. */
  number: number;
  /** The lines that are shown, where not all are. */
  lines?: Uint32Array;
}

/** Every container's log in a column of its own, all on one time axis; `onRange` is told which time is seen. */
export function logsView(report: PageReport, logs: LogData[], onRange: (from: number, to: number) => void): LogsView {
  const withLines = logs.map((log, number) => ({ log, number })).filter(({ log }) => log.lines > 0);
  // Probes say nothing that anybody waits to read, and are off where there is enough else.
  const shownLogs = new Set(withLines.slice(0, 12).map(({ number }) => number));
  let columns: Column[] = [];
  let rows: LogRows = { count: 0, rowOf: [], time: new Float64Array() };
  let cursor: { row: number; column: number } = { row: 0, column: 0 };
  let wanted = "";
  let found: Found | undefined;
  let searching = new AbortController();
  let onlyFound = false;
  let laying: Promise<void> | undefined;
  let generation = 0;

  const header = h("div", { class: "log-row log-head" });
  const list = windowed({
    rowHeight: 20,
    label: "Log lines, a column for each container. Arrow keys go from line to line.",
    class: "logs-list",
    attributes: { role: "region" },
    head: header,
    render,
    onShown() {
      const { from, to } = list.visible();
      if (rows.count > 0)
        onRange(rows.time[from] ?? 0, rows.time[Math.max(to - 2, from)] ?? rows.time[rows.count - 1]!);
    },
  });
  const line = h("div", { class: "log-line", attributes: { hidden: true } });
  const status = h("span", "how");
  const search = h("input", {
    attributes: { type: "search", placeholder: "Search all logs  ( / )", "aria-label": "Search logs" },
    on: {
      input: () => void startSearch(),
      keydown(event) {
        if (event.key !== "Enter") return;
        event.preventDefault();
        step(event.shiftKey ? -1 : 1);
      },
    },
  });
  const only = h("input", {
    attributes: { type: "checkbox", id: "only-found" },
    on: {
      change() {
        onlyFound = only.checked;
        void layOut();
      },
    },
  });
  const toggles = withLines.map(({ log, number }) =>
    h(
      "button",
      {
        class: "chip",
        attributes: { type: "button", "aria-pressed": shownLogs.has(number) },
        on: {
          click(event) {
            if (shownLogs.has(number)) shownLogs.delete(number);
            else shownLogs.add(number);
            (event.currentTarget as HTMLElement).setAttribute("aria-pressed", String(shownLogs.has(number)));
            void startSearch();
            void layOut();
          },
        },
      },
      `${log.service} `,
      h("b", {}, log.lines.toLocaleString("en")),
    ),
  );

  async function layOut(): Promise<void> {
    const mine = ++generation;
    const time = rows.time[list.visible().from];
    const next: Column[] = withLines.filter(({ number }) => shownLogs.has(number));
    const rest = slices();
    const times: Float64Array[] = [];
    for (const column of next) {
      let own = await column.log.times();
      if (onlyFound && wanted !== "") {
        const lines = Uint32Array.from(found?.lines[column.number] ?? []);
        own = Float64Array.from(lines, (at) => own[at]!);
        column.lines = lines;
      } else delete column.lines;
      times.push(own);
      await rest();
    }
    const laid = await layOutRows(times, rest);
    if (mine !== generation) return;
    columns = next;
    rows = laid;
    cursor = { row: 0, column: 0 };
    paintHeader();
    list.element.style.setProperty("--columns", String(columns.length));
    list.setCount(rows.count);
    if (time !== undefined) goToRow(lowerBound(rows.time, time), "start");
    list.refresh();
  }

  function paintHeader(): void {
    header.replaceChildren(
      h("div", "log-time", "time"),
      ...columns.map(({ log }) =>
        h(
          "div",
          "log-name",
          h("b", {}, log.service),
          " ",
          fileLink(log.file, "whole file"),
          log.leftOut > 0 && h("span", "badge flaky", `${formatBytes(log.leftOut)} left out`),
        ),
      ),
    );
  }

  /** The line of a column that is in a row. */
  function lineAt(row: number, column: number): number | undefined {
    const own = rows.rowOf[column];
    if (!own) return undefined;
    const at = lowerBound(own, row);
    if (own[at] !== row) return undefined;
    return columns[column]!.lines?.[at] ?? at;
  }

  function textOf({ log }: Column, number: number): string | undefined {
    const { chunk, first } = log.place(number);
    const lines = log.chunkNow(chunk);
    if (lines) return lines[number - first] ?? "";
    log.chunk(chunk).then(
      () => list.refresh(),
      () => undefined,
    );
    return undefined;
  }

  function render(row: number): HTMLElement {
    const element = h("div", `log-row${row === cursor.row ? " at" : ""}`);
    const time = rows.time[row]!;
    const before = row > 0 ? rows.time[row - 1]! : Number.NEGATIVE_INFINITY;
    const isNew = Math.floor(time * 10) !== Math.floor(before * 10);
    element.append(h("div", `log-time${isNew ? "" : " same"}`, `${time.toFixed(2)}`));
    columns.forEach((column, i) => {
      const number = lineAt(row, i);
      if (number === undefined) return element.append(h("div", "log-cell"));
      const text = textOf(column, number);
      const level = text === undefined ? "" : levelOf(text);
      const cell = h(
        "div",
        {
          class: `log-cell has ${level}${row === cursor.row && i === cursor.column ? " current" : ""}`,
          on: {
            click: () => {
              cursor = { row, column: i };
              void showLine();
              list.refresh();
            },
          },
        },
        ...(text === undefined ? ["…"] : styled(text, wanted)),
      );
      element.append(cell);
    });
    return element;
  }

  async function showLine(): Promise<void> {
    const column = columns[cursor.column];
    const number = column && lineAt(cursor.row, cursor.column);
    if (!column || number === undefined) return;
    const { chunk, first } = column.log.place(number);
    const text = (await column.log.chunk(chunk))[number - first] ?? "";
    const time = rows.time[cursor.row]!;
    const clock = new Date(Date.parse(report.startedAt) + time * 1000).toISOString().slice(11, 23);
    line.hidden = false;
    line.replaceChildren(
      h(
        "p",
        "facts",
        h("b", {}, column.log.service),
        h("span", {}, `line ${(number + 1).toLocaleString("en")}`),
        h("span", {}, `${time.toFixed(2)} s`),
        h("span", {}, `${clock} UTC`),
      ),
      h("pre", { attributes: { tabindex: 0 } }, ...styled(pretty(text), wanted)),
    );
    announce(`${column.log.service}: ${plainText(text).slice(0, 300)}`);
  }

  function goToRow(row: number, where: "start" | "center" | "nearest"): void {
    if (rows.count === 0) return;
    const target = Math.min(Math.max(row, 0), rows.count - 1);
    const column = columns.findIndex((_, i) => lineAt(target, i) !== undefined);
    cursor = {
      row: target,
      column: lineAt(target, cursor.column) === undefined ? Math.max(column, 0) : cursor.column,
    };
    list.scrollTo(target, where);
    list.refresh();
  }

  list.element.addEventListener("keydown", (event) => {
    const page = list.visible().to - list.visible().from - 2;
    const moves: Record<string, number> = {
      ArrowDown: cursor.row + 1,
      ArrowUp: cursor.row - 1,
      PageDown: cursor.row + page,
      PageUp: cursor.row - page,
      Home: 0,
      End: rows.count - 1,
    };
    if (event.key in moves) {
      event.preventDefault();
      goToRow(moves[event.key]!, "nearest");
      void showLine();
    } else if (event.key === "n" || event.key === "N") {
      event.preventDefault();
      step(event.key === "n" ? 1 : -1);
    } else if (event.key === "Enter") {
      event.preventDefault();
      void showLine();
    }
  });

  async function startSearch(): Promise<void> {
    wanted = search.value.trim();
    searching.abort();
    searching = new AbortController();
    const { signal } = searching;
    found = undefined;
    list.refresh();
    if (wanted === "") {
      status.textContent = "";
      if (onlyFound) await layOut();
      return;
    }
    let jumped = false;
    const origin = cursor;
    let jumpedTo: typeof cursor | undefined;
    // Somebody is typing.
    await new Promise((resolve) => setTimeout(resolve, 150));
    if (signal.aborted) return;
    await laying;
    await searchLogs(
      withLines.filter(({ number }) => shownLogs.has(number)),
      logs.length,
      wanted,
      (progress) => {
        found = progress;
        const { count, done, more } = progress;
        const percent = done < 1 ? `, ${Math.floor(done * 100)} % searched` : "";
        status.textContent = `${count.toLocaleString("en")}${more ? " and more" : ""} found${percent}`;
        if (!jumped && count > 0 && !onlyFound) {
          jumped = true;
          step(0);
          jumpedTo = cursor;
        }
      },
      signal,
    );
    if (signal.aborted) return;
    announce(status.textContent);
    if (onlyFound) await layOut();
    else if (found && (found as Found).count > 0 && cursor === jumpedTo) {
      // Another log may have one before it.
      cursor = origin;
      step(0);
    }
  }

  /** To the next place that was found, the one before, or with 0 the first from here on. */
  function step(direction: -1 | 0 | 1): void {
    if (!found || found.count === 0) return;
    let best: { row: number; column: number } | undefined;
    let around: { row: number; column: number } | undefined;
    const order = (at: { row: number; column: number }) => at.row * columns.length + at.column;
    const here = order(cursor) + direction;
    const isBackwards = direction < 0;
    columns.forEach(({ number, lines }, column) => {
      const places = found!.lines[number] ?? [];
      const rowOf = (at: number) => rows.rowOf[column]![lines ? at : places[at]!]!;
      const consider = (at: number): void => {
        if (at < 0 || at >= places.length) return;
        const place = { row: rowOf(at), column };
        const isFurther = isBackwards ? order(place) <= here : order(place) >= here;
        const better = (a: typeof place, b: typeof place | undefined) =>
          !b || (isBackwards ? order(a) > order(b) : order(a) < order(b));
        if (isFurther && better(place, best)) best = place;
        if (better(place, around)) around = place;
      };
      // Rows rise with lines: the place is found by halving.
      let [low, high] = [0, places.length];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (order({ row: rowOf(middle), column }) < here) low = middle + 1;
        else high = middle;
      }
      for (const at of [low - 1, low, 0, places.length - 1]) consider(at);
    });
    const target = best ?? around;
    if (!target) return;
    cursor = target;
    list.scrollTo(target.row, "center");
    list.refresh();
    void showLine();
  }

  const element = h(
    "div",
    "logs",
    h(
      "div",
      "bar",
      h("h2", {}, "Logs"),
      search,
      h("label", { attributes: { for: "only-found" } }, only, " only what is found"),
      status,
      h("div", { class: "chips", attributes: { role: "group", "aria-label": "Containers" } }, ...toggles),
    ),
    withLines.length === 0 ? h("p", "nothing", "No container of this run has written anything.") : list.element,
    line,
    h(
      "p",
      "hint",
      "↑ ↓ line by line · Enter in the search, or n and N: next and last place · a click on the waterfall goes to its time",
    ),
  );

  return {
    element,
    search,
    shown() {
      laying ??= layOut();
      list.refresh();
    },
    goTo(seconds) {
      laying ??= layOut();
      void laying.then(() => {
        goToRow(lowerBound(rows.time, seconds - 1e-9), "start");
        list.element.focus({ preventScroll: true });
      });
    },
    find(text) {
      search.value = text;
      void startSearch();
    },
  };
}

/** A line that is JSON is easier to read over several. */
function pretty(text: string): string {
  if (!/^\s*[{[]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}

function levelOf(text: string): "" | "error" | "warning" {
  const head = text.slice(0, 300);
  if (/"level":\s*"?(?:error|fatal|50|60)|\b(?:ERROR|FATAL|PANIC|Error:|panic:)/.test(head)) return "error";
  return /"level":\s*"?(?:warn|40)|\b(?:WARN|WARNING)\b/.test(head) ? "warning" : "";
}
