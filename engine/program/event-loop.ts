/**
 * What a program has under way in the event loop that it shares with the engine. Node ends a process when its loop has
 * nothing left to wait for, and the CLI takes that for the program's end; here the loop is never empty, so that what
 * belongs to the program is told by the async context in which it was begun.
 */
import { AsyncLocalStorage, createHook } from "node:async_hooks";

/** Kept open until closed, and known to the loop by `process._getActiveHandles`. */
const HANDLES = new Set([
  "FSEVENTWRAP",
  "MESSAGEPORT",
  "PIPESERVERWRAP",
  "PIPEWRAP",
  "PROCESSWRAP",
  "STATWATCHER",
  "TCPSERVERWRAP",
  "TCPWRAP",
  "TTYWRAP",
  "UDPWRAP",
]);
/** Over with their one callback: reading a file, looking up a name, connecting, a worker. */
const REQUESTS = /^(FSREQ|FILEHANDLECLOSEREQ|GETADDRINFOREQ|GETNAMEINFOREQ|QUERYWRAP|TCPCONNECT|PIPECONNECT|WORKER$)/;
/** Jobs of `node:crypto`: hashing, deriving a key. Those that are done at once have no callback. */
const JOBS = /^(?!HTTPCLIENT)[A-Z0-9]+REQUEST$/;

interface Timer {
  hasRef(): boolean;
  _destroyed: boolean;
}

interface Request {
  hasRef?(): boolean;
  ondone?: unknown;
}

/** Compresses as long as it has something to compress. */
interface Compressor {
  buffer?: unknown;
}

type Handle = object;

/** Of no declared type, but what `process` has had for as long as there has been Node. */
interface ProcessInternals {
  /** What keeps the process running: wraps, or the objects around them that have them as `_handle`. */
  _getActiveHandles(): { _handle?: Handle }[];
}

export interface EventLoopShare {
  /** Node's names for what the program has under way that a process of its own would wait for. */
  underWay(): string[];
  /** Calls, once each, the listeners of the program's that wait for the loop to be empty; true if there was one. */
  beforeExit(): boolean;
  stop(): void;
}

const shares = new AsyncLocalStorage<EventLoopShare>();

/** Follows what `start` begins, and what that begins in turn. */
export function shareEventLoop<T>(start: () => T): { share: EventLoopShare; started: T } {
  const timers = new Set<Timer>();
  const handles = new Set<Handle>();
  const compressors = new Set<Compressor>();
  const requests = new Map<number, { type: string; request: Request }>();
  const hook = createHook({
    init(asyncId, type, _, resource) {
      // By far the most, which end by themselves or with something that is waited for.
      if (type === "PROMISE" || type === "TickObject" || shares.getStore() !== share) return;
      if (type === "Timeout" || type === "Immediate") timers.add(resource as Timer);
      else if (HANDLES.has(type)) handles.add(resource);
      else if (type === "ZLIB") compressors.add(resource);
      else if (REQUESTS.test(type) || JOBS.test(type)) requests.set(asyncId, { type, request: resource });
    },
    after(asyncId) {
      requests.delete(asyncId);
    },
  });
  const others = new Set(process.rawListeners("beforeExit"));
  const added = (): NodeJS.BeforeExitListener[] =>
    process.rawListeners("beforeExit").filter((one): one is NodeJS.BeforeExitListener => !others.has(one));
  const called = new Set<NodeJS.BeforeExitListener>();
  const share: EventLoopShare = {
    underWay() {
      for (const timer of timers) if (timer._destroyed) timers.delete(timer);
      const active = new Set(
        (process as unknown as ProcessInternals)._getActiveHandles().map((one) => one._handle ?? one),
      );
      return [
        ...[...timers].filter((timer) => timer.hasRef()).map((timer) => timer.constructor.name),
        ...[...handles].filter((handle) => active.has(handle)).map((handle) => handle.constructor.name),
        ...[...compressors].filter(({ buffer }) => Boolean(buffer)).map((compressor) => compressor.constructor.name),
        ...[...requests.values()].filter(isAwaited).map(({ type }) => type),
      ];
    },
    beforeExit() {
      const due = added().filter((listener) => !called.has(listener));
      for (const listener of due) {
        called.add(listener);
        listener.call(process, 0);
      }
      return due.length > 0;
    },
    stop() {
      hook.disable();
      for (const listener of added()) process.off("beforeExit", listener);
    },
  };
  hook.enable();
  return { share, started: shares.run(share, start) };
}

function isAwaited({ type, request }: { type: string; request: Request }): boolean {
  return JOBS.test(type) ? typeof request.ondone === "function" : (request.hasRef?.() ?? true);
}
