import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import { pack, type Header } from "tar-stream";
import { detectJob } from "../../ci/detect";
import { explain } from "../../cli/main";
import { parseConfig } from "../../cli/options";
import { loadProject, openStack } from "../../engine";
import { UserError } from "../../engine/api";
import { makeMasker } from "../../engine/deployment/masker";
import { Secret } from "../../engine/values";
import { connectEngine, EngineUnavailableError } from "../../providers/docker/engine/connect";
import { openResults, publishResults, resultsTarget } from "../../run/artifacts";
import { findCommit } from "../../run/commit";
import { controlCodeFilter } from "../../run/control-codes";
import { extractTar } from "../../run/extract";
import { stackName } from "../../run/identity";
import { readJunitFiles } from "../../run/junit-files";
import { maskedText } from "../../run/logs";
import { currentOwner, ownerState, parseOwner } from "../../run/owner";
import { readRecords, writeRecord } from "../../run/records";
import { campaign, must } from "./campaign";

/** Stands for whatever a run must never show or touch. */
const canary = "canary-5f0c2f9d41";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fuzz-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

campaign(
  {
    name: "fuzz",
    what: "hostile artifacts, JUnit, logs, config and environment, made up at random",
    holds: "no crash, no escape from the artifacts folder, no control code on the terminal, no secret shown",
    times: 10_000,
  },
  20,
  async ({ times, seed }) => {
    const wrong: string[] = [];
    const kinds = { artifacts, JUnit: junit, logs, config, environment };
    const each = Math.ceil(times / Object.keys(kinds).length);
    for (const [name, check] of Object.entries(kinds)) {
      const problem = await check({ numRuns: each, seed });
      if (problem !== undefined) wrong.push(`${name}: ${problem}`);
    }
    return { tried: each * Object.keys(kinds).length, wrong };
  },
);

interface Runs {
  numRuns: number;
  seed: number;
}

/** @returns the smallest case found that goes wrong, if one does */
async function checked<T>(property: fc.IAsyncProperty<T>, runs: Runs): Promise<string | undefined> {
  const details = await fc.check(property, runs);
  return details.failed ? fc.defaultReportMessage(details) : undefined;
}

const hostileName = fc.oneof(
  fc.constantFrom(
    ...[
      "..",
      "../evil",
      "a/../../evil",
      "/etc/evil",
      "./a",
      "a",
      "b",
      "a/b",
      "a/b/c",
      "link",
      "link/evil",
      "a\\..\\evil",
    ],
    ...[
      "result.json",
      "logs",
      "events.jsonl",
      ".seatrial-artifacts",
      "\x1b]0;title\x07",
      "x".repeat(300),
      "a\0b",
      "",
      "é",
    ],
  ),
  fc
    .array(fc.constantFrom("..", ".", "", "a", "b", "link", "~", "C:"), { maxLength: 6 })
    .map((parts) => parts.join("/")),
  fc.string({ unit: "binary", maxLength: 20 }),
);
const entry = fc.record({
  name: hostileName,
  linkname: hostileName,
  type: fc.constantFrom<NonNullable<Header["type"]>>(
    ...([
      "file",
      "file",
      "file",
      "directory",
      "directory",
      "symlink",
      "link",
      "character-device",
      "block-device",
    ] as const),
    ...(["fifo", "contiguous-file"] as const),
  ),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  content: fc.string({ maxLength: 2000 }),
  mtime: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date("2200-01-01") }),
});

/** Archives, whole or damaged: all that comes of them are plain files within the folder, within the limits. */
async function artifacts(runs: Runs): Promise<string | undefined> {
  const damage = fc.option(
    fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), byte: fc.nat(255), cut: fc.boolean() }),
    { freq: 3 },
  );
  const limits = { maxBytes: 5000, maxEntries: 12 };
  const property = fc.asyncProperty(
    fc.array(entry, { maxLength: 20 }),
    damage,
    fc.nat(2),
    async (entries, damaged, strip) => {
      const here = mkdtempSync(join(folder, "a-"));
      writeFileSync(join(here, "outside"), canary);
      mkdirSync(join(here, "results"));
      const bytes = spoil(await tar(entries), damaged);
      await extractTar(Readable.from(inPieces(bytes)), join(here, "results/out"), { ...limits, strip }).catch(
        onlyErrors,
      );
      must(readFileSync(join(here, "outside"), "utf8") === canary, "a file outside was changed");
      must(readdirSync(here).sort().join() === "outside,results", `outside there is ${readdirSync(here).join()}`);
      must(readdirSync(join(here, "results")).join() === "out", "beside the folder something was written");
      let size = 0;
      let count = 0;
      for (const found of readdirSync(join(here, "results/out"), { withFileTypes: true, recursive: true })) {
        const stats = lstatSync(join(found.parentPath, found.name));
        must(stats.isFile() || stats.isDirectory(), `${found.name} is neither file nor folder`);
        must((stats.mode & 0o7077) === 0, `${found.name} has the mode ${stats.mode.toString(8)}`);
        must(!stats.isFile() || stats.nlink === 1, `${found.name} is linked`);
        if (stats.isFile()) size += stats.size;
        if (stats.isFile()) count += 1;
      }
      must(size <= limits.maxBytes, `${size} bytes were written`);
      must(count <= limits.maxEntries, `${count} files were written`);
      rmSync(here, { recursive: true });
    },
  );
  return await checked(property, runs);
}

async function tar(entries: { name: string; linkname: string; type: NonNullable<Header["type"]>; content: string }[]) {
  const archive = pack();
  for (const { content, ...header } of entries) {
    const holds = header.type === "file" || header.type === "contiguous-file";
    try {
      if (holds) archive.entry(header, content);
      else archive.entry({ ...header, size: 0 });
    } catch {
      // Not even an archive can say that.
    }
  }
  archive.finalize();
  const parts: Buffer[] = [];
  for await (const part of archive as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

function spoil(bytes: Buffer, damage: { at: number; byte: number; cut: boolean } | null): Buffer {
  if (!damage || bytes.length === 0) return bytes;
  const at = Math.min(Math.floor(damage.at * bytes.length), bytes.length - 1);
  if (damage.cut) return bytes.subarray(0, at);
  bytes[at] = damage.byte;
  return bytes;
}

function* inPieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700);
}

/** Files that may be JUnit: they are counted or refused with a reason, soon, and no other file is read for them. */
async function junit(runs: Runs): Promise<string | undefined> {
  const attack = fc.constantFrom(
    '<!DOCTYPE testsuite [<!ENTITY e SYSTEM "OUTSIDE">]><testsuite><testcase name="&e;"><failure>&e;</failure></testcase></testsuite>',
    '<!DOCTYPE t [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>',
    `${"<testsuite>".repeat(5000)}${"</testsuite>".repeat(5000)}`,
    `<testsuite>${"<testcase>".repeat(2000)}`,
    `<testsuite ${'name="x" '.repeat(2000)}/>`,
    '<testsuite><testcase name="__proto__"/><__proto__><testcase/></__proto__><constructor/></testsuite>',
    `<testsuite><testcase name="${"x".repeat(100_000)}"><failure message="${"y".repeat(100_000)}"/></testcase></testsuite>`,
    '<testsuites><testsuite tests="-1" failures="1e99"><testcase><failure/><skipped/><error/></testcase></testsuite></testsuites>',
  );
  const piece = fc.constantFrom(
    ...[
      "<testsuite>",
      "</testsuite>",
      "<testsuites>",
      "</testsuites>",
      '<testcase name="a">',
      "</testcase>",
      "<failure/>",
    ],
    ...[
      "<![CDATA[",
      "]]>",
      "<!--",
      "-->",
      "&amp;",
      "&#27;[2J",
      "&#0;",
      "&x;",
      "<?xml version='1.0'?>",
      "\x1b",
      "\0",
      "<",
      ">",
      '"',
    ],
    ...["<skipped/>", "<system-out>", "</system-out>", "\uFEFF", "<a:testsuite>", "text"],
  );
  const soup = fc.array(piece, { maxLength: 60 }).map((pieces) => `<testsuite>${pieces.join("")}`);
  const text = fc.oneof(attack, soup, fc.string({ unit: "binary", maxLength: 200 }));
  const property = fc.asyncProperty(text, fc.boolean(), async (content, asked) => {
    const outside = join(folder, "outside");
    writeFileSync(outside, canary);
    const results = mkdtempSync(join(folder, "j-"));
    const bytes = Buffer.from(content.replaceAll("OUTSIDE", `file://${outside}`));
    writeFileSync(join(results, "junit.xml"), bytes);
    const since = performance.now();
    const files = [{ path: "junit.xml", size: bytes.length, modified: new Date() }];
    const { report, problems } = await readJunitFiles(results, files, asked ? { pattern: "*.xml" } : {});
    must(performance.now() - since < 2000, "it took more than 2 s");
    must(!asked || Boolean(report) || problems.length > 0, "a file that was asked for is silently left out");
    const counted = report ?? { total: 0, passed: 0, failed: 0, skipped: 0, failures: [] };
    must(counted.total === counted.passed + counted.failed + counted.skipped, "the counts don't add up");
    must(!JSON.stringify([report, problems]).includes(canary), "a file outside was read");
    must(JSON.stringify(counted.failures).length < 50_000, "what is kept of the failures is not bounded");
    rmSync(results, { recursive: true });
  });
  return await checked(property, runs);
}

/** What a container prints, in any pieces: no more of it than text and colours, and no secret, reaches the terminal. */
async function logs(runs: Runs): Promise<string | undefined> {
  const codes = [
    "\x1b",
    "\x1b[2J",
    "\x1b]0;t",
    "\x07",
    "\x1b\\",
    "\x9b31m",
    "\x9d",
    "\x9c",
    "\r",
    "\n",
    "\b",
    "\x1b[31",
    "m",
    "\x1bP",
    "\x7f",
  ];
  const piece = fc.oneof(
    { arbitrary: fc.constantFrom(...codes), weight: 3 },
    { arbitrary: fc.string({ unit: "binary", maxLength: 10 }), weight: 2 },
    {
      arbitrary: fc.constantFrom(canary, ` ${canary} `, Buffer.from(canary).toString("base64"), `"${canary}"`),
      weight: 2,
    },
    { arbitrary: fc.constantFrom("canary-", "5f0c", "€ü", "\ud83d"), weight: 1 },
  );
  const cuts = fc.array(fc.nat(30), { minLength: 1, maxLength: 40 });
  const property = fc.asyncProperty(
    fc.array(piece, { maxLength: 40 }),
    cuts,
    fc.boolean(),
    async (pieces, lengths, colors) => {
      const masker = makeMasker();
      masker.learn(new Secret(canary));
      const text = maskedText(masker);
      const filter = controlCodeFilter({ colors });
      let shown = "";
      for (const chunk of chunks(Buffer.from(pieces.join("")), lengths)) shown += filter.push(text.push(chunk));
      shown += filter.push(text.end()) + filter.end();
      const plain = shown.replace(/\x1b\[[0-9;:]*m/g, "");
      must(colors || plain === shown, "colours get through");
      must(!/[\x00-\x08\x0b-\x1f\x7f-\x9f]/.test(plain), `control codes get through: ${JSON.stringify(plain)}`);
      // Broken up by the program itself, a secret is no longer one that anybody could find.
      const whole = pieces.some((part) => part.includes(canary));
      must(!whole || !shown.includes(canary) || split(pieces), `a secret is shown: ${JSON.stringify(shown)}`);
      must(!shown.includes(Buffer.from(canary).toString("base64")), "a secret is shown in base64");
    },
  );
  return await checked(property, runs);

  /** Only when control codes are taken out do its halves meet. */
  function split(pieces: string[]): boolean {
    return !pieces.join("").includes(canary);
  }
}

function* chunks(bytes: Buffer, lengths: number[]): Generator<Buffer> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = (lengths[turn % lengths.length] ?? 0) + 1;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

const hostileText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom(
    "",
    "..",
    "../../evil",
    "/",
    "-1",
    "1e999",
    "\x1b[2J",
    "a\nb",
    "{",
    "[",
    '{"pid":1,"host":"x"}',
    "null",
    "~",
    "\0",
  ),
  fc.json({ maxDepth: 3 }),
);

/** Pulumi.yaml, settings and --config of any kind: they are taken, or refused in words that a terminal can show. */
async function config(runs: Runs): Promise<string | undefined> {
  const yaml = fc.oneof(
    hostileText,
    fc.constantFrom(
      "name: x\nruntime: nodejs\nconfig: 5\n",
      "name: x\nruntime: nodejs\nconfig: [1, 2]\n",
      "name: x\nruntime: {name: nodejs, options: 3}\nplugins: {providers: {a: 1}}\n",
      "name: x\nruntime: nodejs\nbackend: 7\n",
      "name: ../../evil\nruntime: nodejs\n",
      "a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n",
      `name: ${"[".repeat(3000)}\n`,
      "name: x\nruntime: nodejs\nconfig:\n  __proto__: {a: 1}\n  x:y:z: {secure: v1:AAAA:BBBB}\n",
      "name: x\nruntime: nodejs\nmain: ../../../etc\n",
    ),
    fc
      .object({ maxDepth: 3, key: fc.constantFrom("name", "runtime", "config", "plugins", "backend", "main") })
      .map((value) => JSON.stringify({ runtime: "nodejs", name: "x", ...value })),
  );
  const property = fc.asyncProperty(yaml, yaml, hostileText, hostileText, async (project, settings, stack, pair) => {
    const here = mkdtempSync(join(folder, "c-"));
    const work = join(here, "work");
    mkdirSync(work);
    writeFileSync(join(work, "Pulumi.yaml"), project);
    writeFileSync(join(work, "Pulumi.ci.yaml"), settings);
    try {
      const loaded = loadProject(work);
      const env = { HOME: here, PULUMI_CONFIG_PASSPHRASE: canary };
      for (const name of ["ci-x", stack]) {
        const options = { project: loaded, name, create: true, env, config: parseConfig([pair]) };
        await openStack(options).then((opened) => opened.remove({ force: true }), onlyUserErrors);
      }
    } catch (error) {
      onlyUserErrors(error);
    }
    must(
      readdirSync(here).every((name) => name === "work"),
      `outside there is ${readdirSync(here).join()}`,
    );
    rmSync(here, { recursive: true });
  });
  return await checked(property, runs);
}

/** The calling environment, and what earlier runs have left in files and labels. */
async function environment(runs: Runs): Promise<string | undefined> {
  const names = [
    ...[
      "SEATRIAL_COMMIT",
      "ARTIFACTS_DIR",
      "CI",
      "GITLAB_CI",
      "CI_JOB_ID",
      "CI_JOB_URL",
      "CI_COMMIT_SHA",
      "GITHUB_ACTIONS",
    ],
    ...[
      "GITHUB_RUN_ID",
      "GITHUB_JOB",
      "GITHUB_SHA",
      "DOCKER_HOST",
      "DOCKER_CONTEXT",
      "DOCKER_CERT_PATH",
      "DOCKER_TLS_VERIFY",
    ],
  ];
  const text = hostileText.map((value) => value.replaceAll("\0", ""));
  const env = fc.dictionary(fc.constantFrom(...names), text, { maxKeys: 6 });
  const property = fc.asyncProperty(env, text, async (given, other) => {
    const here = mkdtempSync(join(folder, "e-"));
    const work = join(here, "work");
    mkdirSync(work);
    writeFileSync(join(work, "Pulumi.yaml"), "name: x\nruntime: nodejs\n");
    const variables = { HOME: here, ...given };
    detectJob(variables);
    const commit = await findCommit("/nowhere", variables);
    const owner = currentOwner(variables);
    must(ownerState(parseOwner(JSON.stringify(owner))!) === "alive", "this process is not known to be alive");
    const foreign = parseOwner(other);
    must(!foreign || ownerState(foreign) !== "alive", "a made-up owner is alive");
    // Where it is to be written, and that only there.
    const target = resultsTarget({ artifacts: join(work, "out"), env: variables, projectRoot: work });
    await publishResults(await openResults(target));
    const project = loadProject(work);
    const name = stackName(commit, "abcdefghijkl");
    try {
      const stack = await openStack({ project, name, create: true, env: { HOME: here } });
      writeRecord(project, { stack: name, run: "r", kept: false, startedAt: other });
      must(
        readRecords(project).every((record) => record.startedAt === other),
        "another record came back",
      );
      await stack.remove({ force: true });
    } catch (error) {
      onlyUserErrors(error);
    }
    if (/^(tcp|http|ssh)/.test(given.DOCKER_HOST ?? "") === false && given.DOCKER_HOST) {
      await connectEngine(variables).then(() => undefined, onlyUserErrors);
    }
    must(
      readdirSync(here).every((each) => ["work", ".local"].includes(each)),
      `outside there is ${readdirSync(here).join()}`,
    );
    rmSync(here, { recursive: true });
  });
  return await checked(property, runs);
}

function onlyErrors(error: unknown): void {
  must(error instanceof Error, `not an error but ${String(error)}`);
}

/** What a person is told: no crash of ours, no control code and no secret in it. */
function onlyUserErrors(error: unknown): void {
  if (!(error instanceof UserError || error instanceof EngineUnavailableError)) throw error;
  const shown = explain(error, false);
  must(!/[\x00-\x08\x0b-\x1f\x7f-\x9f]/.test(shown), `control codes are shown: ${JSON.stringify(shown)}`);
  must(!shown.includes(canary), `a secret is shown: ${shown}`);
}
