// The migrations alone, for who wants to apply them before the API starts. The API applies them too.
import { createLogger, messageOf } from "../shared/log";
import { readDatabaseUrl } from "../shared/settings";
import { createPool } from "./connect";
import { applyMigrations, migrationsDirectory, readMigrations } from "./migrations";

const log = createLogger("migrate");

async function main(): Promise<void> {
  const pool = createPool(readDatabaseUrl(), "migrate", 1);
  try {
    const applied = await applyMigrations(pool, await readMigrations(migrationsDirectory()));
    log.info("schema is up to date", { applied });
  } finally {
    await pool.end();
  }
}

main().catch((error: unknown) => {
  log.error(messageOf(error));
  process.exitCode = 1;
});
