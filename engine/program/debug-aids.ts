/**
 * What the SDK does for those who look for a fault in it, and what costs more than all the rest that it does for a
 * resource. It is left out of a program in this process, unless it is asked for.
 *
 * Source: `sdk/nodejs/runtime/debuggable.ts` and `sdk/nodejs/log/index.ts` in pulumi/pulumi.
 */

/** The SDK's `runtime/debuggable.js`. */
export interface PromiseTracking {
  debugPromiseLeaks?: boolean;
  debuggablePromise?: <T>(promise: Promise<T>, context?: unknown) => Promise<T>;
}

const spared = new WeakSet<PromiseTracking>();

/**
 * The SDK notes for each of its promises, dozens for a resource, what it is for and where in the code it was made. It
 * shows these notes only with PULUMI_DEBUG_PROMISE_LEAKS. Promises are still tracked: where some never end, the SDK
 * says so when the process ends.
 *
 * `openPromises` are those that the SDK takes for open in the present run.
 */
export function withoutNotesOnPromises(tracking: PromiseTracking, openPromises: () => Set<unknown>): void {
  const { debuggablePromise, debugPromiseLeaks } = tracking;
  if (!debuggablePromise || debugPromiseLeaks || spared.has(tracking)) return;
  spared.add(tracking);
  void debuggablePromise(Promise.resolve()); // the first prepares for the end of the process
  tracking.debuggablePromise = (promise) => {
    const open = openPromises();
    open.add(promise);
    return promise.then(
      (value) => {
        open.delete(promise);
        return value;
      },
      (error: unknown) => {
        open.delete(promise);
        throw error;
      },
    );
  };
}

/** The SDK's connection to the engine. */
export interface EngineClient {
  log(request: { getSeverity(): number }, done: (error: null) => void): unknown;
}

const DEBUG = 0;

/** Each registration comes with three debug messages, sent one after the other: what nobody is shown isn't sent. */
export function withoutDebugMessages(engine: EngineClient | undefined): void {
  if (!engine) return;
  const send = engine.log.bind(engine);
  engine.log = (request, done) => (request.getSeverity() === DEBUG ? done(null) : send(request, done));
}
