/** Transforms: functions of the program that change what it registers and invokes. */
import { play, stateOf, update } from "./player";

jest.setTimeout(60_000);

test("transforms of invokes change arguments, see results as before, and may change the provider", async () => {
  const program = `
    pulumi.runtime.registerInvokeTransform(({ token, args, opts }) => ({ args: { ...args, n: args.n + 1 }, opts }));
    pulumi.runtime.registerInvokeTransform(({ token, args }) =>
      token === "fake:index:double" ? { args: { n: args.n * 10 } } : undefined);
    module.exports = async () => ({
      plain: await double(1),
      output: pulumi.runtime.invokeOutput("fake:index:double", { n: pulumi.output(2) }),
    });`;
  const [up] = await play(program, [update]);
  expect(up!.outputs).toEqual({ plain: { doubled: 40 }, output: { doubled: 60 } });
});

test("transforms see what a resource has of its parent, and secrets as outputs", async () => {
  const program = `
    const seen = [];
    const provider = new Provider("mine", { region: "here" });
    pulumi.runtime.registerResourceTransform(({ name, type, props, opts }) => {
      if (name !== "a") return undefined;
      pulumi.log.info(JSON.stringify({
        protect: opts.protect, retain: opts.retainOnDelete, provider: opts.provider !== undefined,
        timeouts: opts.customTimeouts.create, trigger: opts.replacementTrigger, secret: pulumi.Output.isInstance(props.key),
      }));
      return { props: { ...props, key: pulumi.output(props.key).apply((key) => key + "!") }, opts: { ...opts, protect: false } };
    });
    const group = new Group("group", { protect: true, retainOnDelete: true, providers: [provider] });
    new Thing("a", { key: pulumi.secret("swordfish"), n: 1 }, { parent: group, customTimeouts: { create: "5m" }, replacementTrigger: "v1" });`;
  const [up, again] = await play(program, [update, update]);
  expect(up!.errors).toEqual([]);
  const info = up!.messages
    .filter(({ severity }) => severity === "info")
    .map(({ text }) => JSON.parse(text) as unknown);
  expect(info).toEqual([{ protect: true, retain: true, provider: true, timeouts: "5m", trigger: "v1", secret: true }]);
  const a = stateOf(up!, "a");
  expect(a).toMatchObject({
    retainOnDelete: true,
    customTimeouts: { create: 300 },
    replacementTrigger: "v1",
    inputs: { n: 1 },
  });
  expect(a).not.toHaveProperty("protect");
  expect(a["provider"]).toContain("::mine::");
  expect(JSON.stringify(up!.states)).not.toContain("swordfish");
  expect(up!.inputs["a"]).toMatchObject({ key: { element: "swordfish!" } });
  expect(again!.changes).toEqual({ same: 4 });
});

test("legacy transformations work in the SDK", async () => {
  const program = `
    pulumi.runtime.registerStackTransformation(({ props, opts }) => ({ props: { ...props, size: 7 }, opts }));
    new Thing("a", { size: 1 }, { transformations: [({ props, opts }) => ({ props: { ...props, color: "red" }, opts })] });`;
  const [up] = await play(program, [update]);
  expect(up!.inputs["a"]).toEqual({ size: 7, color: "red" });
});

test("a transform that throws fails the registration, and says so", async () => {
  const program = `
    pulumi.runtime.registerResourceTransform(() => { throw new Error("not this one"); });
    new Thing("a");`;
  const [up] = await play(program, [update]);
  expect(up).toMatchObject({ result: "failed", names: [] });
  expect(up!.errors.map(({ message }) => message).join()).toContain("not this one");
});
