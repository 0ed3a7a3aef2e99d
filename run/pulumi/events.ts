/** From the Pulumi CLI's events to those that the embedded engine gives, and to what they say of an operation. */
import type { EngineEvent, OperationError, PropertyMap } from "../../engine";
import { eventStream } from "../../engine/deployment/event-stream";
import type { Masker } from "../../engine/deployment/masker";
import type { EventBody, SummaryEvent } from "../../engine/events";
import type { FollowedOutput } from "./output";

export interface EventReaderOptions {
  onEvent(event: EngineEvent): void;
  /** Knows the secrets that a container's output may not show; the CLI itself masks what it says. */
  masker: Masker;
  /** Follows what the container writes. */
  follow(name: string, onText: (stream: 1 | 2, text: string) => void): FollowedOutput;
  /** Also hands on what the SDK and the engine say for those who look for errors in them. */
  debug: boolean;
}

export interface EventReader {
  take(event: unknown): void;
  /** Ends the attached containers. */
  killAttached(): void;
  /** Resolves once every event has been handed on. */
  end(): Promise<{ summary?: SummaryEvent; errors: OperationError[]; stackOutputs: PropertyMap }>;
}

const containerType = "docker:index/container:Container";

/** What is said at the end of every failure, beside what failed. */
const isConsequence = (message: string): boolean =>
  /^(?:preview|update|refresh|destroy) (?:failed|cancell?ed)$/.test(message.trim()) || programFailed.test(message);
/** The Automation API's word on a program that has told its error itself. */
const programFailed = /One or more errors occurred\. Check logs for more details/;
/** Where the plugins that we lend are, which has been said. */
const lentPlugin = /^using pulumi-(?:resource-\S+|language-seatrial-none) from \$PATH at \S*seatrial-pulumi-/;

/**
 * Hands the events on as the embedded engine gives them: numbered anew, without marks for colours, and with what the
 * attached containers write, which comes before the end of their step.
 */
export function eventReader({ onEvent, masker, follow, debug }: EventReaderOptions): EventReader {
  const events = eventStream(onEvent, masker);
  const attached = new Map<string, FollowedOutput>();
  const errors: OperationError[] = [];
  let summary: SummaryEvent | undefined;
  let root: EventBody | undefined;
  let told = Promise.resolve();

  function diagnostic({ urn, message: marked, prefix, ...rest }: NonNullable<EngineEvent["diagnosticEvent"]>): void {
    const message = `${withoutCount(masker.mask(withoutColours(marked)))}\n`;
    if ((rest.severity === "debug" && !debug) || lentPlugin.test(message) || programFailed.test(message)) return;
    // Our own plugin tells it line by line; it is in the container's log as it was written.
    if (urn && attached.has(urn) && rest.severity === "info") return;
    if (rest.severity === "error" && !isConsequence(message)) {
      // The program's own errors are the stack's.
      const ofResource = urn && !urn.includes("::pulumi:pulumi:Stack::");
      errors.push({ ...(ofResource ? { urn } : {}), message: message.trim() });
    }
    events.emit({
      diagnosticEvent: { ...rest, ...(urn ? { urn } : {}), message, prefix: withoutColours(prefix ?? "") },
    });
  }

  async function tell(body: EventBody): Promise<void> {
    const { diagnosticEvent, resourcePreEvent, resOutputsEvent, resOpFailedEvent } = body;
    if (diagnosticEvent) return diagnostic(diagnosticEvent);
    const ended = (resOutputsEvent ?? resOpFailedEvent)?.metadata;
    if (ended) await attached.get(ended.urn)?.ended();
    // In a preview the stack's end is told twice, first without its outputs.
    if (resOutputsEvent?.metadata.type === "pulumi:pulumi:Stack") {
      root = body;
      return;
    }
    if (body.summaryEvent) {
      summary = body.summaryEvent;
      if (root) events.emit(root);
    }
    events.emit(body);
    const { urn, type, op, new: state } = resourcePreEvent?.metadata ?? {};
    const name = state?.inputs?.name as unknown;
    if (!urn || type !== containerType || !state?.inputs?.attach || typeof name !== "string") return;
    if (resourcePreEvent?.planning || (op !== "create" && op !== "create-replacement")) return;
    attached.set(
      urn,
      follow(name, (streamId, text) => events.diagnostic("info", text, { urn, streamId })),
    );
  }

  return {
    take(event) {
      const { sequence: _, timestamp: __, ...body } = event as EngineEvent;
      told = told.then(() => tell(body));
    },
    killAttached() {
      for (const container of attached.values()) container.kill();
    },
    async end() {
      await told;
      const outputs = root?.resOutputsEvent?.metadata.new?.outputs as PropertyMap | undefined;
      return { ...(summary ? { summary } : {}), errors, stackOutputs: outputs ?? {} };
    },
  };
}

function withoutColours(text: string): string {
  return text.replace(/<\{%[^%]*%\}>/g, "");
}

/** The engine makes a list of what a provider says of a resource that exists in spite of its error. */
function withoutCount(text: string): string {
  return text.replace(/^1 error occurred:\n\t\* /, "").trimEnd();
}
