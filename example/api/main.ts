import type { Server } from "node:http";
import { createPool } from "../database/connect";
import { applyMigrations, migrationsDirectory, readMigrations } from "../database/migrations";
import type { Logger } from "../shared/log";
import { createObjectStore } from "../shared/object-store";
import { runService, type Running } from "../shared/service";
import { numberSetting, readSettings } from "../shared/settings";
import { createApi } from "./server";

runService("api", start);

async function start(log: Logger): Promise<Running> {
  const settings = readSettings();
  const port = numberSetting(process.env, "PORT", 8080, [1, 65_535]);
  const pool = createPool(settings.databaseUrl, "api", 10);
  const store = createObjectStore(settings.objectStore);

  const [applied] = await Promise.all([
    readMigrations(migrationsDirectory()).then((migrations) => applyMigrations(pool, migrations)),
    store.ensureBucket(),
  ]);
  log.info("schema is up to date", { applied });

  const server = createApi({ pool, store }, log);
  await listen(server, port);
  log.info("listening", { port });
  return {
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      await closed;
      await pool.end();
      store.close();
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, () => resolve());
  });
}
