/** Progress of a transfer in one line that isn't kept, a few times a second at most. */
import type { ProviderContext } from "../../../engine/provider";

const INTERVAL = 500;

export class Progress {
  private readonly layers = new Map<string, { done: boolean; current: number; total: number }>();
  private last = 0;

  constructor(
    private readonly context: ProviderContext,
    private readonly title: string,
  ) {
    this.show(title);
  }

  /** What the Engine says of one layer. */
  layer(id: string, status: string, detail: { current?: number; total?: number } = {}): void {
    const layer = this.layers.get(id) ?? { done: false, current: 0, total: 0 };
    if (/complete|already exists|pushed|mounted/i.test(status)) layer.done = true;
    layer.current = detail.current ?? layer.current;
    layer.total = detail.total ?? layer.total;
    this.layers.set(id, layer);
    this.occasionally(() => this.summary());
  }

  line(text: string): void {
    this.occasionally(() => text);
  }

  private summary(): string {
    const layers = [...this.layers.values()];
    const bytes = layers.reduce((sum, { current }) => sum + current, 0);
    const done = layers.filter((layer) => layer.done).length;
    return `${this.title}: ${done} of ${layers.length} layers, ${(bytes / 1e6).toFixed(1)} MB`;
  }

  private occasionally(text: () => string): void {
    if (Date.now() - this.last >= INTERVAL) this.show(text());
  }

  private show(text: string): void {
    this.last = Date.now();
    this.context.log("info", text, { ephemeral: true });
  }
}
