import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pack } from "tar-stream";
import { extractTar } from "../../run/extract";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "extract-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Entry = Parameters<ReturnType<typeof pack>["entry"]>[0] & { content?: string };

function archive(...entries: Entry[]): Readable {
  const tar = pack();
  for (const { content, ...header } of entries) {
    if (content === undefined) tar.entry(header as never);
    else tar.entry(header as never, content);
  }
  tar.finalize();
  return Readable.from(tar as AsyncIterable<Buffer>);
}

const target = () => join(folder, "out");
const paths = (result: { files: { path: string }[] }) => result.files.map(({ path }) => path).sort();

test("writes files for their owner only, with their times, without the folder's own name", async () => {
  const mtime = new Date("2026-01-02T03:04:05Z");
  const result = await extractTar(
    archive(
      { name: "artifacts/", type: "directory" },
      { name: "artifacts/junit.xml", content: "<x/>", mtime },
      { name: "artifacts/deep/er/file.txt", content: "deep", mode: 0o4777 },
    ),
    target(),
    { strip: 1 },
  );
  expect(paths(result)).toEqual(["deep/er/file.txt", "junit.xml"]);
  expect(readFileSync(join(target(), "deep/er/file.txt"), "utf8")).toBe("deep");
  expect(lstatSync(join(target(), "deep/er/file.txt")).mode & 0o7777).toBe(0o600);
  expect(lstatSync(join(target(), "deep")).mode & 0o777).toBe(0o700);
  expect(result.files.find(({ path }) => path === "junit.xml")).toEqual({
    path: "junit.xml",
    size: 4,
    modified: mtime,
  });
  expect(lstatSync(join(target(), "junit.xml")).mtime).toEqual(mtime);
});

test.each(["../evil", "a/../../evil", "/evil", "a/..", "a\\..\\..\\evil", `${"x".repeat(256)}/file`])(
  "leaves out the name %j",
  async (name) => {
    const result = await extractTar(archive({ name, content: "evil" }, { name: "good", content: "good" }), target());
    expect(paths(result)).toEqual(["good"]);
    expect(result.skipped).toHaveLength(1);
    expect(readdirSync(folder)).toEqual(["out"]);
  },
);

test("leaves out symbolic links, and nothing is written through one", async () => {
  const result = await extractTar(
    archive(
      { name: "out", type: "symlink", linkname: "/tmp" },
      { name: "out/evil", content: "evil" },
      { name: "passwd", type: "symlink", linkname: "/etc/passwd" },
    ),
    target(),
  );
  expect(result.skipped.map(({ path }) => path)).toEqual(["out", "passwd"]);
  expect(paths(result)).toEqual(["out/evil"]);
  expect(lstatSync(join(target(), "out")).isDirectory()).toBe(true);
});

test("leaves out devices and pipes", async () => {
  const result = await extractTar(
    archive(
      { name: "null", type: "character-device", devmajor: 1, devminor: 3 },
      { name: "disk", type: "block-device", devmajor: 8, devminor: 0 },
      { name: "pipe", type: "fifo" },
    ),
    target(),
  );
  expect(result.skipped.map(({ reason }) => reason)).toEqual(["a character-device", "a block-device", "a fifo"]);
  expect(readdirSync(target())).toEqual([]);
});

test("copies hard links within the archive, and no others", async () => {
  writeFileSync(join(folder, "secret"), "secret");
  const result = await extractTar(
    archive(
      { name: "a/first", content: "text" },
      { name: "a/second", type: "link", linkname: "a/first" },
      { name: "a/third", type: "link", linkname: join(folder, "secret") },
      { name: "a/fourth", type: "link", linkname: "../secret" },
    ),
    target(),
    { strip: 1 },
  );
  expect(paths(result)).toEqual(["first", "second"]);
  expect(readFileSync(join(target(), "second"), "utf8")).toBe("text");
  expect(result.skipped.map(({ path }) => path)).toEqual(["third", "fourth"]);
});

test("takes the first of two entries of one name, and no file for a folder", async () => {
  const result = await extractTar(
    archive({ name: "a", content: "1" }, { name: "a", content: "2" }, { name: "a/b", content: "3" }),
    target(),
  );
  expect(readFileSync(join(target(), "a"), "utf8")).toBe("1");
  expect(result.skipped).toHaveLength(2);
});

test("stops past the limit of bytes and keeps what it has", async () => {
  const result = await extractTar(
    archive({ name: "a", content: "12345" }, { name: "b", content: "67890" }, { name: "c", content: "x" }),
    target(),
    { maxBytes: 8 },
  );
  expect(result.limit).toBe("more than 8 bytes");
  expect(readFileSync(join(target(), "a"), "utf8")).toBe("12345");
  expect(readdirSync(target())).not.toContain("c");
});

test("stops past the limit of entries, folders and links counted", async () => {
  const result = await extractTar(
    archive(
      { name: "a/", type: "directory" },
      { name: "b", type: "symlink", linkname: "a" },
      { name: "c", content: "" },
    ),
    target(),
    { maxEntries: 2 },
  );
  expect(result.limit).toBe("more than 2 files");
  expect(result.files).toEqual([]);
});

test("gives reserved names another", async () => {
  const result = await extractTar(archive({ name: "x/result.json", content: "{}" }), target(), {
    strip: 1,
    rename: (name) => (name === "result.json" ? "tests-result.json" : name),
  });
  expect(paths(result)).toEqual(["tests-result.json"]);
});

test("rejects an archive that ends early", async () => {
  const whole: Buffer[] = [];
  for await (const chunk of archive({ name: "a", content: "x".repeat(5000) })) whole.push(chunk as Buffer);
  const half = Readable.from([Buffer.concat(whole).subarray(0, 2000)]);
  await expect(extractTar(half, target())).rejects.toThrow(/end/i);
});

test("lets go of the archive where it can't be written, so that its container isn't kept", async () => {
  const endless = Readable.from(
    (function* () {
      for (;;) yield Buffer.alloc(65536);
    })(),
  );
  writeFileSync(target(), "a file where the folder goes");
  await expect(extractTar(endless, target())).rejects.toThrow(/EEXIST|ENOTDIR/);
  expect(endless.destroyed).toBe(true);
});
