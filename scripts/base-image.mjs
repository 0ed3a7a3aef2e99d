#!/usr/bin/env node
// Prints the name of a base image that the Docker Engine holds, one a line for the kinds asked for; makes it first
// where it must. What it does meanwhile goes to stderr.
//
//   node scripts/base-image.mjs node|postgres|object-store|probe…     the image to build on or to start
//   node scripts/base-image.mjs --recipe KIND                         what it would be made of, as JSON; makes nothing
import path from "node:path";
import { fileURLToPath } from "node:url";
import { baseImage } from "./base-images/find-or-make.mjs";
import { localName, recipes } from "./base-images/recipe.mjs";
import { endChildren } from "./base-images/run.mjs";

export { baseImage } from "./base-images/find-or-make.mjs";
export const baseImageKinds = Object.keys(recipes);
/** What the example's stack is made of; the others are made when somebody asks for them. */
export const kindsOfExample = baseImageKinds.filter((kind) => kind !== "mariadb");

async function main(args) {
  const showRecipe = args[0] === "--recipe";
  const kinds = showRecipe ? args.slice(1) : args;
  if (kinds.length === 0 || kinds.some((kind) => !Object.hasOwn(recipes, kind))) {
    console.error(`usage: base-image.mjs [--recipe] ${baseImageKinds.join("|")}`);
    return 2;
  }
  if (showRecipe) {
    for (const kind of kinds) console.log(JSON.stringify({ name: localName(kind), ...recipes[kind] }));
    return 0;
  }
  try {
    const say = (line) => console.error(`[base-image] ${line}`);
    const names = await Promise.all(kinds.map((kind) => baseImage(kind, { say })));
    for (const name of names) console.log(name);
    return 0;
  } catch (error) {
    console.error(`[base-image] ${error.message}`);
    return 1;
  }
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  // What it started ends with it.
  for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 143 })) {
    process.on(signal, () => endChildren().finally(() => process.exit(code)));
  }
  process.exitCode = await main(process.argv.slice(2));
}
