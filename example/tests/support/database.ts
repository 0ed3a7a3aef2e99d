import { Pool, type QueryResultRow } from "pg";
import { env } from "./env";

const pool = new Pool({ connectionString: env.databaseUrl, application_name: "tests", max: 8 });

/** Straight at the database, past the API. */
export async function query<T extends QueryResultRow>(sql: string, values: unknown[] = []): Promise<T[]> {
  return (await pool.query<T>(sql, values)).rows;
}

/** The SQLSTATE that a statement is refused with, or "accepted": it is rolled back in either case. */
export async function refusalOf(sql: string, values: unknown[] = []): Promise<string> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query(sql, values);
    return "accepted";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  } finally {
    await client.query("ROLLBACK");
    client.release();
  }
}

export const closeDatabase = () => pool.end();
