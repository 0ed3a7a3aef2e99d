import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { createS3Client } from "../../shared/object-store";
import { env } from "./env";

const client = createS3Client(env.objectStore);
const Bucket = env.objectStore.bucket;

export interface StoredObject {
  readonly contentType: string | undefined;
  readonly bytes: Buffer;
}

/** Straight at the bucket, past the API; undefined when there is no such object. */
export async function readObject(Key: string): Promise<StoredObject | undefined> {
  try {
    const { Body, ContentType } = await client.send(new GetObjectCommand({ Bucket, Key }));
    return { contentType: ContentType, bytes: Buffer.from((await Body?.transformToByteArray()) ?? []) };
  } catch (error) {
    if ((error as Error).name === "NoSuchKey") return undefined;
    throw error;
  }
}

export async function objectExists(Key: string): Promise<boolean> {
  try {
    await client.send(new HeadObjectCommand({ Bucket, Key }));
    return true;
  } catch (error) {
    if ((error as Error).name === "NotFound") return false;
    throw error;
  }
}

export async function writeObject(Key: string, Body: string): Promise<void> {
  await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentType: "text/plain; charset=utf-8" }));
}

export async function listKeys(Prefix: string): Promise<string[]> {
  const keys: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await client.send(new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken }));
    keys.push(...(page.Contents ?? []).map(({ Key = "" }) => Key));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken);
  return keys;
}

export const closeBucket = () => client.destroy();
