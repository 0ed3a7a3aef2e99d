/** The hashes by which Pulumi tells whether an asset or an archive has changed. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extract } from "tar-stream";
import { Archive, Asset, withContentHashes } from "../../engine/values";
import { tarEnd, tarHeader, tarPadding } from "../../engine/values/tar-header";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hash-"));
  mkdirSync(join(folder, "sub"));
  writeFileSync(join(folder, "sub", "b"), "b");
  writeFileSync(join(folder, "a"), "a");
  writeFileSync(join(folder, "x.zip"), "zip");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hashOf = async (value: Asset | Archive): Promise<string | undefined> =>
  (await withContentHashes<Asset | Archive>(value)).fields.hash;
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

test("an asset's is that of its contents, wherever they are", async () => {
  expect(await hashOf(new Asset({ text: "a" }))).toBe(sha256("a"));
  expect(await hashOf(new Asset({ path: join(folder, "a") }))).toBe(sha256("a"));
  expect(await hashOf(new Asset({ uri: `file://${folder}/a` }))).toBe(sha256("a"));
  expect(await hashOf(new Asset({}))).toBe(sha256(""));
});

test("a folder's is that of an archive with the same files; an archive file's is its own", async () => {
  const text = (of: string): Asset => new Asset({ text: of });
  const made = new Archive({
    assets: { sub: new Archive({ assets: { b: text("b") } }), a: text("a"), "x.zip": text("zip") },
  });
  const found = new Archive({ path: folder });
  expect(await hashOf(found)).toBe(await hashOf(made));
  expect(await hashOf(new Archive({ path: join(folder, "x.zip") }))).toBe(sha256("zip"));
});

test("what an archive is made of gets its own too, and one that is there stays", async () => {
  const assets = { kept: new Asset({ path: "/gone", hash: "h" }), text: new Asset({ text: "a" }) };
  const archive = await withContentHashes(new Archive({ assets, hash: "i" }));
  expect(archive).toEqual(
    new Archive({ assets: { ...assets, text: new Asset({ text: "a", hash: sha256("a") }) }, hash: "i" }),
  );
});

test.each([
  [new Asset({ path: "/no/such/file" }), /can't read the asset \/no\/such\/file: ENOENT/],
  [new Asset({ path: "/tmp" }), /the asset \/tmp is a folder/],
  [new Archive({ path: "/etc/hostname" }), /neither a folder nor an archive file/],
  [new Archive({ uri: "https://example.com/x" }), /none of .tar/],
  [new Archive({ assets: { a: new Archive({ path: "x.zip" }) } }), /in another archive is not supported/],
])("%j is refused", async (value, why) => {
  await expect(hashOf(value)).rejects.toThrow(why);
});

test("headers of all lengths are tar", async () => {
  const names = ["a", "é/ü", `${"f".repeat(60)}/${"g".repeat(60)}`, `${"n".repeat(150)}/${"ö".repeat(120)}`];
  const tar = Buffer.concat([
    ...names.flatMap((name) => [tarHeader(name, 3), Buffer.from("abc"), tarPadding(3)]),
    tarEnd,
  ]);
  const found: string[] = [];
  const reader = extract();
  reader.on("entry", (header, stream, next) => {
    found.push(`${header.name} ${header.size}`);
    stream.resume();
    stream.on("end", next);
  });
  reader.end(tar);
  await new Promise((done, fail) => reader.on("finish", () => done(undefined)).on("error", fail));
  expect(found).toEqual(names.map((name) => `${name} 3`));
});
