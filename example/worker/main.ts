import { Client } from "pg";
import { createPool } from "../database/connect";
import { failAbandonedJobs, takeJob } from "./jobs";
import { migrationsDirectory, readMigrations, waitForMigrations } from "../database/migrations";
import { messageOf, type Logger } from "../shared/log";
import { createObjectStore } from "../shared/object-store";
import { runService, type Running } from "../shared/service";
import { numberSetting, readSettings } from "../shared/settings";
import { processJob } from "./process-job";

runService("worker", start);

async function start(log: Logger): Promise<Running> {
  const settings = readSettings();
  const concurrency = numberSetting(process.env, "WORKER_CONCURRENCY", 4, [1, 64]);
  const pollMs = numberSetting(process.env, "WORKER_POLL_MS", 2000, [10, 60_000]);
  const retryMs = numberSetting(process.env, "WORKER_RETRY_MS", 100, [1, 600_000]);
  const leaseSeconds = numberSetting(process.env, "WORKER_LEASE_SECONDS", 30, [1, 3600]);

  const pool = createPool(settings.databaseUrl, "worker", concurrency + 1);
  const store = createObjectStore(settings.objectStore);
  await waitForMigrations(pool, await readMigrations(migrationsDirectory()), 30_000);
  await store.ensureBucket();

  const doorbell = createDoorbell();
  // A notification wakes at once; polling is for those that were lost and for jobs that others have died over.
  const listener = await listen(settings.databaseUrl, doorbell.ring, log);
  const poll = setInterval(() => {
    doorbell.ring();
    failAbandonedJobs(pool, leaseSeconds).catch((error: unknown) => log.error(messageOf(error)));
  }, pollMs);

  let stopping = false;
  const loops = Array.from({ length: concurrency }, async () => {
    while (!stopping) {
      const heard = doorbell.heard();
      try {
        const job = await takeJob(pool, leaseSeconds);
        if (!job) {
          await doorbell.since(heard);
          continue;
        }
        const delay = await processJob(job, pool, store, log, retryMs);
        if (delay !== undefined) setTimeout(doorbell.ring, delay).unref();
      } catch (error) {
        log.error(`could not work: ${messageOf(error)}`);
        await doorbell.since(heard);
      }
    }
  });

  log.info("worker ready", { concurrency });
  return {
    async stop() {
      stopping = true;
      clearInterval(poll);
      doorbell.ring();
      await Promise.all(loops);
      await listener.end();
      await pool.end();
      store.close();
    },
  };
}

interface Doorbell {
  ring(): void;
  /** How often it has rung. */
  heard(): number;
  /** Resolves when it rings, at once if it has rung since it was heard `count` times. */
  since(count: number): Promise<void>;
}

// A ring between looking for a job and going to sleep must not be lost: hence the count.
function createDoorbell(): Doorbell {
  let rings = 0;
  let waiting: (() => void)[] = [];
  return {
    ring() {
      rings += 1;
      for (const wake of waiting.splice(0)) wake();
    },
    heard: () => rings,
    since: (count) => (rings > count ? Promise.resolve() : new Promise((resolve) => (waiting = [...waiting, resolve]))),
  };
}

async function listen(databaseUrl: string, ring: () => void, log: Logger): Promise<Client> {
  const client = new Client({ connectionString: databaseUrl, application_name: "worker-listener" });
  // Nothing reconnects it: without notifications the worker would be slow and look healthy. Ending is clearer.
  client.on("error", (error) => {
    log.error(`lost the connection for notifications: ${error.message}`);
    process.exit(1);
  });
  client.on("notification", ring);
  await client.connect();
  await client.query("LISTEN jobs");
  return client;
}
