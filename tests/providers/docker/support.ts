/** A provider over the real Docker Engine, and the life of a resource as the engine leads it. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import Docker from "dockerode";
import type { DiffResponse, Provider, ProviderContext } from "../../../engine/provider";
import type { PropertyMap } from "../../../engine/values";
import { connectEngine, dockerProvider, type DockerProviderOptions } from "../../../providers/docker";

/** Before every name that these tests give. */
export const PREFIX = `seatrial-test-${randomBytes(3).toString("hex")}`;

export interface LogLine {
  severity: string;
  message: string;
  streamId?: number;
  ephemeral?: boolean;
}

export interface TestContext extends ProviderContext {
  lines: LogLine[];
  abort(reason?: unknown): void;
}

export function testContext(): TestContext {
  const controller = new AbortController();
  const lines: LogLine[] = [];
  return {
    signal: controller.signal,
    lines,
    log: (severity, message, options = {}) => void lines.push({ severity, message, ...options }),
    abort: (reason) => controller.abort(reason),
  };
}

const TYPES = {
  Container: "docker:index/container:Container",
  Network: "docker:index/network:Network",
  Volume: "docker:index/volume:Volume",
  Image: "docker:index/image:Image",
  RemoteImage: "docker:index/remoteImage:RemoteImage",
  RegistryImage: "docker:index/registryImage:RegistryImage",
  Tag: "docker:index/tag:Tag",
};

export type Kind = keyof typeof TYPES;

export const identity = (kind: Kind, name: string) => ({
  urn: `urn:pulumi:test::tests::${TYPES[kind]}::${name}`,
  name,
  type: TYPES[kind],
});

/** A resource that is there, and its state. */
export interface Made {
  kind: Kind;
  name: string;
  id: string;
  inputs: PropertyMap;
  outputs: PropertyMap;
}

/** Leads resources through their lives and removes at the end whatever is left. */
export class Harness {
  readonly provider: Provider;
  engine!: Docker;
  /** A tiny image with a shell. */
  image!: string;

  constructor(options: DockerProviderOptions = {}) {
    this.provider = dockerProvider(options);
  }

  async open(): Promise<void> {
    this.engine = await connectEngine();
    this.image = tinyImage();
  }

  async close(): Promise<void> {
    const filters = { name: [PREFIX] };
    for (const { Id } of await this.engine.listContainers({ all: true, filters })) {
      await this.engine.getContainer(Id).remove({ force: true, v: true });
    }
    for (const { Id } of await this.engine.listNetworks({ filters })) await this.engine.getNetwork(Id).remove();
    for (const { Name } of (await this.engine.listVolumes({ filters: filters as never })).Volumes) {
      await this.engine.getVolume(Name).remove();
    }
    const built = await this.engine.listImages({ filters: { reference: [`${PREFIX}*`] } });
    for (const { Id } of built) {
      const { RepoTags } = await this.engine.getImage(Id).inspect();
      const own = (RepoTags ?? []).filter((tag) => tag.startsWith(PREFIX) || tag.startsWith("seatrial-build:"));
      for (const tag of own) await this.engine.getImage(tag).remove({ force: true });
    }
    await this.provider.close();
  }

  async check(kind: Kind, name: string, news: PropertyMap, olds: PropertyMap = {}): Promise<PropertyMap> {
    const request = { ...identity(kind, name), olds, news, randomSeed: new Uint8Array(32) };
    const { inputs, failures } = await this.provider.check(request, testContext());
    if (failures?.length) throw new Error(failures.map(({ property, reason }) => `${property} ${reason}`).join("; "));
    return inputs;
  }

  async create(kind: Kind, name: string, news: PropertyMap, context: ProviderContext = testContext()): Promise<Made> {
    const inputs = await this.check(kind, name, news);
    const request = { ...identity(kind, name), properties: inputs, timeout: 0, preview: false };
    const { id, properties } = await this.provider.create(request, context);
    return { kind, name, id, inputs, outputs: properties };
  }

  async diff(made: Made, news: PropertyMap): Promise<DiffResponse> {
    return this.provider.diff(
      {
        ...identity(made.kind, made.name),
        id: made.id,
        oldInputs: made.inputs,
        olds: made.outputs,
        news: await this.check(made.kind, made.name, news, made.inputs),
        ignoreChanges: [],
      },
      testContext(),
    );
  }

  async update(made: Made, news: PropertyMap, context: ProviderContext = testContext()): Promise<Made> {
    const inputs = await this.check(made.kind, made.name, news, made.inputs);
    const { properties } = await this.provider.update(
      {
        ...identity(made.kind, made.name),
        id: made.id,
        oldInputs: made.inputs,
        olds: made.outputs,
        news: inputs,
        timeout: 0,
        ignoreChanges: [],
        preview: false,
      },
      context,
    );
    return { ...made, inputs, outputs: properties };
  }

  async refresh(made: Made): Promise<Made | undefined> {
    const found = await this.provider.read(
      { ...identity(made.kind, made.name), id: made.id, inputs: made.inputs, properties: made.outputs },
      testContext(),
    );
    return found.id === "" ? undefined : { ...made, inputs: found.inputs, outputs: found.properties };
  }

  async importAs(kind: Kind, name: string, id: string): Promise<Made> {
    const found = await this.provider.read({ ...identity(kind, name), id, inputs: {}, properties: {} }, testContext());
    return { kind, name, id: found.id, inputs: found.inputs, outputs: found.properties };
  }

  async delete(made: Made): Promise<void> {
    await this.provider.delete(
      {
        ...identity(made.kind, made.name),
        id: made.id,
        oldInputs: made.inputs,
        properties: made.outputs,
        timeout: 0,
      },
      testContext(),
    );
  }
}

function tinyImage(): string {
  return execFileSync(process.execPath, ["scripts/base-image.mjs", "probe"], { encoding: "utf8" }).trim();
}
