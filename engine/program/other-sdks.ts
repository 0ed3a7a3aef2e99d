/**
 * Whether some package that a program may import brings an `@pulumi/pulumi` other than the program's own. In a process
 * as the CLI starts it two of them get along. In the engine's they don't: they share a connection but not its messages.
 */
import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { nearestManifest } from "./entry-point";

/** The package with another one, of those that the program's package.json names, or a folder of NODE_PATH with one. */
export function bringsOtherSdk(
  programFolder: string,
  sdkPath: string,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const own = realpathSync(sdkPath);
  const shared = (env.NODE_PATH ?? "").split(delimiter).filter(Boolean);
  const others = shared.filter((folder) => existsSync(join(folder, "@pulumi/pulumi")));
  const differs = (folder: string) => {
    const sdk = sdkSeenFrom(folder);
    return sdk !== undefined && sdk !== own;
  };
  const named = namedPackages(programFolder).find(({ folder }) => differs(folder))?.name;
  return named ?? others.find((folder) => differs(join(folder, "@pulumi")));
}

/** Where the packages are that the program's package.json names. */
function namedPackages(programFolder: string): { name: string; folder: string }[] {
  const { manifest } = nearestManifest(programFolder) ?? {};
  const names = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"].flatMap((kind) =>
    Object.keys((manifest?.[kind] ?? {}) as object),
  );
  const places = createRequire(join(programFolder, "program.js")).resolve.paths("x") ?? [];
  return names.flatMap((name) => {
    const folder = places.map((place) => join(place, name)).find((path) => existsSync(path));
    return folder === undefined || name === "@pulumi/pulumi" ? [] : [{ name, folder: realpathSync(folder) }];
  });
}

function sdkSeenFrom(folder: string): string | undefined {
  try {
    return realpathSync(createRequire(join(folder, "package.js")).resolve("@pulumi/pulumi"));
  } catch {
    return undefined;
  }
}
