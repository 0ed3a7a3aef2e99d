/** What reaches a provider, and what is made of its answers where it doesn't understand everything. */
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { ConfigureResponse, type DiffRequest, DiffResponse } from "@pulumi/pulumi/proto/provider_pb";
import { connectPlugin } from "../../engine/plugins/client";
import type { ProviderContext } from "../../engine/provider";
import { Archive, Asset, type PropertyMap, Secret } from "../../engine/values";
import { World } from "./world";

test.each([
  [true, { text: "HUSH", kind: new Secret("k"), list: ["HUSH"] }],
  [false, { text: new Secret("HUSH"), kind: new Secret("k"), list: new Secret(["HUSH"]) }],
])("what comes of a secret is one where the provider can't say so (it can: %s)", async (acceptSecrets, expected) => {
  const world = new World();
  world.cloud.acceptSecrets = acceptSecrets;
  world.cloud.functions.set("fake:index:shout", ({ text }) => {
    const loud = String(text instanceof Secret ? text.element : text).toUpperCase();
    return { text: loud, kind: new Secret("k"), list: [loud] };
  });
  const results: PropertyMap[] = [];
  await world.up(async ({ deployment }) => {
    const provider = await deployment.defaultProvider("fake", "1.0.0");
    for (const text of [new Secret("hush"), "hey"]) {
      results.push((await deployment.invoke("fake:index:shout", { text }, provider)).result);
    }
  });
  expect(results).toEqual([expected, { text: "HEY", kind: new Secret("k"), list: ["HEY"] }]);
});

test("a plugin that compares is told the hashes of assets and archives, not what they hold", async () => {
  const seen: DiffRequest[] = [];
  const refused = (_: unknown, done: sendUnaryData<never>): void => done({ code: status.UNIMPLEMENTED });
  const server = new Server();
  server.addService(ResourceProviderService, {
    ...Object.fromEntries(Object.keys(ResourceProviderService).map((name) => [name, refused])),
    configure: (_: unknown, done: sendUnaryData<ConfigureResponse>) => done(null, new ConfigureResponse()),
    diff({ request }: ServerUnaryCall<DiffRequest, DiffResponse>, done: sendUnaryData<DiffResponse>) {
      seen.push(request);
      done(null, new DiffResponse());
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const process = { port, ended: new Promise<string>(() => undefined), close: async () => undefined };
  const plugin = await connectPlugin(process, { pkg: "any", title: "any", engineAddress: "", folder: "/" });
  try {
    await plugin.configure({});
    const text = new Asset({ text: "long", hash: "h1" });
    const known = { text, all: new Archive({ assets: { text }, hash: "h2" }), unhashed: new Asset({ path: "/p" }) };
    const identity = { urn: "urn:pulumi:s::p::t::n", name: "n", type: "t", id: "1" };
    await plugin.diff(
      { ...identity, oldInputs: known, olds: known, news: known, ignoreChanges: [] },
      {} as ProviderContext,
    );
    const hashes = { text: { hash: "h1" }, all: { hash: "h2" }, unhashed: { path: "/p" } };
    for (const sent of [seen[0]!.getOldInputs(), seen[0]!.getOlds(), seen[0]!.getNews()]) {
      expect(sent!.toJavaScript()).toMatchObject(hashes);
      expect(JSON.stringify(sent!.toJavaScript())).not.toContain("long");
    }
  } finally {
    await plugin.close();
    server.forceShutdown();
  }
});
