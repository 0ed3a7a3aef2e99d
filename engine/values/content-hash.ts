/**
 * The hashes of assets and archives, by which the engine tells whether their contents have changed. An asset's is that
 * of its contents, an archive file's that of the file; any other archive's is that of the tar archive that Go's
 * `archive/tar` makes of its files, in the order of their names and without anything about them but name and size.
 *
 * Source: `sdk/go/common/resource/{asset,archive}` in pulumi/pulumi.
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, posix, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Archive, Asset, mapValue, type PropertyMap, type PropertyValue, someValue } from "./property-value";
import { tarEnd, tarHeader, tarPadding } from "./tar-header";

/**
 * The value with a hash on every asset and archive that has none; relative paths are those of the current folder.
 * Rejects where contents can't be read.
 */
export async function withContentHashes<T extends PropertyValue>(value: T): Promise<T> {
  const hashes = new Map<PropertyValue, string>();
  const lacking: (Asset | Archive)[] = [];
  someValue(value, (inner) => {
    if ((inner instanceof Asset || inner instanceof Archive) && inner.fields.hash === undefined) lacking.push(inner);
    return false;
  });
  if (lacking.length === 0) return value;
  for (const one of lacking) hashes.set(one, await hashOf(one));
  return withHashes(value, hashes) as T;
}

function withHashes(value: PropertyValue, hashes: Map<PropertyValue, string>): PropertyValue {
  return mapValue(value, (inner) => {
    const hash = hashes.get(inner);
    if (hash === undefined) return undefined;
    if (inner instanceof Asset) return new Asset({ ...inner.fields, hash });
    const { assets, ...rest } = (inner as Archive).fields;
    return new Archive({ ...rest, hash, ...(assets ? { assets: withHashes(assets, hashes) as PropertyMap } : {}) });
  });
}

async function hashOf(value: Asset | Archive): Promise<string> {
  const hash = createHash("sha256");
  if (value instanceof Asset) await add(hash, await contentsOf(value));
  else if (isArchiveFile(value)) await add(hash, await contentsOf(new Asset(pathOrUri(value))));
  else await addTar(hash, value);
  return hash.digest("hex");
}

async function addTar(hash: Hash, archive: Archive): Promise<void> {
  const seen = new Set<string>();
  for await (const { name, contents } of filesOf(archive)) {
    if (seen.has(name)) continue;
    seen.add(name);
    hash.update(tarHeader(name, contents.size));
    await add(hash, contents);
    hash.update(tarPadding(contents.size));
  }
  hash.update(tarEnd);
}

interface Contents {
  size: number;
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

async function add(hash: Hash, { chunks }: Contents): Promise<void> {
  for await (const chunk of chunks) hash.update(chunk);
}

async function contentsOf({ fields: { path, uri, text } }: Asset): Promise<Contents> {
  if (path !== undefined) return contentsOfFile(resolve(path));
  if (uri !== undefined) return contentsAt(uri);
  const bytes = Buffer.from(text ?? "");
  return { size: bytes.length, chunks: [bytes] };
}

async function contentsOfFile(path: string): Promise<Contents> {
  const found = await stat(path).catch((error: Error) => {
    throw new Error(`can't read the asset ${path}: ${error.message}`);
  });
  if (found.isDirectory()) throw new Error(`the asset ${path} is a folder: make it an archive`);
  return { size: found.size, chunks: createReadStream(path) as AsyncIterable<Uint8Array> };
}

async function contentsAt(uri: string): Promise<Contents> {
  const { protocol } = new URL(uri);
  if (protocol === "file:") return contentsOfFile(fileURLToPath(uri));
  if (protocol !== "http:" && protocol !== "https:") {
    throw new Error(`can't read ${uri}: assets are read from http, https and file addresses`);
  }
  const response = await fetch(uri).catch((error: Error) => {
    throw new Error(`can't read ${uri}: ${String(error.cause ?? error.message)}`);
  });
  if (!response.ok) throw new Error(`can't read ${uri}: the server answers ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { size: bytes.length, chunks: [bytes] };
}

const ARCHIVE_FILE = /\.(tar|tgz|tar\.gz|zip|jar)$/;

function isArchiveFile({ fields: { path, uri } }: Archive): boolean {
  if (uri !== undefined && !ARCHIVE_FILE.test(new URL(uri).pathname)) {
    throw new Error(`the archive ${uri} is none of .tar, .tgz, .tar.gz, .zip and .jar`);
  }
  return uri !== undefined || (path !== undefined && ARCHIVE_FILE.test(path));
}

const pathOrUri = ({ fields: { path, uri } }: Archive): { path: string } | { uri: string } =>
  path === undefined ? { uri: uri! } : { path };

async function* filesOf(archive: Archive): AsyncGenerator<{ name: string; contents: Contents }> {
  if (isArchiveFile(archive)) {
    const file = Object.values(pathOrUri(archive))[0];
    throw new Error(
      `the archive file ${file} in another archive is not supported by the embedded engine: use the Pulumi CLI`,
    );
  }
  const { path, assets = {} } = archive.fields;
  if (path !== undefined) return yield* filesIn(resolve(path), "");
  for (const name of sorted(Object.keys(assets))) {
    const member = assets[name];
    if (member instanceof Asset) yield { name, contents: await contentsOf(member) };
    else if (member instanceof Archive) {
      for await (const inner of filesOf(member)) yield { ...inner, name: posix.join(name, inner.name) };
    } else throw new Error(`"${name}" in an archive is neither an asset nor an archive`);
  }
}

/** The files in a folder, but for Pulumi's own; links to folders are left out. */
async function* filesIn(folder: string, prefix: string): AsyncGenerator<{ name: string; contents: Contents }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOTDIR") throw new Error(`the archive ${folder} is neither a folder nor an archive file`);
    throw new Error(`can't read the archive ${folder}: ${error.message}`);
  });
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  for (const name of sorted([...byName.keys()])) {
    const entry = byName.get(name)!;
    const path = join(folder, name);
    if (name === ".pulumi") continue;
    if (entry.isDirectory()) yield* filesIn(path, `${prefix}${name}/`);
    else if (!entry.isSymbolicLink() || !(await stat(path)).isDirectory()) {
      yield { name: prefix + name, contents: await contentsOfFile(path) };
    }
  }
}

/** By their bytes, as Go sorts. */
const sorted = (names: string[]): string[] => names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
