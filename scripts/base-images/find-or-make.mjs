// Which image to build on: the one that was asked for, one made here before, a public one, or one made now.
import { createReadStream, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { whyNotDebian } from "./debian-packages.mjs";
import { engineAddress, imageExists, importImage, pullImage, removeImage, runAndCommit } from "./engine.mjs";
import { withLock } from "./lock.mjs";
import { localName, recipes, variable } from "./recipe.mjs";

/** @typedef {"node" | "postgres" | "object-store" | "probe"} Kind */

/**
 * The name of a base image of this kind that the Docker Engine holds. `say` is told what is going on, a line at a time.
 * @param {Kind} kind
 * @param {{ say?: (line: string) => void, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<string>}
 */
export async function baseImage(kind, { say = () => {}, env = process.env } = {}) {
  const named = env[variable(kind)];
  if (named) return named;
  const local = localName(kind);
  if (await engineHolds(local)) return local;
  const { publicImage } = recipes[kind];
  if (await imageExists(publicImage)) return publicImage;
  const refusal = await registryRefusal(publicImage, say);
  if (!refusal) return publicImage;
  const hindrance = whyNotDebian();
  if (hindrance) {
    throw new Error(
      `no base image for ${kind}: ${publicImage} could not be pulled (${refusal}), and none can be made since ` +
        `${hindrance}; set ${variable(kind)} to an image that the Docker Engine can get`,
    );
  }
  await withLock(local.replace(/[:/]/g, "-"), async () => {
    if (await imageExists(local)) return;
    const started = Date.now();
    say(`${kind}: making ${local} from Debian's packages`);
    await make(kind, local);
    say(`${kind}: made ${local} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  });
  return local;
}

async function engineHolds(image) {
  try {
    return await imageExists(image);
  } catch (error) {
    throw new Error(`no Docker Engine answers at ${engineAddress().name} (${error.code ?? error.message})`);
  }
}

// The first pull of a run shows whether there is a registry at all; the others wait for it rather than all find out.
let firstPull;

async function registryRefusal(image, say) {
  if (firstPull) return (await firstPull) ?? (await pull(image, say));
  firstPull = pull(image, say);
  return firstPull;
}

async function pull(image, say) {
  say(`pulling ${image}`);
  const refusal = await pullImage(image);
  if (refusal) say(`${image} can't be pulled: ${refusal}`);
  return refusal;
}

async function make(kind, name) {
  // Loaded here, since on nearly every call the image is there.
  const { packRootFileSystem } = await import("./root-file-system.mjs");
  const recipe = recipes[kind];
  const scratch = await mkdtemp(path.join(os.tmpdir(), "seatrial-base-"));
  const clean = () => rmSync(scratch, { recursive: true, force: true });
  // For a process that a signal ends.
  process.once("exit", clean);
  try {
    const { tar, config } = await packRootFileSystem(recipe, scratch);
    const changes = [...config, ...recipe.config, `LABEL dev.seatrial.base=${kind}`];
    if (!recipe.finish) return await importImage(name, createReadStream(tar), changes);
    const unfinished = `${name}-unfinished`;
    try {
      await importImage(unfinished, createReadStream(tar), changes);
      await runAndCommit(unfinished, name, recipe.finish, changes);
    } finally {
      await removeImage(unfinished);
    }
  } finally {
    process.off("exit", clean);
    clean();
  }
}
