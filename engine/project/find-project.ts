import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** The Pulumi.yaml in `cwd` or the nearest folder above it that has one. */
export function findProject(cwd: string): string | undefined {
  const folder = resolve(cwd);
  for (const name of ["Pulumi.yaml", "Pulumi.yml"]) {
    const file = join(folder, name);
    if (existsSync(file) && statSync(file).isFile()) return file;
  }
  const parent = dirname(folder);
  return parent === folder ? undefined : findProject(parent);
}
