/** Everything that is shipped with Seatrial may be shipped: the licences of its packages are known and permissive. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(__dirname, "..");
const PERMISSIVE = new Set([
  "MIT",
  "ISC",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "BlueOak-1.0.0",
  "Unlicense",
  "CC0-1.0",
  "Python-2.0",
  "CC-BY-3.0",
]);

/** Packages whose manifest points at a file, and what that file says. */
const READ_BY_HAND: Record<string, { licence: string; says: string }> = {
  "node_modules/@logdna/tail-file": { licence: "MIT", says: "MIT License" },
};

interface LockedPackage {
  dev?: boolean;
  devOptional?: boolean;
  optional?: boolean;
  license?: string;
}

/** True where one of the alternatives of an SPDX expression, or all parts of a conjunction, are permissive. */
function isPermissive(expression: string): boolean {
  const bare = expression.replace(/^\(|\)$/g, "");
  if (bare.includes(" OR ")) return bare.split(" OR ").some(isPermissive);
  if (bare.includes(" AND ")) return bare.split(" AND ").every(isPermissive);
  return PERMISSIVE.has(bare);
}

function licenceOf(path: string, locked: LockedPackage): string {
  const read = READ_BY_HAND[path];
  if (read && readFileSync(join(ROOT, path, "LICENSE"), "utf8").includes(read.says)) return read.licence;
  if (locked.license) return locked.license;
  const manifest = JSON.parse(readFileSync(join(ROOT, path, "package.json"), "utf8")) as {
    license?: string | { type: string };
    licenses?: { type: string }[];
  };
  const declared = manifest.license ?? manifest.licenses?.[0];
  return typeof declared === "string" ? declared : (declared?.type ?? "none");
}

test("every shipped package has a permissive licence", () => {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, LockedPackage>;
  };
  const shipped = Object.entries(lock.packages).filter(([path, { dev }]) => path !== "" && !dev);
  expect(shipped.length).toBeGreaterThan(20);
  const refused = shipped.flatMap(([path, locked]) => {
    const licence = licenceOf(path, locked);
    return isPermissive(licence) ? [] : [`${path}: ${licence}`];
  });
  expect(refused).toEqual([]);
});

test("an expression without a permissive way out is refused", () => {
  expect(isPermissive("(MIT OR GPL-3.0)")).toBe(true);
  expect(isPermissive("MIT AND GPL-3.0")).toBe(false);
  expect(isPermissive("SSPL-1.0")).toBe(false);
});
