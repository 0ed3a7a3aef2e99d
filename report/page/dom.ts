type Child = Node | string | undefined | false;

type Properties = {
  class?: string;
  /** Attributes by name; `false` and `undefined` leave one out. */
  attributes?: Record<string, string | number | boolean | undefined>;
  on?: { [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };
};

/** Makes an element. Texts become text nodes: nothing of the run's is ever read as markup. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties | string = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  dress(element, typeof properties === "string" ? { class: properties } : properties);
  element.append(...children.filter((child) => child !== undefined && child !== false));
  return element;
}

/** The same for a picture's elements. */
export function svg(tag: string, properties: Properties = {}, ...children: Child[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  dress(element, properties);
  element.append(...children.filter((child) => child !== undefined && child !== false));
  return element;
}

function dress(element: HTMLElement | SVGElement, { class: name, attributes = {}, on = {} }: Properties): void {
  if (name) element.setAttribute("class", name);
  for (const [key, value] of Object.entries(attributes)) {
    // Of an aria attribute "false" is a value as well.
    if (value !== undefined && key.startsWith("aria-")) element.setAttribute(key, String(value));
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : String(value));
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener as EventListener);
}

/** A section with its heading. */
export function panel(title: string, ...children: Child[]): HTMLElement {
  return h("section", "panel", h("h2", {}, title), ...children);
}

/** The hash signs of a file's path are no fragment, nor is a colon in it a scheme. */
export function fileLink(path: string, text = path): HTMLAnchorElement {
  const address = `../${path.split("/").map(encodeURIComponent).join("/")}`;
  return h("a", { attributes: { href: address } }, text);
}

/** Says something to who can't see it happen. */
export function announce(text: string): void {
  const said = document.getElementById("said");
  // Before the page is there, nothing has happened in it.
  if (said) said.textContent = text;
}

/** Lets the browser do something else. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Rests whenever 12 ms have been worked in one go. */
export function slices(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < 12) return;
    await breathe();
    since = performance.now();
  };
}
