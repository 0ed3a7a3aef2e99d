/** The two engines, each as a command line over a project folder and a file backend of its own. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as grpc from "@grpc/grpc-js";
import * as automation from "@pulumi/pulumi/automation/server";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import type { EngineEvent } from "../../engine/events";
import {
  deriveKey,
  openKeyedManager,
  openPassphraseManager,
  type SecretsManager,
} from "../../engine/secrets/passphrase";
import type { SerializedDeployment } from "../../engine/state/checkpoint";
import type { Body, Step } from "./program";

export const STACK = "trial";
const PASSPHRASE = "conformance";
/** Far more than any step takes. */
const TIMEOUT_MS = 120_000;

export type EngineName = "seatrial" | "pulumi";

/** Where the engines are found. */
export interface Engines {
  seatrial: string;
  pulumi: string;
  /** Where the CLI finds its plugins, ahead of PATH. */
  plugins: string;
  /** The CLI is lent our command provider. */
  lent: boolean;
  /** The bundle that this code runs from: programs are loaded from it. */
  bundle: string;
  root: string;
}

/** A project's folder, with its backend beside it. */
export interface Workspace {
  folder: string;
  backend: string;
  project: string;
  /** Of the stack; the CLI makes its own. */
  secrets: SecretsManager;
}

export interface Outcome {
  exitCode: number;
  /** Standard output and error. */
  output: string;
  events: EngineEvent[];
}

const ownSecrets = openKeyedManager(deriveKey(PASSPHRASE));

export function makeWorkspace(engines: Engines, folder: string, backend: string, project: string): Workspace {
  mkdirSync(folder, { recursive: true });
  mkdirSync(backend, { recursive: true });
  writeFileSync(join(folder, "Pulumi.yaml"), `name: ${project}\nruntime: nodejs\n`);
  writeFileSync(join(folder, "package.json"), "{}\n");
  const modules = join(folder, "node_modules");
  if (!existsSync(modules)) symlinkSync(join(engines.root, "node_modules"), modules);
  return { folder, backend, project, secrets: ownSecrets };
}

/** The settings file, the same for both engines. */
export function writeSettings({ folder, secrets }: Workspace, config: NonNullable<Step["config"]>): void {
  const lines = Object.entries(config).map(([name, value]) =>
    typeof value === "string"
      ? `  ${name}: ${JSON.stringify(value)}`
      : `  ${name}:\n    secure: ${secrets.encrypt(value.secret)}`,
  );
  const settings = [`encryptionsalt: ${secrets.state.salt}`, ...(lines.length > 0 ? ["config:", ...lines] : [])];
  writeFileSync(join(folder, `Pulumi.${STACK}.yaml`), `${settings.join("\n")}\n`);
}

/** Makes the stack, where the engine wants that to be done first. */
export async function initStack(engine: EngineName, engines: Engines, workspace: Workspace): Promise<void> {
  if (engine === "seatrial") return;
  const { exitCode, output } = await command(engine, engines, workspace, ["stack", "init", STACK]);
  if (exitCode !== 0) throw new Error(`pulumi stack init: ${output}`);
  const settings = readFileSync(join(workspace.folder, `Pulumi.${STACK}.yaml`), "utf8");
  workspace.secrets = openPassphraseManager(PASSPHRASE, /^encryptionsalt: (.*)$/m.exec(settings)![1]!);
}

/** What a step's program is to seatrial: a module; to the CLI: a language host in this process. */
export interface StepBody {
  body: Body;
  /** An expression that gives the body in a module that has the bundle as `bundle`. */
  expression: string;
}

export function writeProgram({ bundle }: Engines, { folder }: Workspace, expression: string): void {
  const module = `const bundle = require(${JSON.stringify(bundle)});\nmodule.exports = ${expression};\n`;
  writeFileSync(join(folder, "index.js"), module);
}

let logs = 0;

export async function runStep(
  engine: EngineName,
  engines: Engines,
  workspace: Workspace,
  step: Step,
  { body, expression }: StepBody,
  serial: boolean,
): Promise<Outcome> {
  const verb = step.run ?? "up";
  const log = join(workspace.backend, `events-${logs++}.jsonl`);
  const common = [verb, "--stack", STACK, "--non-interactive", "--event-log", log];
  if (verb !== "preview") common.push("--yes");
  if (verb !== "preview") common.push("--skip-preview");
  if (serial) common.push("--parallel", "1");
  common.push(...(step.flags ?? []));
  let done: { exitCode: number; output: string };
  if (engine === "seatrial") {
    writeProgram(engines, workspace, expression);
    done = await command(engine, engines, workspace, common);
  } else {
    const host = await serveProgram(body);
    try {
      done = await command(engine, engines, workspace, [...common, "--client", host.address]);
    } finally {
      host.close();
    }
  }
  return { ...done, events: readEvents(log) };
}

/** Any other command of either engine. */
export async function command(
  engine: EngineName,
  engines: Engines,
  workspace: Workspace,
  args: string[],
  extraEnv: Record<string, string> = {},
): Promise<{ exitCode: number; output: string }> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: engine === "pulumi" ? `${engines.plugins}:${process.env["PATH"]}` : process.env["PATH"],
    PULUMI_BACKEND_URL: `file://${workspace.backend}`,
    PULUMI_CONFIG_PASSPHRASE: PASSPHRASE,
    PULUMI_HOME: join(workspace.backend, "home"),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DEBUG_COMMANDS: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    // Neither is to find itself in a job.
    CI: undefined,
    ...extraEnv,
  };
  const child = spawn(engines[engine], args, { cwd: workspace.folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (data) => (output += data));
  child.stderr.on("data", (data) => (output += data));
  const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  const exitCode = await new Promise<number>((done, fail) => {
    child.on("error", fail);
    child.on("close", (code) => done(code ?? -1));
  });
  clearTimeout(timer);
  return { exitCode, output };
}

const managers = new Map<string, SecretsManager>();

/** What the secrets of a state were encrypted with: the CLI goes by the state, not by the settings. */
export function secretsOf(state: SerializedDeployment | undefined, { secrets }: Workspace): SecretsManager {
  const salt = state?.secrets_providers?.state?.salt;
  if (!salt || salt === secrets.state.salt) return secrets;
  const manager = managers.get(salt) ?? openPassphraseManager(PASSPHRASE, salt);
  managers.set(salt, manager);
  return manager;
}

/** The stack's state as it lies in the backend. */
export function readState({ backend, project }: Workspace): SerializedDeployment | undefined {
  const file = resolve(backend, ".pulumi/stacks", project, `${STACK}.json`);
  if (!existsSync(file)) return undefined;
  const { checkpoint } = JSON.parse(readFileSync(file, "utf8")) as { checkpoint: { latest?: SerializedDeployment } };
  return checkpoint.latest;
}

function readEvents(file: string): EngineEvent[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as EngineEvent);
}

/** Not in the SDK's declarations. */
const { LanguageServer } = automation as unknown as {
  LanguageServer: new (program: () => Promise<unknown>) => grpc.UntypedServiceImplementation;
};

/** The SDK's own language host of programs in this process. */
async function serveProgram(body: Body): Promise<{ address: string; close: () => void }> {
  const server = new grpc.Server({ "grpc.max_receive_message_length": 1024 * 1024 * 400 });
  const program = (): Promise<unknown> => Promise.resolve().then(body);
  server.addService(LanguageRuntimeService, new LanguageServer(program));
  const port = await new Promise<number>((done, fail) =>
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? fail(error) : done(bound),
    ),
  );
  return { address: `127.0.0.1:${port}`, close: () => server.forceShutdown() };
}
