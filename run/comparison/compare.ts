import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Project, ProviderFactory } from "../../engine";
import { makeMasker } from "../../engine/deployment/masker";
import { programFolder } from "../../engine/program/entry-point";
import { compareStacks } from "../../report/comparison/compare";
import { type Description, describeStack, filesKey } from "../../report/comparison/describe";
import type { PreviewedResource } from "../../report/comparison/resource";
import type { Comparison } from "../../report/comparison/schema";
import { findCommit } from "../commit";
import type { Engine } from "../host";
import { enterEnvironment, lifetime, newRunId, runLabels } from "../identity";
import { type BaseProgram, type Checkout, checkoutAt, filesDiffer, openBaseProgram } from "./base-program";
import { PreviewError, previewStack } from "./previewed-stack";

export interface CompareOptions {
  project: Project;
  /** What to compare with: a commit, tag, branch or folder. */
  base: string;
  /** Both stacks' name, which chooses their settings. */
  stack: string;
  config: Record<string, string>;
  configFile?: string;
  parallel?: number;
  /** Runs each program in a process of its own. */
  isolated: boolean;
  signal: AbortSignal;
  /** What the programs write, and warnings. */
  say(text: string): void;
}

/**
 * Compares the stack of another commit's program with that of the working tree: both as if nothing were there yet.
 * Nothing is made but a temporary folder, which is gone afterwards.
 *
 * Rejects with a `UserError` where there is no such commit, with a `PreviewError` where one of the programs fails.
 */
export async function compareWithBase(
  engine: Engine,
  providers: (labels: Record<string, string>) => Record<string, ProviderFactory>,
  options: CompareOptions,
): Promise<Comparison> {
  const { project, base: ref } = options;
  const [found, here] = await Promise.all([findCommit(project.root), checkoutAt(project.root)]);
  const base = await openBaseProgram(ref, project.root);
  try {
    // Both are told the same, so that what they make of it is the same.
    const identity = {
      run: newRunId(),
      project: project.name,
      stack: options.stack,
      ...(found ? { commit: { sha: found.sha, dirty: false } } : {}),
      expires: new Date(Date.now() + lifetime.run * 1000),
    };
    enterEnvironment(identity, { ownProviders: !engine.pluginsOnly });
    const masker = makeMasker();
    const preview = async (of: Project, checkout: Checkout, what: string): Promise<PreviewedResource[]> => {
      const { stack, config, configFile, signal, parallel, isolated, say } = options;
      options.signal.throwIfAborted();
      const commits = [found?.sha, checkout.commit].filter((commit) => commit !== undefined);
      return await previewStack(engine, {
        ...{ project: of, stack, config, masker, signal, isolated },
        ...(configFile ? { configFile } : {}),
        ...(parallel === undefined ? {} : { parallel }),
        providers: providers(runLabels(identity)),
        say: (text) => say(`${what}: ${text}`),
        normalize: normalizer({ commits, stack, run: identity.run, top: checkout.top }),
      }).catch((error: unknown) => {
        if (!(error instanceof PreviewError)) throw error;
        throw new PreviewError(`the program of ${what} can't be previewed: ${error.message}`);
      });
    };
    const absent = !hasProgram(base);
    const before = absent ? [] : await preview(engine.loadProject(base.folder), base, ref);
    const after = await preview(project, here, "the working tree");
    const [old, now] = [describeStack(before), describeStack(after)];
    await dropSameFiles(old, now, after, here, base, project);
    return {
      version: 1,
      project: project.name,
      base: { ref: ref.slice(0, 300), ...(base.commit ? { commit: base.commit } : {}), ...(absent ? { absent } : {}) },
      head: found ? { commit: found.sha, dirty: found.dirty } : {},
      ...compareStacks(old, now, { mask: (text) => masker.mask(text) }),
    };
  } finally {
    await base.remove();
  }
}

function hasProgram({ folder }: BaseProgram): boolean {
  return ["Pulumi.yaml", "Pulumi.yml"].some((name) => existsSync(join(folder, name)));
}

/** Puts words in the place of what differs between any two runs: commits, the stack, the run, where the checkout is. */
export function normalizer(of: {
  commits: string[];
  stack: string;
  run: string;
  top: string;
}): (text: string) => string {
  const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const parts = [
    { pattern: new RegExp(`${literal(of.top)}(?=/|$)`, "g"), word: "<checkout>" },
    { pattern: new RegExp(`(?<![A-Za-z0-9])${literal(of.stack)}(?![A-Za-z0-9])`, "g"), word: "<stack>" },
    { pattern: new RegExp(literal(of.run), "g"), word: "<run>" },
  ];
  const isCommit = (hash: string) => of.commits.some((commit) => commit.startsWith(hash));
  return (text) => {
    const named = parts.reduce((result, { pattern, word }) => result.replace(pattern, word), text);
    return named.replace(/(?<![0-9a-f])[0-9a-f]{7,40}(?![0-9a-f])/g, (hash) => (isCommit(hash) ? "<commit>" : hash));
  };
}

/**
 * The digest of what an image is built from also counts files that git doesn't know, such as installed packages; those
 * are no change of the program's.
 */
async function dropSameFiles(
  old: Description[],
  now: Description[],
  resources: PreviewedResource[],
  here: Checkout,
  base: BaseProgram,
  project: Project,
): Promise<void> {
  if (!base.commit) return;
  const folder = programFolder(project);
  for (const image of now.filter(({ kind }) => kind === "image")) {
    const isFiles = ({ aspect, key }: { aspect: string; key?: string }) => aspect === "build" && key === filesKey;
    const is = image.facts.find(isFiles);
    const was = old.find(({ type, name }) => type === image.type && name === image.name)?.facts.find(isFiles);
    if (!is || !was || is.value === was.value) continue;
    const build = resources.find(({ urn }) => urn === image.urn)?.inputs.build as { context?: unknown } | undefined;
    const context = typeof build?.context === "string" ? build.context.replace("<checkout>", here.top) : ".";
    if ((await filesDiffer(here.top, base.commit, resolve(folder, context))) === false) is.value = was.value;
  }
}
