import path from "node:path";
import { checksumOf, pendingMigrations, readMigrations, toMigration } from "../../example/database/migrations";

const first = toMigration("001-first.sql", "CREATE TABLE a ();\n");
const second = toMigration("002-second.sql", "CREATE TABLE b ();\n");

describe("migrations", () => {
  test("those of the example are numbered without a gap", async () => {
    const migrations = await readMigrations(path.join(__dirname, "../../example/database/migrations"));
    expect(migrations.map(({ version }) => version)).toEqual([1, 2, 3, 4]);
  });

  test.each(["1-first.sql", "001_first.sql", "001-First.sql", "first.sql"])("%s is no name for one", (file) => {
    expect(() => toMigration(file, "")).toThrow(`migration ${file}: the name must look like 001-some-words.sql`);
  });

  test("a checksum is of what a file says, not of its line ends", () => {
    expect(checksumOf("SELECT 1;\r\nSELECT 2;\r\n")).toBe(checksumOf("SELECT 1;\nSELECT 2;"));
    expect(checksumOf("SELECT 1;")).not.toBe(checksumOf("SELECT 2;"));
  });

  test("those that were applied are not applied again", () => {
    expect(pendingMigrations([first, second], [])).toEqual([first, second]);
    expect(pendingMigrations([first, second], [first])).toEqual([second]);
    expect(pendingMigrations([first, second], [first, second])).toEqual([]);
  });

  test("one that has changed since it was applied is refused", () => {
    const changed = toMigration("001-first.sql", "CREATE TABLE c ();\n");
    expect(() => pendingMigrations([changed], [first])).toThrow("migration 001-first.sql has changed since");
  });

  test("a database that is ahead is refused", () => {
    expect(() => pendingMigrations([first], [first, second])).toThrow(
      "the database has migration 002-second.sql, which this version doesn't know",
    );
  });
});
