// What packages load at their start and hardly anybody ever uses is loaded when somebody does: most of the time that the
// SDK takes to load is TypeScript's and npm's dependency tree's, for functions that are made into text, and the Automation
// API's.
"use strict";
const Module = require("node:module");

/** By the end of the path of the module that asks, what it asks for, and what it gets instead. */
const late = [
  ["@pulumi/pulumi/runtime/closure/codePaths.js", "@npmcli/arborist", anyProperty],
  ["@pulumi/pulumi/runtime/closure/parseFunction.js", "../../typescript-shim", anyProperty],
  ["@pulumi/pulumi/provider/experimental/analyzer.js", "../../typescript-shim", anyProperty],
  ["@pulumi/pulumi/runtime/closure/codePaths.js", "normalize-package-data", asFunction],
  ["@pulumi/pulumi/runtime/closure/codePaths.js", "fdir", anyProperty],
  ["@pulumi/pulumi/runtime/closure/rewriteSuper.js", "semver", anyProperty],
  ["@pulumi/pulumi/runtime/rpc.js", "semver", anyProperty],
  ["@pulumi/pulumi/runtime/manifest.js", "js-yaml", anyProperty],
  ["@pulumi/pulumi/index.js", "./automation", anyProperty],
  ["@pulumi/pulumi/index.js", "./provider", anyProperty],
  ["dockerode/lib/docker.js", "./session", asFunction],
  ["dockerode/lib/util.js", "tar-fs", anyProperty],
  ["docker-modem/lib/modem.js", "./ssh", asFunction],
  ["zod/v4/core/index.cjs", "../locales/index.cjs", anyProperty],
  ["zod/v4/classic/external.cjs", "../locales/index.cjs", anyProperty],
];

/** From here on, for this process. */
exports.loadLate = function loadLate() {
  const load = Module._load;
  Module._load = function (request, parent, ...rest) {
    const found = late.find(([, asked]) => asked === request);
    if (!found || !parent?.filename) return load.call(this, request, parent, ...rest);
    const from = parent.filename.replaceAll("\\", "/");
    const entry = late.find(([by, asked]) => asked === request && from.endsWith(`/node_modules/${by}`));
    if (!entry) return load.call(this, request, parent, ...rest);
    let loaded;
    return entry[2](() => (loaded ??= load.call(this, request, parent, ...rest)));
  };
};

/** It says that it is an ES module, so that whoever imports it takes it as it is instead of copying what is in it. */
function anyProperty(load) {
  const target = Object.defineProperty({}, "__esModule", { value: true });
  return new Proxy(target, {
    get: (_, name) => (name === "__esModule" ? true : load()[name]),
    has: (_, name) => name in load(),
  });
}

function asFunction(load) {
  return (...args) => load()(...args);
}
