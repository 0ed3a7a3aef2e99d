// V8's code cache for the packages and for our own bundle: what has been compiled once, the functions that were called
// among it, isn't compiled again at the next start. With the code the file has the modules' texts, and where what they
// asked for was found, so that a start reads one file instead of hundreds.
//
// Kept beside the bundle, where whoever can write it could as well write the bundle. A module is known by its file's
// size and times; where one was found counts as long as npm, Yarn or pnpm has installed nothing since. V8 refuses what
// another version or other flags of it have made.
"use strict";
const { readFileSync, renameSync, rmSync, statSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const { basename, dirname, join, sep } = require("node:path");
const v8 = require("node:v8");
const vm = require("node:vm");
const zlib = require("node:zlib");

/** What comes from V8's cache has lost where its import() goes. Methods may have that name too. */
const IMPORTS = /(?<!\.|[\w$]|async )import\s*\(/;
/** Bytes of code after which a cache is begun anew: packages have been exchanged meanwhile. */
const LARGEST = 64 * 2 ** 20;
/** Node.js before 20.12 can't say where a compiled module's import() goes, nor before 20.15 sum up a file quickly. */
const importer = zlib.crc32 && vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;
/** What package managers write in node_modules whenever they change it. */
const installed = [".package-lock.json", ".yarn-integrity", ".yarn-state.yml", ".modules.yaml"];

/**
 * From here on, for this process: modules in `folder`'s dist and in its packages' folder are loaded by way of the cache,
 * and what is new goes into it at the end of the process.
 *
 * @param purpose what the process does, such as its command: at the first of a kind the functions that it has called are
 *   added
 */
exports.useCodeCache = function useCodeCache(folder, purpose = "") {
  const isWatched =
    process.env.NODE_V8_COVERAGE || process.execArgv.some((arg) => /^--(?:inspect|enable-source-maps)/.test(arg));
  if (!importer || isWatched) return;
  const file = join(
    folder,
    "dist",
    `code-${process.version}-${process.arch}-${v8.cachedDataVersionTag().toString(16)}.cache`,
  );
  const packages = packagesOf(folder);
  const roots = [packages + sep, join(folder, "dist") + sep];
  const isOurs = (filename) => roots.some((root) => filename.startsWith(root));
  // Without any of these files nobody would tell that a module is found elsewhere now.
  const install = installed
    .map((name) => stamp(join(packages, name)))
    .join(" ")
    .trim();
  const known = read(file);
  // With --debug, Node.js itself compiles, to find the source that an error comes from.
  const isOn = () => !process.sourceMapsEnabled;
  const used = new Map();
  const found = known.install === install ? known.found : {};
  let isStale = known.install !== install || !known.purposes.includes(purpose);

  const resolve = Module._resolveFilename;
  Module._resolveFilename = function (request, parent, isMain, options) {
    const by = parent?.filename;
    if (!install || options || isMain || !by || !isOurs(by) || Module.isBuiltin(request))
      return resolve.call(this, request, parent, isMain, options);
    const key = `${dirname(by)}\n${request}`;
    const before = found[key];
    if (before !== undefined) return before;
    const filename = resolve.call(this, request, parent, isMain, options);
    if (isOurs(filename)) {
      found[key] = filename;
      isStale = true;
    }
    return filename;
  };

  const load = Module._extensions[".js"];
  Module._extensions[".js"] = function (module, filename) {
    const entry = isOn() ? known.modules.get(filename) : undefined;
    if (!entry || entry.stamp !== stamp(filename)) return load.call(this, module, filename);
    return run(module, filename, entry);
  };

  const compile = Module.prototype._compile;
  Module.prototype._compile = function (content, filename, ...rest) {
    if (!isOn() || IMPORTS.test(content) || !isOurs(filename)) return compile.call(this, content, filename, ...rest);
    isStale = true;
    return run(this, filename, { stamp: stamp(filename), text: Module.wrap(content.replace(/^#!.*/, "")) });
  };

  function run(module, filename, { stamp, text, code }) {
    const script = new vm.Script(text, { filename, cachedData: code, importModuleDynamically: importer });
    isStale ||= code === undefined || script.cachedDataRejected;
    used.set(filename, { stamp, text, script });
    const body = script.runInThisContext({ displayErrors: true });
    return body.call(module.exports, module.exports, requireOf(module), module, filename, dirname(filename));
  }

  process.on("exit", (exitCode) => {
    // One that failed may have got no further than its beginning.
    if (isStale && exitCode === 0) write(file, { install, purpose, found, used });
  });
};

/** Where the packages are: in the checkout, or where npm has put them beside this one. */
function packagesOf(folder) {
  let above = dirname(folder);
  if (basename(above).startsWith("@")) above = dirname(above);
  return basename(above) === "node_modules" ? above : join(folder, "node_modules");
}

/** By what a file is known, as long as nobody has written to it. */
function stamp(filename) {
  const found = statSync(filename, { throwIfNoEntry: false });
  return found ? `${found.size} ${found.mtimeMs} ${found.ctimeMs}` : "";
}

function requireOf(module) {
  const require = (id) => module.require(id);
  require.resolve = (request, options) => Module._resolveFilename(request, module, false, options);
  require.resolve.paths = (request) => Module._resolveLookupPaths(request, module);
  require.main = process.mainModule;
  require.extensions = Module._extensions;
  require.cache = Module._cache;
  return require;
}

/**
 * A line with the sum of what follows, the index as a line of JSON, then the texts of all modules, as functions, and
 * their code. The texts that are ASCII come first: taken as one string, of which each is a part, none is copied.
 */
function read(file) {
  const nothing = { install: "", purposes: [], found: {}, modules: new Map() };
  try {
    const bytes = readFileSync(file);
    const first = bytes.indexOf("\n") + 1;
    if (bytes.latin1Slice(0, first) !== `${zlib.crc32(bytes.subarray(first))}\n`) return nothing;
    const texts = bytes.indexOf("\n", first) + 1;
    const { ascii, modules, ...index } = JSON.parse(bytes.utf8Slice(first, texts));
    const all = bytes.latin1Slice(texts, texts + ascii);
    const known = new Map();
    for (const [filename, stamp, [textAt, textEnd], [codeAt, codeEnd]] of modules) {
      known.set(filename, {
        stamp,
        get text() {
          return textEnd <= ascii ? all.slice(textAt, textEnd) : bytes.utf8Slice(texts + textAt, texts + textEnd);
        },
        code: bytes.subarray(texts + codeAt, texts + codeEnd),
      });
    }
    return { ...index, modules: known };
  } catch {
    // There is none yet.
    return nothing;
  }
}

/** As a whole: others may read, or write, at the same time. Where it can't be written there is none. */
function write(file, { install, purpose, found, used }) {
  // A run beside this one may have added to it meanwhile.
  let known = read(file);
  const sizes = [...known.modules.values()].reduce((sum, { code }) => sum + code.length, 0);
  if (sizes > LARGEST || known.install !== install) known = { purposes: [], found: {}, modules: new Map() };
  const entries = [...new Map([...known.modules, ...used])].map(([filename, { stamp, text, code, script }]) => {
    const bytes = Buffer.from(text);
    return { filename, stamp, bytes, isAscii: bytes.length === text.length, code: code ?? script.createCachedData() };
  });
  entries.sort((one, other) => Number(other.isAscii) - Number(one.isAscii));
  const parts = [...entries.map(({ bytes }) => bytes), ...entries.map(({ code }) => code)];
  let at = 0;
  const places = parts.map(({ length }) => [at, (at += length)]);
  const modules = entries.map(({ filename, stamp }, i) => [filename, stamp, places[i], places[i + entries.length]]);
  const ascii = entries.reduce((sum, { isAscii, bytes }) => sum + (isAscii ? bytes.length : 0), 0);
  const purposes = [...new Set([...known.purposes, purpose])];
  const index = JSON.stringify({ install, purposes, found: { ...known.found, ...found }, ascii, modules });
  const rest = Buffer.concat([Buffer.from(`${index}\n`), ...parts]);
  const temporary = `${file}.${process.pid}`;
  try {
    writeFileSync(temporary, Buffer.concat([Buffer.from(`${zlib.crc32(rest)}\n`), rest]), { mode: 0o600 });
    renameSync(temporary, file);
  } catch {
    rmSync(temporary, { force: true });
  }
}
