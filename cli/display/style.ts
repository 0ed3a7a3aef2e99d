/** Colours, or none. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
  /** One of a few colours, by number. */
  nth(text: string, n: number): string;
}

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };
const palette = [36, 33, 35, 32, 34, 96, 93, 95];

export function makeStyle(colors: boolean): Style {
  const paint = (code: number) => (text: string) => (colors && text !== "" ? `\x1b[${code}m${text}\x1b[0m` : text);
  return {
    bold: paint(codes.bold),
    dim: paint(codes.dim),
    red: paint(codes.red),
    green: paint(codes.green),
    yellow: paint(codes.yellow),
    cyan: paint(codes.cyan),
    nth: (text, n) => paint(palette[n % palette.length]!)(text),
  };
}

/** Whether to use colours: as `--color` says, else as NO_COLOR and FORCE_COLOR do, else on a terminal. */
export function wantsColor(choice: string | undefined, env: NodeJS.ProcessEnv, terminal: boolean): boolean {
  if (choice === "always") return true;
  if (choice === "never") return false;
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR && env.FORCE_COLOR !== "0") return true;
  return terminal && env.TERM !== "dumb";
}
