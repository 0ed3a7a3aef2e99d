/**
 * Which secrets manager a stack has: that of its checkpoint or settings where the passphrase is given, else one with a
 * random key of the user's own, kept in a file outside any checkout.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { UserError } from "../api";
import { deriveKey, openKeyedManager, openPassphraseManager, type SecretsManager } from "./passphrase";

export interface SecretsSource {
  env: NodeJS.ProcessEnv;
  /** The salt of the checkpoint or of Pulumi.<stack>.yaml, if there is one. */
  salt?: string;
}

/** Throws a UserError where secrets of the stack can't be read with what is at hand. */
export function openStackSecrets({ env, salt }: SecretsSource): SecretsManager {
  const passphrase = givenPassphrase(env);
  if (passphrase !== undefined) {
    if (salt) return openPassphraseManager(passphrase, salt);
    return lazily(() => openKeyedManager(deriveKey(passphrase)));
  }
  return lazily(() => {
    const own = ownKey(env);
    if (!salt || salt === own.salt) return openKeyedManager({ salt: own.salt, key: Buffer.from(own.key, "base64") });
    return openPassphraseManager(own.passphrase, salt);
  });
}

/** PULUMI_CONFIG_PASSPHRASE, or the content of the file that PULUMI_CONFIG_PASSPHRASE_FILE names. Empty counts as given. */
export function givenPassphrase(env: NodeJS.ProcessEnv): string | undefined {
  if (env["PULUMI_CONFIG_PASSPHRASE"] !== undefined) return env["PULUMI_CONFIG_PASSPHRASE"];
  const file = env["PULUMI_CONFIG_PASSPHRASE_FILE"];
  if (!file) return undefined;
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new UserError(
      `PULUMI_CONFIG_PASSPHRASE_FILE can't be read (${(error as Error).message}): name a readable file or unset it`,
    );
  }
}

/** The manager isn't made, and no key derived, before something has to be encrypted or decrypted. */
function lazily(open: () => SecretsManager): SecretsManager {
  let manager: SecretsManager | undefined;
  const get = (): SecretsManager => (manager ??= open());
  return {
    type: "passphrase",
    get state() {
      return get().state;
    },
    ready: () => get().ready(),
    encrypt: (plaintext) => get().encrypt(plaintext),
    decrypt: (ciphertext) => get().decrypt(ciphertext),
  };
}

interface OwnKey {
  passphrase: string;
  salt: string;
  /** Base64; derived from the two above, kept to save the half second. */
  key: string;
}

export function ownKey(env: NodeJS.ProcessEnv): OwnKey {
  const file = join(env["XDG_DATA_HOME"] || join(env["HOME"] || homedir(), ".local", "share"), "seatrial", "key.json");
  if (existsSync(file)) {
    try {
      const own = JSON.parse(readFileSync(file, "utf8")) as OwnKey;
      if (own.passphrase && own.salt && own.key) return own;
    } catch {
      // Told below, together with a file that lacks something.
    }
    throw new UserError(
      `${file} can't be read as Seatrial's key: remove it (stacks encrypted with it become unreadable)`,
    );
  }
  const passphrase = randomBytes(32).toString("base64");
  const { salt, key } = deriveKey(passphrase);
  const own: OwnKey = { passphrase, salt, key: key.toString("base64") };
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(own), { mode: 0o600 });
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as OwnKey; // another process was first
  renameSync(temporary, file);
  return own;
}
