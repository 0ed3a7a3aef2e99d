import { Pool } from "pg";

/** `name` shows in pg_stat_activity, so that a hanging connection can be told whose it is. */
export function createPool(databaseUrl: string, name: string, max: number): Pool {
  const pool = new Pool({
    connectionString: databaseUrl,
    application_name: name,
    max,
    connectionTimeoutMillis: 5000,
    statement_timeout: 10_000,
  });
  // A connection that breaks while nobody uses it is replaced by the next query; unheard, it would end the process.
  pool.on("error", () => {});
  return pool;
}
