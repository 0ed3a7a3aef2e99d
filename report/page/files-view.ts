import { formatBytes } from "../text";
import type { PageReport } from "./data";
import { fileLink, h } from "./dom";
import type { View } from "./view";
import { windowed } from "./windowed";

/** Every file beside the page, each with its link. */
export function filesView({ artifacts, logs }: PageReport): View {
  const own = [
    { path: "result.json", what: "the verdict" },
    { path: "report/report.json", what: "this page's data" },
    { path: "events.jsonl", what: "engine events" },
  ];
  const files: { path: string; what: string; bytes?: number }[] = [
    ...artifacts.map(({ path, bytes }) => ({ path, what: "of the tests", bytes })),
    ...logs.map(({ file, service, bytes }) => ({ path: file, what: `log of ${service}`, bytes })),
    ...own,
  ];
  let shown = files;
  const list = windowed({
    rowHeight: 30,
    label: "Files",
    class: "files-list",
    attributes: { role: "region" },
    render(row) {
      const { path, what, bytes } = shown[row]!;
      return h(
        "div",
        "file",
        fileLink(path),
        h("span", "suite", what),
        h("span", "time", bytes === undefined ? "" : formatBytes(bytes)),
      );
    },
  });
  const how = h("span", "how");
  const search = h("input", {
    attributes: { type: "search", placeholder: "Search files  ( / )", "aria-label": "Search files" },
    on: {
      input() {
        const wanted = search.value.trim().toLowerCase();
        shown = files.filter(({ path }) => path.toLowerCase().includes(wanted));
        update();
      },
    },
  });
  function update(): void {
    how.textContent = `${shown.length.toLocaleString("en")} files`;
    list.setCount(shown.length);
    list.scrollTo(0);
  }
  update();
  return {
    element: h("div", "files-view", h("div", "bar", search, how), list.element),
    search,
    shown: () => list.refresh(),
  };
}
