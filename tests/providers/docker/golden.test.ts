/**
 * Answers of the official provider, recorded, against ours. Set SEATRIAL_GOLDEN to the directory of the recordings
 * (`<program>/<step>/grpc.jsonl`); without it there is nothing to compare with.
 */
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DiffKind } from "../../../engine/provider";
import { mapValue, Secret, UNKNOWN, type PropertyMap, type PropertyValue } from "../../../engine/values";
import { dockerProvider } from "../../../providers/docker";
import { testContext } from "./support";

const directory = process.env.SEATRIAL_GOLDEN;

if (!directory) console.warn("skipped: SEATRIAL_GOLDEN doesn't say where the recordings of the official provider are");

const UNKNOWN_ON_WIRE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const SIGNATURE = "4dabf18193072939515e22adb298388d";

interface Call {
  program: string;
  step: string;
  method: string;
  request: Record<string, never> & { urn: string; name: string; type: string };
  response: Record<string, never>;
}

function* recordings(root: string): Generator<Call> {
  for (const program of readdirSync(root)) {
    for (const step of existsSync(join(root, program, "steps.json")) ? readdirSync(join(root, program)) : []) {
      const file = join(root, program, step, "grpc.jsonl");
      if (!existsSync(file)) continue;
      for (const line of readFileSync(file, "utf8").split("\n").filter(Boolean)) {
        const call = JSON.parse(line) as { method: string; request: Call["request"]; response: Call["response"] };
        if (!call.method.includes("ResourceProvider") || !call.request?.urn?.includes("::docker:")) continue;
        yield { ...call, method: call.method.split("/").pop()!, program, step };
      }
    }
  }
}

const fromWire = (value: unknown): PropertyMap =>
  mapValue((value ?? {}) as PropertyValue, (v) => {
    if (v === UNKNOWN_ON_WIRE) return UNKNOWN;
    return v !== null && typeof v === "object" && SIGNATURE in v
      ? new Secret(fromWire((v as PropertyMap).value))
      : undefined;
  }) as PropertyMap;

const withoutRecords = (properties: PropertyMap): PropertyMap =>
  Object.fromEntries(
    Object.entries(properties).filter(([name]) => !["__meta", "__pulumi_raw_state_delta"].includes(name)),
  );

const each = (directory ? [...recordings(directory)] : []).filter(
  (call) =>
    ["Check", "Diff"].includes(call.method) ||
    (call.method === "Create" && (call.request.preview as unknown as boolean)),
);

(directory ? describe : describe.skip)("as recorded", () => {
  const scratch = mkdtempSync(join(tmpdir(), "seatrial-golden-"));

  afterAll(() => rmSync(scratch, { recursive: true }));

  /** The program's directory, with the modes that the image's digest was made from. */
  function projectOf(program: string): string {
    const project = join(scratch, program);
    if (!existsSync(project)) {
      cpSync(join(directory!, program, "program"), project, { recursive: true });
      for (const entry of readdirSync(project, { recursive: true, withFileTypes: true })) {
        if (entry.isFile()) chmodSync(join(entry.parentPath, entry.name), 0o644);
      }
    }
    return project;
  }

  test.each(
    each.map((call, i) => [`${call.program} ${call.step} ${call.method} ${call.request.name} (${i})`, call] as const),
  )("%s", async (_, call) => {
    const provider = dockerProvider({ cwd: projectOf(call.program) });
    const { urn, name, type } = call.request;
    const { olds, news, oldInputs, properties, randomSeed, id, ignoreChanges } = call.request as Record<
      string,
      unknown
    >;
    if (call.method === "Check") {
      const seed = Buffer.from((randomSeed as string) ?? "", "base64");
      const request = { urn, name, type, olds: fromWire(olds), news: fromWire(news), randomSeed: seed };
      expect(await provider.check(request, testContext())).toEqual({ inputs: fromWire(call.response.inputs) });
    } else if (call.method === "Create") {
      const request = { urn, name, type, properties: fromWire(properties), timeout: 0, preview: true };
      const created = await provider.create(request, testContext());
      expect(withoutRecords(created.properties)).toEqual(withoutRecords(fromWire(call.response.properties)));
    } else {
      const request = {
        ...{ urn, name, type, id: id as string, ignoreChanges: (ignoreChanges as string[]) ?? [] },
        ...{ oldInputs: fromWire(oldInputs), olds: fromWire(olds), news: fromWire(news) },
      };
      expect(summary(await provider.diff(request, testContext()))).toEqual(recordedDiff(call.response));
    }
  });
});

const summary = (response: object) => ({
  replaces: [],
  stables: [],
  diffs: [],
  deleteBeforeReplace: false,
  detailedDiff: {},
  ...response,
});

function recordedDiff(response: Record<string, unknown>): object {
  const { changes, replaces = [], stables = [], diffs = [], deleteBeforeReplace = false } = response;
  const detailed = Object.entries((response.detailedDiff ?? {}) as Record<string, { kind?: string }>);
  const kindOf = ({ kind = "ADD" }: { kind?: string }) => kind.toLowerCase().replace("_", "-") as DiffKind;
  return {
    ...{ replaces, stables, diffs, deleteBeforeReplace },
    changes: changes === "DIFF_NONE" ? "none" : "some",
    detailedDiff: Object.fromEntries(detailed.map(([path, diff]) => [path, { kind: kindOf(diff), inputDiff: false }])),
  };
}
