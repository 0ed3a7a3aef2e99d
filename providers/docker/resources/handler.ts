/** What a kind of resource has to know; the provider does the rest from its table. */
import type Docker from "dockerode";
import type {
  CheckRequest,
  CheckResponse,
  CreateRequest,
  CreateResponse,
  DeleteRequest,
  DiffRequest,
  DiffResponse,
  ProviderContext,
  ReadRequest,
  ReadResponse,
  UpdateRequest,
  UpdateResponse,
} from "../../../engine/provider";
import type { RegistryCredentials } from "../registry/credentials";
import type { ResourceSchema } from "../schema/field";

/** What the handlers work with: one configured provider. */
export interface Session {
  /** Connects at the first call, so that a preview of images needs no Engine until it is asked something. */
  engine(): Promise<Docker>;
  credentials: RegistryCredentials;
  /** Labels that everything made gets beside the program's own. */
  labels: Readonly<Record<string, string>>;
  quickReadiness: boolean;
  /** What relative paths of the program are relative to. */
  cwd: string;
  /** `DOCKER_HOST` for the Docker CLI, where the configuration says another than the environment. */
  dockerHost: string | undefined;
  replacements: Replacements;
}

/**
 * Images that are being replaced by the same image under the same name, as when a trigger has changed but no file. To
 * delete the old one would delete the new one.
 */
export interface Replacements {
  /** Ids whose replacement has been announced by a diff. */
  announced: Set<string>;
  /** Ids that a replacement has taken over, so that their deletion is to be passed over once. */
  takenOver: Set<string>;
}

export interface Handler {
  schema: ResourceSchema;
  check?(session: Session, request: CheckRequest): Promise<CheckResponse>;
  diff?(session: Session, request: DiffRequest): Promise<DiffResponse>;
  /** Not called in a preview, unless `previews` says so. */
  create(session: Session, request: CreateRequest, context: ProviderContext): Promise<CreateResponse>;
  /** `undefined`: the resource is gone. */
  read(session: Session, request: ReadRequest, context: ProviderContext): Promise<ReadResponse | undefined>;
  update(session: Session, request: UpdateRequest, context: ProviderContext): Promise<UpdateResponse>;
  delete(session: Session, request: DeleteRequest, context: ProviderContext): Promise<void>;
  /** What comes out of a preview, where it isn't simply what the inputs say. */
  preview?(
    session: Session,
    request: CreateRequest | UpdateRequest,
    context: ProviderContext,
  ): Promise<CreateResponse | UpdateResponse>;
}

/** The official provider's default timeout, in seconds. */
export const DEFAULT_TIMEOUT = 20 * 60;

/**
 * Aborted when the operation is cancelled or `timeout` seconds (0: the default) have passed; the reason says which.
 */
export function withTimeout(context: ProviderContext, timeout: number, what: string): AbortSignal {
  const seconds = timeout || DEFAULT_TIMEOUT;
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new Error(`${what} took longer than ${seconds} s; raise customTimeouts`)),
    Math.min(seconds * 1000, 2 ** 31 - 1),
  );
  timer.unref();
  return AbortSignal.any([context.signal, late.signal]);
}

/** The official provider's own record in the outputs: its schema version and timeouts, in nanoseconds. */
export function metaOf(schema: ResourceSchema): { __meta?: string } {
  const nanoseconds = DEFAULT_TIMEOUT * 1e9;
  const meta = {
    ...(schema.timeouts ? { [TIMEOUTS]: { create: nanoseconds, delete: nanoseconds, update: nanoseconds } } : {}),
    ...(schema.version === undefined ? {} : { schema_version: String(schema.version) }),
  };
  return Object.keys(meta).length > 0 ? { __meta: JSON.stringify(meta) } : {};
}

/** Source: `TimeoutKey` in hashicorp/terraform-plugin-sdk. */
const TIMEOUTS = "e2bfb730-ecaa-11e6-8f88-34363bc7c4c0";
