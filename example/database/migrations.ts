import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientBase, Pool } from "pg";

/** A numbered SQL file, such as `002-jobs.sql`. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/** A migration that was applied, as the database remembers it. */
export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

// Any number that no other user of the database's advisory locks takes.
const advisoryLock = 7_325_001;

/** Beside the bundle in the image; the developer's stack names the checkout's own directory. */
export function migrationsDirectory(env: Record<string, string | undefined> = process.env): string {
  return env["MIGRATIONS_DIR"] ?? path.join(__dirname, "migrations");
}

/** Reads `NNN-name.sql` files in the order of their numbers; throws when two share one or a name is another. */
export async function readMigrations(directory: string): Promise<Migration[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith(".sql")).sort();
  const migrations = await Promise.all(
    files.map(async (file) => toMigration(file, await readFile(path.join(directory, file), "utf8"))),
  );
  migrations.forEach((migration, index) => {
    if (migration.version !== index + 1) {
      throw new Error(`migration ${migration.name} has number ${migration.version}, expected ${index + 1}`);
    }
  });
  return migrations;
}

export function toMigration(file: string, sql: string): Migration {
  const match = /^(\d{3})-[a-z0-9-]+\.sql$/.exec(file);
  if (!match) throw new Error(`migration ${file}: the name must look like 001-some-words.sql`);
  return { version: Number(match[1]), name: file, sql, checksum: checksumOf(sql) };
}

/** Of what the file says, not of how its lines end: a checkout on Windows must not look like another schema. */
export function checksumOf(sql: string): string {
  return createHash("sha256").update(sql.replace(/\r\n/g, "\n").trimEnd()).digest("hex");
}

/**
 * Which of `migrations` are still to be applied. Throws when one that was applied has changed since, or is unknown:
 * a schema that nobody can tell the state of must not be built upon.
 */
export function pendingMigrations(migrations: Migration[], applied: AppliedMigration[]): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.version, migration]));
  for (const { version, name, checksum } of applied) {
    const migration = known.get(version);
    if (!migration) throw new Error(`the database has migration ${name}, which this version doesn't know`);
    if (migration.checksum !== checksum)
      throw new Error(`migration ${migration.name} has changed since it was applied`);
  }
  const done = new Set(applied.map(({ version }) => version));
  return migrations.filter(({ version }) => !done.has(version));
}

/** Brings the schema up to date and returns the names of what was applied; several processes may try at once. */
export async function applyMigrations(pool: Pool, migrations: Migration[]): Promise<string[]> {
  const client = await pool.connect();
  try {
    await client.query("SELECT pg_advisory_lock($1)", [advisoryLock]);
    try {
      await client.query(`
        CREATE TABLE IF NOT EXISTS schema_migrations (
          version integer PRIMARY KEY,
          name text NOT NULL,
          checksum text NOT NULL,
          applied_at timestamptz NOT NULL DEFAULT now()
        )`);
      const pending = pendingMigrations(migrations, await appliedMigrations(client));
      for (const migration of pending) await apply(client, migration);
      return pending.map(({ name }) => name);
    } finally {
      await client.query("SELECT pg_advisory_unlock($1)", [advisoryLock]);
    }
  } finally {
    client.release();
  }
}

/** Returns once all of `migrations` are in the database; throws after `timeoutMs`. */
export async function waitForMigrations(pool: Pool, migrations: Migration[], timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const { rows } = await pool.query<{ there: boolean }>(
      "SELECT to_regclass('schema_migrations') IS NOT NULL AS there",
    );
    const pending = rows[0]?.there ? pendingMigrations(migrations, await appliedMigrations(pool)) : migrations;
    if (pending.length === 0) return;
    if (Date.now() > deadline) {
      throw new Error(`waited ${timeoutMs / 1000} s for migration ${pending[0]?.name}: is the API running?`);
    }
    await sleep(25);
  }
}

async function apply(client: ClientBase, migration: Migration): Promise<void> {
  await client.query("BEGIN");
  try {
    await client.query(migration.sql);
    const { version, name, checksum } = migration;
    await client.query("INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)", [version, name, checksum]); // prettier-ignore
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw new Error(`migration ${migration.name} failed: ${error instanceof Error ? error.message : error}`);
  }
}

async function appliedMigrations(db: Pick<ClientBase | Pool, "query">): Promise<AppliedMigration[]> {
  const { rows } = await db.query<AppliedMigration>("SELECT version, name, checksum FROM schema_migrations ORDER BY version"); // prettier-ignore
  return rows;
}
