import { h } from "./dom";

/** A list of which only the rows that are seen are in the page. */
export interface Windowed {
  element: HTMLElement;
  /** What scrolls with the rows but stays at the top. */
  setCount(count: number): void;
  refresh(): void;
  scrollTo(row: number, where?: "start" | "center" | "nearest"): void;
  /** The first row that is seen, and the one after the last. */
  visible(): { from: number; to: number };
}

/** Browsers cut elements off that are higher than this or a little more. Pixels. */
const highest = 8_000_000;

/**
 * A windowed list of rows of equal height. Where they are higher together than an element can be, the scroll bar's way
 * stands for a longer one.
 */
export function windowed(options: {
  rowHeight: number;
  label: string;
  class: string;
  attributes?: Record<string, string>;
  head?: HTMLElement;
  render(row: number): HTMLElement;
  onShown?(): void;
}): Windowed {
  const { rowHeight, render, head } = options;
  const rows = h("div", { class: "rows", attributes: { role: "presentation" } });
  const space = h("div", { class: "space", attributes: { role: "presentation" } }, rows);
  const element = h(
    "div",
    {
      class: `windowed ${options.class}`,
      attributes: { tabindex: 0, "aria-label": options.label, ...options.attributes },
    },
    head,
    space,
  );
  let count = 0;
  /** Pixels of all rows that are above what is seen, as if there were no highest element. */
  let top = 0;
  let ours: number | undefined;
  let frame = 0;

  const headHeight = () => head?.offsetHeight ?? 0;
  const height = () => Math.max(element.clientHeight - headHeight(), rowHeight);
  const longest = () => Math.max(count * rowHeight - height(), 0);
  const real = () => Math.min(count * rowHeight, highest);
  const factor = () => (count * rowHeight <= highest ? 1 : longest() / Math.max(real() - height(), 1));

  function paint(): void {
    frame = 0;
    top = Math.min(top, longest());
    const { from, to } = visible();
    const shown: HTMLElement[] = [];
    for (let row = from; row < to; row++) shown.push(render(row));
    rows.replaceChildren(...shown);
    rows.style.transform = `translateY(${element.scrollTop + from * rowHeight - top}px)`;
    options.onShown?.();
  }

  function visible(): { from: number; to: number } {
    const from = Math.floor(top / rowHeight);
    return { from, to: Math.min(from + Math.ceil(height() / rowHeight) + 1, count) };
  }

  function refresh(): void {
    frame ||= requestAnimationFrame(paint);
  }

  function moveTo(next: number): void {
    top = Math.max(Math.min(next, longest()), 0);
    ours = top / factor();
    element.scrollTop = ours;
    ours = element.scrollTop;
    refresh();
  }

  element.addEventListener("scroll", () => {
    if (ours === undefined || Math.abs(element.scrollTop - ours) > 1) top = element.scrollTop * factor();
    ours = undefined;
    refresh();
  });
  element.addEventListener(
    "wheel",
    (event) => {
      if (factor() === 1 || event.deltaY === 0 || event.ctrlKey) return;
      event.preventDefault();
      moveTo(top + event.deltaY * (event.deltaMode === 1 ? rowHeight : 1));
    },
    { passive: false },
  );
  new ResizeObserver(refresh).observe(element);

  return {
    element,
    setCount(next) {
      count = next;
      space.style.height = `${real()}px`;
      top = Math.min(top, longest());
      refresh();
    },
    refresh,
    scrollTo(row, where = "nearest") {
      const [start, end] = [row * rowHeight, (row + 1) * rowHeight];
      if (where === "start") moveTo(start);
      else if (where === "center") moveTo(start - height() / 2);
      else if (start < top) moveTo(start);
      else if (end > top + height()) moveTo(end - height());
      else refresh();
    },
    visible,
  };
}
