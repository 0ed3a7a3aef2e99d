/**
 * The version of the CLI that this engine behaves as, and version ranges as programs ask for them.
 *
 * A range is comparisons that must all hold (`>=3.100.0 !3.107.0`), or several such lists of which one must (`||`).
 * `x` stands for any number: `3.x`. Source: the package `blang/semver` in Go, which the CLI uses.
 */
export const PULUMI_VERSION = "3.259.0";

/** Throws where `version` isn't in the range, or the range can't be read. */
export function requireVersion(range: string, version = PULUMI_VERSION): void {
  if (range.trim() === "") return;
  if (!range.split("||").some((part) => holdsAll(part, range, version))) {
    throw new Error(
      `the program needs a Pulumi version in the range "${range}"; the embedded engine behaves as ${version}: use a CLI of that range`,
    );
  }
}

type Comparison = (order: number) => boolean;

const COMPARISONS: Record<string, Comparison> = {
  "": (order) => order === 0,
  "=": (order) => order === 0,
  "==": (order) => order === 0,
  "!": (order) => order !== 0,
  "!=": (order) => order !== 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
};

function holdsAll(part: string, range: string, version: string): boolean {
  const terms = [...part.trim().matchAll(/([=!<>]*)\s*([^\s=!<>]+)\s*/g)];
  if (terms.length === 0 || terms.map(([text]) => text).join("") !== part.trim()) {
    throw new Error(`"${range}" is not a version range: write it like ">=3.100.0" or ">=3.100.0 <4.0.0"`);
  }
  return terms.every(([, operator, text]) => {
    const holds = COMPARISONS[operator!];
    const wanted = /^v?(\d+|x)(?:\.(\d+|x))?(?:\.(\d+|x))?(?:[-+].*)?$/.exec(text!);
    if (!holds || !wanted) throw new Error(`"${range}" is not a version range: "${operator}${text}" can't be read`);
    return holds(compare(version.split(".").map(Number), wanted.slice(1)));
  });
}

/** Below, at or above zero; a part that is `x` or absent is equal to any. */
function compare(version: number[], wanted: (string | undefined)[]): number {
  for (const [i, part] of wanted.entries()) {
    if (part === undefined || part === "x") return 0;
    const order = version[i]! - Number(part);
    if (order !== 0) return order;
  }
  return 0;
}
