/** What a test run asks of a program that doesn't know of it: labels to find things by, and the tests' command. */
import type { ProgramSdk } from "./program";
import { label } from "../identity";

const labelled = new Set([
  "docker:index/container:Container",
  "docker:index/network:Network",
  "docker:index/volume:Volume",
]);
const containerType = "docker:index/container:Container";

interface Label {
  label: string;
  value: string;
}

/**
 * Changes what the program registers from here on; to be called in the stack's body. The embedded engine has providers
 * for this; plugins know nothing of a run. Outside of a test run nothing is changed: labels that come and go would have
 * what outlives a run replaced.
 */
export function takeTestRun(sdk: ProgramSdk, env: NodeJS.ProcessEnv): void {
  const run = env.SEATRIAL_RUN;
  if (!run) return;
  const ours = runLabels(sdk, run, env);
  const command = env.SEATRIAL_TESTS_COMMAND ? (JSON.parse(env.SEATRIAL_TESTS_COMMAND) as string[]) : undefined;
  sdk.runtime.registerStackTransformation(({ type, props, opts }) => {
    if (!labelled.has(type)) return undefined;
    const own = sdk.output(props.labels as Label[] | undefined).apply((labels) => labels ?? []);
    const labels = own.apply((given) => [
      ...given,
      ...ours.filter(({ label: name }) => !given.some((other) => other.label === name)),
    ]);
    if (type !== containerType || props.attach !== true) return { props: { ...props, labels }, opts };
    const isTests = own.apply((given) =>
      given.every(({ label: name, value }) => name !== label.role || value === "tests"),
    );
    const tests = command && isTests.apply((yes) => (yes ? command : (props.command as string[] | undefined)));
    return {
      props: { ...props, labels, ...(tests ? { command: tests } : {}) },
      // Made anew though nothing changed, by rerun, it still can't be there twice under its name.
      opts: { ...opts, deleteBeforeReplace: true },
    };
  });
}

function runLabels(sdk: ProgramSdk, run: string, env: NodeJS.ProcessEnv): Label[] {
  const values: Record<string, string | undefined> = {
    [label.project]: sdk.getProject(),
    [label.stack]: sdk.getStack(),
    [label.run]: run,
    [label.commit]: env.SEATRIAL_COMMIT,
    [label.branch]: env.SEATRIAL_BRANCH,
    [label.pipeline]: env.SEATRIAL_PIPELINE,
    [label.owner]: env.SEATRIAL_OWNER,
    [label.expires]: env.SEATRIAL_EXPIRES,
  };
  return Object.entries(values).flatMap(([name, value]) => (value ? [{ label: name, value }] : []));
}
