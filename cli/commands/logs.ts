import { detectJob } from "../../ci/detect";
import { withoutCommands } from "../../ci/workflow-commands";
import { UserError } from "../../engine/api";
import { makeMasker, type Masker } from "../../engine/deployment/masker";
import { listContainers, type StackContainer } from "../../run/containers";
import { controlCodeFilter } from "../../run/control-codes";
import { maskedText, readLog } from "../../run/logs";
import { readRecords } from "../../run/records";
import { interruptCode, onInterrupt } from "../../run/signals";
import { connectDocker } from "../../run/parts";
import { openNamedStack, openProject, stackName, type ProjectContext } from "../context";
import { makeStyle, wantsColor } from "../display/style";
import type { CommonOptions } from "../options";

export interface LogsCommandOptions {
  services: string[];
  follow: boolean;
  timestamps: boolean;
  tail?: number;
}

/** `seatrial logs`: what the stack's containers write, each line with its service before it. */
export async function logsCommand(common: CommonOptions, options: LogsCommandOptions): Promise<number> {
  const context = await openProject(common);
  const stack = await stackOfLogs(context, common);
  const docker = await connectDocker();
  const all = await listContainers(docker, { project: context.project.name, stack });
  if (all.length === 0) throw new UserError(`the stack ${stack} has no containers`);
  const chosen =
    options.services.length > 0 ? choose(all, options.services) : all.filter(({ role }) => role !== "probe");

  const masker = await maskerOf(context, common, stack);
  const colors = wantsColor(common.color, process.env, Boolean(process.stdout.isTTY));
  const style = makeStyle(colors);
  const width = Math.max(...chosen.map(({ service }) => service.length));
  const controller = new AbortController();
  let interrupted: NodeJS.Signals | undefined;
  const release = onInterrupt((signal) => {
    interrupted = signal;
    controller.abort();
  });
  try {
    await Promise.all(
      chosen.map(async ({ id, service }, n) => {
        const prefix = style.nth(`${service.padEnd(width)} │ `, n);
        const lines = linePrinter(prefix, colors, masker);
        const log = readLog(docker, id, {
          follow: options.follow,
          timestamps: options.timestamps,
          ...(options.tail === undefined ? {} : { tail: options.tail }),
          signal: controller.signal,
        });
        try {
          for await (const { stream, data } of log) lines.push(stream, data);
        } catch (error) {
          if (!controller.signal.aborted) throw error;
        }
        lines.end();
      }),
    );
  } finally {
    release();
  }
  return interrupted ? interruptCode(interrupted) : 0;
}

/** A stack that only the Docker Engine knows, made in another checkout, has no secrets that could be known here. */
async function maskerOf(context: ProjectContext, common: CommonOptions, name: string): Promise<Masker> {
  const masker = makeMasker();
  try {
    const stack = await openNamedStack(context, common, name, false);
    masker.learnStack(stack.config.values(), await stack.resources());
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`warning: secrets in these logs can't be masked: ${error.message}\n`);
  }
  return masker;
}

/** A kept test run's stack is as good as any where none is named. */
async function stackOfLogs(context: ProjectContext, common: CommonOptions): Promise<string> {
  const kept = common.stack ? undefined : readRecords(context.project)[0];
  return kept?.stack ?? (await stackName(context, common));
}

function choose(all: StackContainer[], services: string[]): StackContainer[] {
  return services.map((wanted) => {
    const found = all.find(({ service, name }) => service === wanted || name === wanted);
    if (!found) {
      throw new UserError(`there is no service "${wanted}"; there are ${all.map(({ service }) => service).join(", ")}`);
    }
    return found;
  });
}

/** Prints lines as they get whole, so that those of two services don't mix. */
function linePrinter(
  prefix: string,
  colors: boolean,
  masker: Masker,
): { push(stream: string, data: Buffer): void; end(): void } {
  const filters = new Map<
    string,
    { filter: ReturnType<typeof controlCodeFilter>; text: ReturnType<typeof maskedText>; held: string }
  >();
  const shown = (text: string) => (detectJob()?.system === "github" ? withoutCommands(text) : text);
  const print = (line: string) => void process.stdout.write(shown(`${prefix}${line}${colors ? "\x1b[0m" : ""}\n`));
  return {
    push(stream, data) {
      let state = filters.get(stream);
      if (!state) {
        state = { filter: controlCodeFilter({ colors }), text: maskedText(masker), held: "" };
        filters.set(stream, state);
      }
      const lines = (state.held + state.filter.push(state.text.push(data))).split("\n");
      state.held = lines.pop() ?? "";
      lines.forEach(print);
    },
    end() {
      for (const { held, filter, text } of filters.values()) {
        const rest = held + filter.push(text.end());
        if (rest !== "") rest.replace(/\n$/, "").split("\n").forEach(print);
      }
    },
  };
}
