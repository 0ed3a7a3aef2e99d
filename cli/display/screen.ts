import { detectJob } from "../../ci/detect";
import { logGroup } from "../../ci/log-groups";
import { commandFilter } from "../../ci/workflow-commands";
import { controlCodeFilter, stripControlCodes } from "../../run/control-codes";
import { makeStyle, wantsColor, type Style } from "./style";

/** Where a command shows what it does: lines that stay, and on a terminal one last line that changes. */
export interface Screen {
  readonly style: Style;
  /** A person looks on, and what is shown can be changed. */
  readonly live: boolean;
  /** A whole line; several, if it holds line feeds. */
  line(text?: string): void;
  /** Text as a container writes it, not by lines; it may set colours and no more. */
  raw(stream: string, text: string): void;
  /** What follows can be folded in the log of the CI job, until the returned function is called; `undefined`: it can't. */
  fold(title: string): (() => void) | undefined;
  /** What the last line shows while something is under way; `undefined`: nothing is. Only on a terminal. */
  status(text: (() => string) | undefined): void;
  close(): void;
}

export interface ScreenOptions {
  stream: NodeJS.WriteStream;
  color?: string;
  env: NodeJS.ProcessEnv;
}

const spinner = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

export function makeScreen({ stream, color, env }: ScreenOptions): Screen {
  const terminal = Boolean(stream.isTTY);
  const live = terminal && env.TERM !== "dumb" && !env.CI;
  const colors = wantsColor(color, env, terminal);
  const style = makeStyle(colors);
  const filters = new Map<string, ReturnType<typeof controlCodeFilter>>();
  let current: (() => string) | undefined;
  let shown = false;
  let midLine = false;
  let turn = 0;
  let timer: NodeJS.Timeout | undefined;

  const commands = detectJob(env)?.system === "github" ? commandFilter() : undefined;
  const write = (text: string) => void stream.write(commands?.push(text) ?? text);
  const hide = () => {
    if (shown) write("\r\x1b[2K");
    shown = false;
  };
  const show = () => {
    if (!live || !current || midLine) return;
    const text = `${spinner[turn % spinner.length]} ${stripControlCodes(current())}`;
    // A line that wraps could not be taken back.
    write(`\r\x1b[2K${style.dim(cut(text, (stream.columns ?? 80) - 1))}`);
    shown = true;
  };
  const tick = () => {
    turn += 1;
    show();
  };

  return {
    style,
    live,
    line(text = "") {
      hide();
      // Names, messages and settings may come from anywhere.
      write(`${midLine ? "\n" : ""}${stripControlCodes(text, { colors })}\n`);
      midLine = false;
      show();
    },
    raw(source, text) {
      const filter = filters.get(source) ?? controlCodeFilter({ colors });
      filters.set(source, filter);
      const clean = filter.push(text);
      if (clean === "") return;
      hide();
      write(clean);
      midLine = !clean.replace(/\x1b\[[0-9;:]*m/g, "").endsWith("\n");
    },
    fold(title) {
      const group = logGroup(title, env);
      if (!group) return undefined;
      hide();
      if (midLine) write("\n");
      midLine = false;
      stream.write(group.start);
      return () => {
        if (midLine) write("\n");
        midLine = false;
        stream.write(group.end);
      };
    },
    status(text) {
      current = text;
      if (!live) return;
      if (text && !timer) {
        timer = setInterval(tick, 100);
        timer.unref();
      } else if (!text) {
        clearInterval(timer);
        timer = undefined;
        hide();
      }
    },
    close() {
      clearInterval(timer);
      timer = undefined;
      hide();
      current = undefined;
      if (midLine) write("\n");
      midLine = false;
      // Colours that a container left on end here.
      if (colors && filters.size > 0) write("\x1b[0m");
    },
  };
}

/** Cut to so many characters. */
export function cut(text: string, width: number): string {
  const characters = [...text.replace(/\s+/g, " ")];
  return characters.length <= width ? characters.join("") : `${characters.slice(0, Math.max(width - 1, 0)).join("")}…`;
}
