import { randomUUID } from "node:crypto";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { containerPath, parse, UsageError } from "./arguments";
import { artifactsCopy } from "./artifacts-copy";
import { withoutDependencies } from "./component-options";
import { connectionEnvironment, connectionsFile, connectionsOf } from "./connection";
import { containerArgs, containerFields } from "./container";
import { duration, goDuration } from "./duration";
import { inputFiles, sources, uploads } from "./input-files";
import { labels } from "./labels";
import { runInfo } from "./run-info";
import { volume } from "./volume";

const testsArgs = z.strictObject({
  ...containerFields,
  /** Files of the checkout that the tests need: fixtures, expected results. */
  inputs: z.array(inputFiles).default([]),
  /** Where the tests put what is to be kept; they get it as ARTIFACTS_DIR. */
  artifactsDirectory: containerPath.default("/artifacts"),
  /** How long they may take, `20m` if not said. */
  timeout: duration.prefault("20m"),
});

export type TestsArgs = z.input<typeof testsArgs>;

/**
 * The container whose exit code is the verdict. It is new in every run, runs once to its end, and fails nothing:
 * `exitCode` says how it went.
 *
 * SEATRIAL_TESTS_COMMAND, a JSON list of words, replaces its command. SEATRIAL_RUN is the run's id; where there is
 * none, nobody else collects the artifacts, and they are copied to ARTIFACTS_DIR of the calling environment, else to
 * `build/tests`.
 */
export class Tests extends pulumi.ComponentResource {
  readonly exitCode: pulumi.Output<number>;
  /** All they wrote to standard output and error; secret, as it may hold what was passed through. */
  readonly logs: pulumi.Output<string>;
  /** Where in the container the artifacts are. */
  readonly artifacts: string;
  /** The Docker container's name. */
  readonly containerName: pulumi.Output<string>;

  /** @throws {UsageError} if an argument or SEATRIAL_TESTS_COMMAND doesn't fit, or an input can't be read */
  constructor(name: string, args: TestsArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("seatrial:index:Tests", name, {}, withoutDependencies(options));
    const what = `Tests "${name}"`;
    const { inputs, artifactsDirectory, timeout, ...common } = parse(testsArgs, args, what);
    const info = runInfo();
    const run = info.run ?? randomUUID();

    // Whoever accepts new expected results has to know which files of the checkout they are.
    const told = inputs.length > 0 ? { inputs: JSON.stringify(sources(inputs)) } : {};

    const connections = connectionsOf(options.dependsOn);
    const { secret, public: open } = common.passthrough;
    const declared = [...Object.keys(common.environment), ...[...secret, ...open].map((it) => it.replace(/\?$/, ""))];
    const facts =
      connections.size > 0
        ? {
            environment: {
              ...connectionEnvironment(connections, new Set(declared), what),
              SEATRIAL_CONNECTIONS: connectionsPath,
            },
            files: [{ file: connectionsPath, content: connectionsFile(connections) }],
          }
        : { environment: {}, files: [] };
    const files = [...uploads(inputs, what), ...facts.files];

    const artifacts = volume(`${name}-artifacts`, this);
    const container = new docker.Container(
      name,
      {
        ...containerArgs(name, "tests", what, {
          ...common,
          command: commandOfRun() ?? common.command,
          environment: {
            ...facts.environment,
            ...common.environment,
            ARTIFACTS_DIR: artifactsDirectory,
            SEATRIAL_RUN: run,
          },
          volumes: [...common.volumes, { volume: artifacts.name, target: artifactsDirectory }],
        }),
        uploads: files.length > 0 ? files : undefined,
        attach: true,
        logs: true,
        mustRun: false,
        // Not kept from the last run as others' are: its labels say how long the stack is still wanted.
        labels: labels({ role: "tests", service: name, ...told }, { ...info, run }),
      },
      {
        parent: this,
        dependsOn: options.dependsOn,
        additionalSecretOutputs: ["containerLogs"],
        customTimeouts: { create: goDuration(timeout) },
      },
    );
    if (info.run === undefined) {
      artifactsCopy(`${name}-artifacts`, container, artifactsDirectory, { parent: this });
    }

    this.exitCode = container.exitCode;
    this.logs = pulumi.secret(container.containerLogs);
    this.artifacts = artifactsDirectory;
    this.containerName = container.name;
    this.registerOutputs({
      exitCode: this.exitCode,
      logs: this.logs,
      artifacts: this.artifacts,
      containerName: this.containerName,
    });
  }
}

/** Beside everything that an image may have a mount at. */
const connectionsPath = "/seatrial/connections.json";

function commandOfRun(): string[] | undefined {
  const given = process.env.SEATRIAL_TESTS_COMMAND;
  if (!given) {
    return undefined;
  }
  const refused = new UsageError(`SEATRIAL_TESTS_COMMAND: expected a JSON list of words, got ${given}`);
  try {
    const { success, data } = z.array(z.string().min(1)).min(1).safeParse(JSON.parse(given));
    if (success) {
      return data;
    }
  } catch {
    throw refused;
  }
  throw refused;
}
