/** Our providers as plugins of the Pulumi CLI, for where its own can't be downloaded. */
export { installPlugins, writePluginFolder } from "./folder";
export { served } from "./served";
export { servePlugin, type ServedPlugin } from "./server";
