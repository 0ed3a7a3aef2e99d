/**
 * A language runtime that needs nothing and runs nothing. `pulumi import` wants that of the project before it begins,
 * though it runs no program; a CLI that serves no other program of the project may have none.
 *
 * Source: `proto/pulumi/language.proto` in pulumi/pulumi.
 */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** As the project's `runtime`. */
export const noLanguage = "seatrial-none";

/** Writes its plugin, which Node runs, into a folder that is to be on the CLI's PATH. */
export function writeNoLanguage(folder: string): void {
  const program = join(folder, "no-language.cjs");
  const modules = {
    grpc: require.resolve("@grpc/grpc-js"),
    services: require.resolve("@pulumi/pulumi/proto/language_grpc_pb"),
    messages: require.resolve("@pulumi/pulumi/proto/language_pb"),
    plugin: require.resolve("@pulumi/pulumi/proto/plugin_pb"),
  };
  writeFileSync(program, `(${serve.toString()})(${JSON.stringify(modules)}, require);\n`, { mode: 0o600 });
  const file = join(folder, `pulumi-language-${noLanguage}`);
  writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${program}'\n`);
  chmodSync(file, 0o700);
}

/** Runs in a process of its own, with nothing of this module around it. The CLI reads the port and ends it. */
function serve(modules: Record<"grpc" | "services" | "messages" | "plugin", string>, load: NodeJS.Require): void {
  const { Server, ServerCredentials } = load(modules.grpc) as typeof import("@grpc/grpc-js");
  const { LanguageRuntimeService } = load(modules.services) as typeof import("@pulumi/pulumi/proto/language_grpc_pb");
  const messages = load(modules.messages) as typeof import("@pulumi/pulumi/proto/language_pb");
  const { PluginInfo } = load(modules.plugin) as typeof import("@pulumi/pulumi/proto/plugin_pb");
  const answer = (make: () => object) => (_: unknown, callback: (error: null, response: object) => void) =>
    callback(null, make());
  const server = new Server();
  server.addService(LanguageRuntimeService, {
    handshake: answer(() => new messages.LanguageHandshakeResponse()),
    getPluginInfo: answer(() => new PluginInfo()),
    getRequiredPackages: answer(() => new messages.GetRequiredPackagesResponse()),
    getRequiredPlugins: answer(() => new messages.GetRequiredPluginsResponse()),
  });
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    process.stdout.write(`${port}\n`);
  });
}
