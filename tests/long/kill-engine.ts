/**
 * One operation on 1,000 things that are files in a folder, in a process that is there to be killed. Bundled by
 * `kill.test.ts`. Says "begun" when the operation begins, and ends with 0 where it succeeds.
 */
import { mkdirSync, readdirSync } from "node:fs";
import { access, rm, writeFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openStack, type OperationKind, type Provider, runOperation } from "../../engine";
import { equalValues, type PropertyMap } from "../../engine/values";
import { asRunner, type Program, PROJECT, type Registered, STACK, using } from "../engine/registrar";

const COUNT = 1_000;
/** Each of a chain is made of the one before. */
const CHAIN = 10;
/** Milliseconds that a call takes at most. */
const LATENCY = 20;

const [folder, kind, inputs] = process.argv.slice(2) as [string, OperationKind, string];
const things = join(folder, "things");

const program: Program = async (stack) => {
  const chains = Array.from({ length: COUNT / CHAIN }, async (_, chain) => {
    let last: Registered[] = [];
    for (let link = 0; link < CHAIN; link++) {
      last = [await using(stack, `thing-${chain * CHAIN + link}`, last, JSON.parse(inputs) as PropertyMap)];
    }
  });
  await Promise.all(chains);
};

/** Files called `<name>#<id>`, with the inputs in them. */
function fileProvider(): Provider {
  const pause = (): Promise<void> => sleep(Math.random() * LATENCY);
  const put = async (id: string, properties: PropertyMap): Promise<{ id: string; properties: PropertyMap }> => {
    await pause();
    await writeFile(join(things, id), JSON.stringify(properties));
    await pause();
    return { id, properties };
  };
  return {
    pkg: "fake",
    version: "1.0.0",
    checkConfig: async ({ news }) => ({ inputs: news }),
    diffConfig: async () => ({ changes: "none" }),
    configure: async () => ({ acceptSecrets: true, acceptResources: true, supportsPreview: true }),
    check: async ({ news }) => ({ inputs: news }),
    diff: async ({ oldInputs, news }) => ({
      changes: equalValues(oldInputs, news) ? "none" : "some",
      replaces: equalValues(oldInputs["fixed"], news["fixed"]) ? [] : ["fixed"],
      deleteBeforeReplace: news["alone"] === true,
    }),
    create: ({ name, properties }) => put(`${name}#${randomBytes(6).toString("hex")}`, properties),
    update: ({ id, news }) => put(id, news),
    async read({ id, inputs, properties }) {
      const there = await access(join(things, id)).then(
        () => true,
        () => false,
      );
      return there ? { id, inputs, properties } : { id: "", inputs: {}, properties: {} };
    },
    async delete({ id }) {
      await pause();
      await rm(join(things, id), { force: true });
      await pause();
    },
    async find({ name, inputs, known }) {
      const id = readdirSync(things).find((file) => file.startsWith(`${name}#`) && !known.includes(file));
      return id === undefined ? undefined : { id, inputs, properties: inputs };
    },
    invoke: async () => ({ result: {} }),
    close: async () => undefined,
  };
}

async function main(): Promise<void> {
  mkdirSync(things, { recursive: true });
  const stack = await openStack({
    project: { name: PROJECT, root: folder, main: folder, runtime: "nodejs", config: new Map() },
    name: STACK,
    create: true,
    env: { PULUMI_BACKEND_URL: `file://${folder}`, PULUMI_CONFIG_PASSPHRASE: "trial" },
  });
  process.stdout.write("begun\n");
  const result = await runOperation(stack, { kind, providers: { fake: fileProvider } }, asRunner(program));
  for (const { urn, message } of result.errors) console.error(urn, message);
  process.exitCode = result.result === "succeeded" ? 0 : 1;
}

void main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
