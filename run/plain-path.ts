import { lstatSync } from "node:fs";
import { join } from "node:path";

/** What is at a path, no part of which below the top may be a link. */
export type PathKind =
  "file" | "none" | "a folder" | "behind a link" | "behind a file" | "no ordinary file" | "outside";

/** @param path relative to `top`, with forward slashes */
export function pathKind(top: string, path: string): PathKind {
  const parts = path.split("/");
  if (path.includes("\0") || parts.some((part) => part === "" || part === "." || part === "..")) return "outside";
  let place = top;
  for (const [n, part] of parts.entries()) {
    place = join(place, part);
    const stat = lstatSync(place, { throwIfNoEntry: false });
    if (!stat) return "none";
    if (stat.isSymbolicLink()) return "behind a link";
    const isLast = n === parts.length - 1;
    if (!isLast && !stat.isDirectory()) return "behind a file";
    if (isLast) return stat.isFile() ? "file" : stat.isDirectory() ? "a folder" : "no ordinary file";
  }
  return "none";
}
