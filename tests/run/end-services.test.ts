import type Docker from "dockerode";
import type { StackResource } from "../../engine/api";
import type { StackContainer } from "../../run/containers";
import { endServices } from "../../run/end-services";

const containerType = "docker:index/container:Container";

const resource = (id: string, type = containerType, inputs: StackResource["inputs"] = {}): StackResource => ({
  ...{ urn: `urn:pulumi:ci::small::${type}::${id}`, type, custom: true, id },
  ...{ inputs, outputs: {}, additionalSecretOutputs: [], dependencies: [] },
});
const container = (id: string, state = "running"): StackContainer => ({
  ...{ id, name: id, service: id, image: "", state, labels: {} },
});

/** @returns the containers that are killed */
async function killed(containers: StackContainer[], resources: Promise<StackResource[]>): Promise<string[]> {
  const ids: string[] = [];
  const getContainer = (id: string) => ({
    kill: () => {
      ids.push(id);
      return Promise.reject(new Error("is not running"));
    },
  });
  await endServices({ getContainer } as unknown as Docker, containers, resources);
  return ids;
}

test("running containers of the state are killed, but those that asked for time to stop", async () => {
  const containers = [container("api"), container("db"), container("tests", "exited"), container("stranger")];
  const resources = [
    resource("api", containerType, { destroyGraceSeconds: 0 }),
    resource("db", containerType, { destroyGraceSeconds: 10 }),
    resource("tests", containerType, { attach: true }),
    resource("network", "docker:index/network:Network"),
    resource("made", "command:local:Command", { create: "true" }),
    { ...resource("Part", "my:index:Part"), custom: false },
  ];
  expect(await killed(containers, Promise.resolve(resources))).toEqual(["api"]);
});

test.each([
  ["a command that does something at its deletion", resource("dump", "command:local:Command", { delete: "dump" })],
  ["a resource of another provider", resource("user", "postgresql:index/role:Role")],
])("%s may need them", async (_, other) => {
  expect(await killed([container("api")], Promise.resolve([resource("api"), other]))).toEqual([]);
});

test.each([{ protect: true }, { retainOnDelete: true }])("where something stays, %j, so do they", async (option) => {
  const other = { ...resource("db"), ...option };
  expect(await killed([container("api"), container("db")], Promise.resolve([resource("api"), other]))).toEqual([]);
});

test("a state that can't be read says nothing of who may be killed", async () => {
  expect(await killed([container("api")], Promise.reject(new Error("broken")))).toEqual([]);
});
