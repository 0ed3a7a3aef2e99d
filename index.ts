// The system under test: its parts, what each of them needs, and the tests that try it.
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { Api, AppImage, BaseImages, Database, Network, ObjectStore, Tests, Worker, runInfo } from "./components";
import { flag, passthrough, portSetting, readSettings, secretSetting, structured, timeSetting } from "./components";

// What can be set: in Pulumi.<stack>.yaml, or with --config seatrial:<key>=<value>.
const settings = readSettings({
  "images.app": z.string().optional(), // images to use as they are, instead of building or finding them
  "images.database": z.string().optional(),
  "images.store": z.string().optional(),
  "images.probe": z.string().optional(),
  "images.node": z.string().optional(), // what the app's image is built from
  "images.postgres": z.string().optional(), // what the database's image is built from
  "database.password": secretSetting.prefault("for-tests-only"),
  "database.seeded": flag.default(false), // from an image, made once, in which the migrations are applied already
  "store.accessKey": secretSetting.prefault("for-tests-only"),
  "store.secretKey": secretSetting.prefault("for-tests-only-secret"),
  "data.kept": flag.default(false), // in volumes, instead of going with the containers
  "sources.mounted": flag.default(false), // from the checkout, instead of what is in the image
  "ready.timeout": timeSetting.optional(), // of each service: "60s"
  "api.hostPort": portSetting.optional(), // where this machine reaches the API: nowhere, if not set
  "api.passthrough": structured(passthrough).optional(), // {secret: [NAME…], public: [NAME…]} of the calling environment
  "worker.passthrough": structured(passthrough).optional(),
  "tests.passthrough": structured(passthrough).optional(),
  "tests.enabled": flag.default(true), // without a run too, such as that of "seatrial test", which always has them
  "tests.command": structured(z.array(z.string()).min(1)).prefault(["node", "/app/tests.js"]),
  "tests.timeout": timeSetting.optional(), // "20m"
});
const { commit, run } = runInfo();
const { "ready.timeout": readyTimeout, "data.kept": keepData, "sources.mounted": mounted } = settings;

const given = { database: settings["images.database"], app: process.env.IMAGE || settings["images.app"] };
const bases = new BaseImages("bases", {
  command: "node scripts/base-image.mjs",
  images: {
    probe: settings["images.probe"],
    "object-store": settings["images.store"],
    postgres: given.database ?? settings["images.postgres"], // not looked for where nothing is built from it
    node: given.app ?? settings["images.node"],
  },
}).references;
const databaseImage = new AppImage("database", {
  image: given.database,
  name: `seatrial-example-database:${commit}`,
  context: "example/database",
  base: bases.postgres,
}).reference;
const appImage = new AppImage("app", {
  image: given.app,
  name: `seatrial-example-api:${commit}`,
  context: "example",
  base: bases.node,
  prepare: "node example/build.mjs",
}).reference;

const network = new Network("network");
const password = settings["database.password"];
const migrate = {
  ...{ name: "migrate", image: appImage, command: ["node", "/app/migrate.js"] },
  environment: { DATABASE_URL: pulumi.interpolate`postgres://seatrial:${password}@127.0.0.1:5432/seatrial` },
  decidedBy: ["example/database", "example/shared", "package-lock.json"],
};
const seed = settings["database.seeded"] ? { name: "seatrial-example-seeded", steps: [migrate] } : undefined;
const account = { user: "seatrial", password };
const db = new Database("db", { image: databaseImage, network, ...account, seed, keepData, readyTimeout });
const keys = { accessKey: settings["store.accessKey"], secretKey: settings["store.secretKey"] };
const { "object-store": storeImage, probe: probeImage } = bases;
const store = new ObjectStore("store", { image: storeImage, network, ...keys, keepData, probeImage, readyTimeout });

// The API migrates the database and makes the bucket; the worker waits for that by itself.
const environment = { DATABASE_URL: db.url, S3_BUCKET: "documents", ...store.clientEnvironment };
const checkout = ["example", "node_modules"].map((source) => ({ source, target: `/app/${source}`, readOnly: true }));
const app = (name: "api" | "worker") => ({
  ...{ image: appImage, network, environment, passthrough: settings[`${name}.passthrough`], readyTimeout },
  command: mounted ? ["node", "/app/example/dev.mjs", name] : ["node", `/app/${name}.js`],
  volumes: mounted ? checkout : [],
});
const stores = { dependsOn: [db, store] };
const api = new Api("api", { ...app("api"), hostPort: settings["api.hostPort"], probeImage }, stores);
const worker = new Worker("worker", { ...app("worker"), readyLine: "worker ready" }, stores);

const testsArgs = {
  ...{ image: appImage, network, command: settings["tests.command"], passthrough: settings["tests.passthrough"] },
  environment: { ...environment, API_URL: api.url },
  inputs: [{ source: "example/tests/fixtures", target: "/inputs" }],
  timeout: settings["tests.timeout"],
};
const wanted = run !== undefined || settings["tests.enabled"];
const tests = wanted ? new Tests("tests", testsArgs, { dependsOn: [api, worker, db, store] }) : undefined;

export = {
  // The tests' own code, what they wrote (secret), where in their container the artifacts are, and the one among them
  // without which a run is not green.
  ...(tests && { exitCode: tests.exitCode, logs: tests.logs, artifacts: tests.artifacts, junit: "junit.xml" }),
  ...(api.publishedUrl && { apiUrl: api.publishedUrl }),
};
