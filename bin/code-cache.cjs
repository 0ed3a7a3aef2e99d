// V8's code cache for the packages and for our own bundle: what has been compiled once, the functions that were called
// among it, isn't compiled again at the next start.
//
// Kept beside the bundle, where whoever can write it could as well write the bundle. A module is known by its file and
// the hash of its text; V8 refuses what another version or other flags of it have made.
"use strict";
const { createHash } = require("node:crypto");
const { readFileSync, renameSync, rmSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const { dirname, join, sep } = require("node:path");
const v8 = require("node:v8");
const vm = require("node:vm");

/** What comes from V8's cache has lost where its import() goes. Methods may have that name too. */
const IMPORTS = /(?<!\.|[\w$]|async )import\s*\(/;
/** Bytes of code after which a cache is begun anew: packages have been exchanged meanwhile. */
const LARGEST = 64 * 2 ** 20;
/** Node.js before 20.12 can't say where a compiled module's import() goes. */
const importer = vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;

/**
 * From here on, for this process: modules in `folder`'s node_modules and dist are compiled with the cache, and what is
 * new goes into it at the end of the process.
 */
exports.useCodeCache = function useCodeCache(folder) {
  const isWatched =
    process.env.NODE_V8_COVERAGE || process.execArgv.some((arg) => /^--(?:inspect|enable-source-maps)/.test(arg));
  if (!importer || isWatched) return;
  const tag = `${process.version}-${process.arch}-${v8.cachedDataVersionTag().toString(16)}`;
  const file = join(folder, "dist", `code-${tag}.cache`);
  const known = read(file);
  const used = new Map();
  let isStale = false;
  const roots = [join(folder, "node_modules") + sep, join(folder, "dist") + sep];
  const compile = Module.prototype._compile;
  Module.prototype._compile = function (content, filename, ...rest) {
    // With --debug, Node.js itself compiles, to find the source that an error comes from.
    if (process.sourceMapsEnabled || IMPORTS.test(content) || !roots.some((root) => filename.startsWith(root))) {
      return compile.call(this, content, filename, ...rest);
    }
    const hash = createHash("sha1").update(content).digest("hex");
    const entry = known.get(filename);
    const cachedData = entry?.hash === hash ? entry.data : undefined;
    const script = new vm.Script(Module.wrap(content.replace(/^#!.*/, "")), {
      filename,
      cachedData,
      importModuleDynamically: importer,
    });
    const isTaken = cachedData !== undefined && !script.cachedDataRejected;
    isStale ||= !isTaken;
    used.set(filename, { hash, ...(isTaken ? { data: cachedData } : { script }) });
    const run = script.runInThisContext({ displayErrors: true });
    return run.call(this.exports, this.exports, requireOf(this), this, filename, dirname(filename));
  };
  process.on("exit", (code) => {
    // One that failed may have got no further than its beginning.
    if (isStale && code === 0) write(file, used);
  });
};

function requireOf(module) {
  const require = (id) => module.require(id);
  require.resolve = (request, options) => Module._resolveFilename(request, module, false, options);
  require.resolve.paths = (request) => Module._resolveLookupPaths(request, module);
  require.main = process.mainModule;
  require.extensions = Module._extensions;
  require.cache = Module._cache;
  return require;
}

/** The index as a line of JSON, then the code of one module after the other. */
function read(file) {
  const known = new Map();
  try {
    const bytes = readFileSync(file);
    let at = bytes.indexOf("\n");
    const index = JSON.parse(bytes.toString("utf8", 0, at));
    at++;
    for (const [filename, hash, length] of index) {
      known.set(filename, { hash, data: bytes.subarray(at, at + length) });
      at += length;
    }
    return at === bytes.length ? known : new Map();
  } catch {
    // There is none yet.
    return new Map();
  }
}

/** As a whole: others may read, or write, at the same time. Where it can't be written there is none. */
function write(file, used) {
  // A watchdog, or another run, may have added to it meanwhile.
  const known = read(file);
  const sizes = [...known.values()].reduce((sum, { data }) => sum + data.length, 0);
  const all = new Map([...(sizes > LARGEST ? [] : known), ...used]);
  const index = [];
  const parts = [];
  for (const [filename, { hash, data, script }] of all) {
    const code = data ?? script.createCachedData();
    index.push([filename, hash, code.length]);
    parts.push(code);
  }
  const temporary = `${file}.${process.pid}`;
  try {
    writeFileSync(temporary, Buffer.concat([Buffer.from(`${JSON.stringify(index)}\n`), ...parts]), { mode: 0o600 });
    renameSync(temporary, file);
  } catch {
    rmSync(temporary, { force: true });
  }
}
