import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "./api-client";
import { env } from "./env";

export interface Result {
  readonly words: number;
  readonly lines: number;
  readonly characters: number;
  readonly sha256: string;
  readonly longestWord: string;
  readonly frequentWords: { word: string; count: number }[];
  readonly readingSeconds: number;
}

export interface Document {
  readonly id: string;
  readonly title: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly status: "queued" | "running" | "done" | "failed";
  readonly attempts: number;
  readonly error: string | null;
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly result: Result | null;
}

export const sha256 = (bytes: Buffer | string) => createHash("sha256").update(bytes).digest("hex");

export const titled = (words: string) => `${words} ${env.runId}`;

export async function create(title: string, body: string): Promise<Document> {
  const { status, json } = await request<Document>("POST", "/documents", { json: { title, body } });
  assert.equal(status, 201);
  return json;
}

export async function get(id: string): Promise<Document> {
  const { status, json } = await request<Document>("GET", `/documents/${id}`);
  assert.equal(status, 200);
  return json;
}

// How long to wait for the worker, in milliseconds. One that has kept a test waiting in vain will do so again: the
// tests after it needn't all wait as long to say so.
let patience = 10_000;

/** The document once the worker is through with it, well or badly. */
export const processed = (id: string) => once(id, ({ status }) => status === "done" || status === "failed");

/** The document once an attempt has failed that isn't the last. */
export const triedInVain = (id: string) => once(id, ({ error }) => error !== null);

async function once(id: string, condition: (document: Document) => boolean): Promise<Document> {
  const deadline = Date.now() + patience;
  for (let pause = 5; ; pause = Math.min(pause * 1.5, 50)) {
    const document = await get(id);
    if (condition(document)) return document;
    if (Date.now() > deadline) {
      const waited = patience;
      patience = 1000;
      assert.fail(
        `document ${id} is still ${document.status} after ${waited / 1000} s (attempts: ${document.attempts})`,
      );
    }
    await sleep(pause);
  }
}
