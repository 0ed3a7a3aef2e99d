// Every test, in the order in which a newcomer would want to read them. One process runs them all: most of the time of
// a run would go into starting others.
import { after } from "node:test";
import { writeArtifacts } from "./support/artifacts";
import { closeBucket } from "./support/bucket";
import { closeDatabase } from "./support/database";

after(async () => {
  await writeArtifacts();
  closeBucket();
  await closeDatabase();
});

import "./health.test";
import "./create-documents.test";
import "./read-documents.test";
import "./list-documents.test";
import "./results.test";
import "./worker.test";
import "./schema.test";
