import { setTimeout as delay } from "node:timers/promises";
import { Harness, PREFIX } from "./support";

const harness = new Harness({ labels: { "dev.seatrial.run": "test" } });

beforeAll(() => harness.open());
afterAll(() => harness.close());
jest.setTimeout(60_000);

describe("a network", () => {
  test("is created, unchanged, refreshed, imported, deleted", async () => {
    const given = {
      name: `${PREFIX}-net`,
      labels: [
        { label: "b", value: "2" },
        { label: "a", value: "1" },
      ],
      ipamConfigs: [{ subnet: "10.213.7.0/24", gateway: "10.213.7.1" }],
      options: { "com.docker.network.bridge.enable_icc": "true" },
    };
    const made = await harness.create("Network", "net", given);
    expect(made.outputs).toMatchObject({
      driver: "bridge",
      scope: "local",
      internal: false,
      ipamDriver: "default",
      ipamConfigs: [{ subnet: "10.213.7.0/24", gateway: "10.213.7.1", ipRange: "", auxAddress: {} }],
      labels: [
        { label: "a", value: "1" },
        { label: "b", value: "2" },
      ],
    });
    const inspection = (await harness.engine.getNetwork(made.id).inspect()) as { Labels: object };
    expect(inspection.Labels).toEqual({ a: "1", b: "2", "dev.seatrial.run": "test" });
    expect((await harness.diff(made, given)).changes).toBe("none");
    const refreshed = (await harness.refresh(made))!;
    expect((await harness.diff(refreshed, given)).changes).toBe("none");
    const imported = await harness.importAs("Network", "net", given.name);
    expect(imported.id).toBe(made.id);
    expect((await harness.diff(imported, given)).changes).toBe("none");
    const other = await harness.diff(made, { ...given, internal: true });
    expect(other).toMatchObject({ replaces: ["internal"], deleteBeforeReplace: true });
    await harness.delete(made);
    expect(await harness.refresh(made)).toBeUndefined();
    await harness.delete(made);
  });

  test("keeps a name of its own making, which needn't be deleted first", async () => {
    const made = await harness.create("Network", `${PREFIX}-auto`, {});
    expect(made.inputs.name).toMatch(new RegExp(`^${PREFIX}-auto-[0-9a-f]{7}$`));
    expect(made.inputs.__defaults).toEqual(["ipamDriver", "name"]);
    expect((await harness.diff(made, {})).changes).toBe("none");
    expect((await harness.diff(made, { internal: true })).deleteBeforeReplace).toBe(false);
    await harness.delete(made);
  });

  test("is not made twice", async () => {
    const given = { name: `${PREFIX}-twice` };
    const made = await harness.create("Network", "net", given);
    await expect(harness.create("Network", "net", given)).rejects.toThrow(
      `can't create network ${given.name}: a network ${given.name} exists already`,
    );
    await harness.delete(made);
  });

  test("that overlaps with another is refused with advice", async () => {
    const ipamConfigs = [{ subnet: "10.213.8.0/24" }];
    const made = await harness.create("Network", "net", { name: `${PREFIX}-one`, ipamConfigs });
    await expect(harness.create("Network", "net", { name: `${PREFIX}-two`, ipamConfigs })).rejects.toThrow(
      /its address range overlaps with that of another network/,
    );
    await harness.delete(made);
  });

  test("is deleted as soon as its last container is gone", async () => {
    const net = await harness.create("Network", "net", { name: `${PREFIX}-busy` });
    const box = await harness.create("Container", "box", {
      name: `${PREFIX}-busy`,
      image: harness.image,
      command: ["sleep", "1000"],
      networksAdvanced: [{ name: `${PREFIX}-busy` }],
    });
    const deletion = harness.delete(net);
    await delay(500);
    await harness.delete(box);
    await deletion;
    expect(await harness.refresh(net)).toBeUndefined();
  });
});

describe("a volume", () => {
  test("is created, unchanged, refreshed, imported, deleted", async () => {
    const given = { name: `${PREFIX}-vol`, labels: [{ label: "keep", value: "no" }] };
    const made = await harness.create("Volume", "vol", given);
    expect(made).toMatchObject({
      id: given.name,
      outputs: { driver: "local", cluster: null, mountpoint: expect.stringContaining(given.name) },
    });
    expect(made.outputs.labels).toEqual(given.labels);
    expect((await harness.diff(made, given)).changes).toBe("none");
    expect((await harness.diff((await harness.refresh(made))!, given)).changes).toBe("none");
    expect((await harness.diff(await harness.importAs("Volume", "vol", given.name), given)).changes).toBe("none");
    await harness.delete(made);
    expect(await harness.refresh(made)).toBeUndefined();
    await harness.delete(made);
  });

  test("that is used says by whom", async () => {
    const vol = await harness.create("Volume", "vol", { name: `${PREFIX}-used` });
    const box = await harness.create("Container", "box", {
      name: `${PREFIX}-user`,
      image: harness.image,
      command: ["sleep", "1000"],
      volumes: [{ volumeName: `${PREFIX}-used`, containerPath: "/data" }],
    });
    await expect(harness.delete(vol)).rejects.toThrow(
      `can't delete volume ${PREFIX}-used: ${PREFIX}-user still uses it; remove what uses it first`,
    );
    await harness.delete(box);
    await harness.delete(vol);
  });

  test("of a cluster needs a newer Engine, or a swarm", async () => {
    await expect(harness.create("Volume", "vol", { name: `${PREFIX}-cluster`, cluster: {} })).rejects.toThrow();
  });
});
