import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import type { ObjectStoreSettings } from "./settings";

/** The bucket as the services see it. */
export interface ObjectStore {
  /** Makes the bucket where it isn't there yet; any number of processes may do so at once. */
  ensureBucket(): Promise<void>;
  /** Throws when the bucket can't be reached. */
  check(): Promise<void>;
  put(key: string, body: string | Uint8Array, contentType: string): Promise<void>;
  /** The object's bytes, or undefined when there is none of that key. */
  get(key: string): Promise<Buffer | undefined>;
  remove(keys: string[]): Promise<void>;
  close(): void;
}

/** The key of a document's body, as it was sent. */
export const bodyKey = (documentId: string) => `documents/${documentId}.txt`;

/** The key of the result that the worker writes. */
export const resultKey = (documentId: string) => `results/${documentId}.json`;

export function createS3Client(settings: ObjectStoreSettings): S3Client {
  // It warns, in every log, of the Node that its later versions will need; which version is used is pinned.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
  return new S3Client({
    endpoint: settings.endpoint,
    region: settings.region,
    credentials: { accessKeyId: settings.accessKeyId, secretAccessKey: settings.secretAccessKey },
    // Servers other than AWS's are rarely set up to have a host name for every bucket,
    forcePathStyle: true,
    // nor do all of them know the checksums that the client adds by default.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
}

export function createObjectStore(settings: ObjectStoreSettings): ObjectStore {
  const client = createS3Client(settings);
  const Bucket = settings.bucket;
  return {
    async ensureBucket() {
      try {
        await client.send(new HeadBucketCommand({ Bucket }));
      } catch (error) {
        if (!isNotFound(error)) throw error;
        await client.send(new CreateBucketCommand({ Bucket })).catch((reason: unknown) => {
          if (nameOf(reason) !== "BucketAlreadyOwnedByYou" && nameOf(reason) !== "BucketAlreadyExists") throw reason;
        });
      }
    },
    async check() {
      await client.send(new HeadBucketCommand({ Bucket }));
    },
    async put(Key, Body, ContentType) {
      await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentType }));
    },
    async get(Key) {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
        return Buffer.from((await Body?.transformToByteArray()) ?? []);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    async remove(keys) {
      await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }));
    },
    close: () => client.destroy(),
  };
}

function isNotFound(error: unknown): boolean {
  return ["NotFound", "NoSuchKey", "NoSuchBucket"].includes(nameOf(error));
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}
