/** Versions of plugins, as semantic versioning orders them. */
export interface Version {
  numbers: [number, number, number];
  /** Without the hyphen; empty for a release. */
  prerelease: string;
}

/** Reads `1.2.3`, `v1.2.3-beta.1+build`; `undefined` where it isn't one. */
export function parseVersion(text: string): Version | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/.exec(text);
  if (!match) return undefined;
  return { numbers: [Number(match[1]), Number(match[2]), Number(match[3])], prerelease: match[4] ?? "" };
}

/** Below zero where `a` comes before `b`; a pre-release comes before its release. */
export function compareVersions(a: Version, b: Version): number {
  for (const [index, number] of a.numbers.entries()) {
    if (number !== b.numbers[index]) return number - b.numbers[index]!;
  }
  if (a.prerelease === "" || b.prerelease === "") return Number(a.prerelease === "") - Number(b.prerelease === "");
  return a.prerelease.localeCompare(b.prerelease, "en", { numeric: true });
}

/** A program for `wanted` can do with `given`: same major version, before 1.0 same minor version too. */
export function isCompatible(wanted: string, given: string): boolean {
  const [a, b] = [parseVersion(wanted), parseVersion(given)];
  if (!a || !b || a.numbers[0] !== b.numbers[0]) return false;
  return a.numbers[0] > 0 || a.numbers[1] === b.numbers[1];
}
