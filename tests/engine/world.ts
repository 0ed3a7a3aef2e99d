/**
 * A stack in a folder of its own, over a fake cloud. Tests put a program in its place by registering goals; the rest,
 * from the lock to the checkpoint, is the engine's own `runOperation`.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineEvent, OperationKind, OperationOptions, OperationResult, Project, Stack } from "../../engine";
import { openStack, runOperation } from "../../engine";
import type { SerializedDeployment, SerializedResource } from "../../engine/state/checkpoint";
import { ROOT_STACK_TYPE } from "../../engine/urn";
import { Cloud } from "./fake-cloud";
import { asRunner, nameOf, type Program, PROJECT, STACK } from "./registrar";

export * from "./registrar";

export type Options = Partial<Omit<OperationOptions, "kind" | "providers">>;

/** In memory where there is such a folder: thousands of stacks are made. */
export const SCRATCH = join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "seatrial-test-");

const worlds: World[] = [];

afterAll(() => worlds.splice(0).forEach((world) => world.remove()));

export class World {
  folder = mkdtempSync(SCRATCH);
  events: EngineEvent[] = [];

  constructor(
    readonly cloud = new Cloud(),
    readonly config: Record<string, string> = {},
  ) {
    worlds.push(this);
  }

  get project(): Project {
    // An operation works in the program's folder: one that outlives this world, whose engines may die in it.
    return { name: PROJECT, root: this.folder, main: process.cwd(), runtime: "nodejs", config: new Map() };
  }

  get env(): NodeJS.ProcessEnv {
    return { PULUMI_BACKEND_URL: `file://${this.folder}`, PULUMI_CONFIG_PASSPHRASE: "trial" };
  }

  open(): Promise<Stack> {
    return openStack({ project: this.project, name: STACK, create: true, env: this.env, config: this.config });
  }

  async run(kind: OperationKind, program: Program, options: Options = {}): Promise<OperationResult> {
    this.events = [];
    this.cloud.log = [];
    this.cloud.spans = [];
    const onEvent = (event: EngineEvent): void => void this.events.push(event);
    const providers = { fake: this.cloud.provider };
    return runOperation(await this.open(), { kind, providers, onEvent, ...options }, asRunner(program));
  }

  preview = (program: Program, options?: Options): Promise<OperationResult> => this.run("preview", program, options);
  update = (program: Program, options?: Options): Promise<OperationResult> => this.run("update", program, options);
  destroy = (options?: Options): Promise<OperationResult> => this.run("destroy", noProgram, options);
  refresh = (options?: Options): Promise<OperationResult> => this.run("refresh", noProgram, options);

  /** An update that must succeed. */
  async up(program: Program, options?: Options): Promise<OperationResult> {
    const result = await this.update(program, options);
    if (result.result !== "succeeded") throw new Error(result.errors.map(({ message }) => message).join("\n"));
    return result;
  }

  async deployment(): Promise<SerializedDeployment> {
    return (await (await this.open()).export()).deployment as unknown as SerializedDeployment;
  }

  /** The resources of the state, without the stack and the providers. */
  async states(): Promise<SerializedResource[]> {
    return ((await this.deployment()).resources ?? []).filter(
      ({ type }) => type !== ROOT_STACK_TYPE && !type.startsWith("pulumi:providers:"),
    );
  }

  /** The one present state of a name. */
  async state(name: string): Promise<SerializedResource> {
    const found = (await this.states()).filter((state) => nameOf(state.urn) === name && !state["delete"]);
    if (found.length !== 1) throw new Error(`${name} is ${found.length} times in the state`);
    return found[0]!;
  }

  /** Operations in the order in which they began, such as `create a`, without what merely stayed the same. */
  steps(): string[] {
    return this.events.flatMap(({ resourcePreEvent }) => {
      const metadata = resourcePreEvent?.metadata;
      if (!metadata || metadata.op === "same" || metadata.type === ROOT_STACK_TYPE) return [];
      return metadata.type.startsWith("pulumi:providers:") ? [] : [`${metadata.op} ${nameOf(metadata.urn)}`];
    });
  }

  messages(severity: string): string[] {
    return this.events.flatMap(({ diagnosticEvent }) =>
      diagnosticEvent?.severity === severity ? [diagnosticEvent.message.trimEnd()] : [],
    );
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const noProgram: Program = async () => {
  throw new Error("this operation runs no program");
};
