import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const root = path.join(__dirname, "../..");

// A checkout of its own: other tests may be building the example's image meanwhile.
let checkout: string;

beforeAll(() => {
  checkout = mkdtempSync(path.join(os.tmpdir(), "seatrial-test-"));
  cpSync(path.join(root, "example"), path.join(checkout, "example"), {
    recursive: true,
    filter: (source) => !source.endsWith(path.join("example", "dist")),
  });
  cpSync(path.join(root, "testing"), path.join(checkout, "testing"), { recursive: true });
  cpSync(path.join(root, "package-lock.json"), path.join(checkout, "package-lock.json"));
  cpSync(path.join(root, "tsconfig.json"), path.join(checkout, "tsconfig.json"));
  symlinkSync(path.join(root, "node_modules"), path.join(checkout, "node_modules"));
}, 30_000);

afterAll(() => rmSync(checkout, { recursive: true, force: true }));

const dist = () => path.join(checkout, "example/dist");

function build(): string {
  return spawnSync(process.execPath, [path.join(checkout, "example/build.mjs")], { encoding: "utf8" }).stderr;
}

function digest(): string {
  const hash = createHash("sha256");
  for (const file of readdirSync(dist(), { recursive: true, encoding: "utf8" }).sort()) {
    hash.update(file);
    if (/\.\w+$/.test(file)) hash.update(readFileSync(path.join(dist(), file)));
  }
  return hash.digest("hex");
}

describe("the example's programs", () => {
  test("are bundled when something has changed, and the same sources make the same bytes", () => {
    expect(build()).toMatch(/made example\/dist/);
    const before = digest();
    expect(build()).toMatch(/is up to date/);
    rmSync(dist(), { recursive: true });
    expect(build()).toMatch(/made example\/dist/);
    expect(digest()).toBe(before);
  }, 60_000);

  test.each(["api", "worker", "tests"])(
    "%s says in one line what its environment lacks, and ends with 1",
    (program) => {
      const env = { PATH: process.env.PATH, S3_BUCKET: "documents" };
      const { stdout, stderr, status } = spawnSync(process.execPath, [path.join(dist(), `${program}.js`)], { env, encoding: "utf8" }); // prettier-ignore
      expect(status).toBe(1);
      const said = (stdout + stderr).trim();
      expect(said.split("\n")).toHaveLength(1);
      expect(said).toContain(
        "set DATABASE_URL, S3_ENDPOINT, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION: required",
      );
    },
  );

  test("the migrations are beside the bundle", () => {
    const files = readdirSync(path.join(root, "example/database/migrations"));
    expect(readdirSync(path.join(dist(), "migrations")).sort()).toEqual(files.sort());
  });

  test("the developer's stack compiles a program as it is started", () => {
    const env = { PATH: process.env.PATH };
    const dev = path.join(checkout, "example/dev.mjs");
    const { stdout, status } = spawnSync(process.execPath, [dev, "api"], { env, encoding: "utf8" });
    expect([JSON.parse(stdout).message, status]).toEqual([expect.stringMatching(/^set DATABASE_URL, .*required/), 1]);
  });
});
