/**
 * Pulumi's passphrase secrets manager: what it encrypts the CLI can decrypt, and the other way round.
 *
 * The key is PBKDF2-SHA256 of the passphrase (1,000,000 iterations, 32 bytes), the cipher AES-256-GCM with a nonce of
 * 12 bytes. The salt travels with the stack as `v1:<salt>:<v1:nonce:ciphertext of "pulumi">`, so that a wrong
 * passphrase is noticed before it does harm.
 *
 * Source: `sdk/go/common/resource/config/crypt.go` and `pkg/secrets/passphrase/manager.go` in pulumi/pulumi.
 */
import { createCipheriv, createDecipheriv, pbkdf2, pbkdf2Sync, randomBytes } from "node:crypto";

const ITERATIONS = 1_000_000;
const KEY_BYTES = 32;
const SALT_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CHECK_TEXT = "pulumi";

export interface SecretsManager {
  readonly type: "passphrase";
  /** What the checkpoint keeps of it. */
  readonly state: { salt: string };
  /** Starts deriving the key, which takes about half a second of another thread's time; resolves when it is there. */
  ready(): Promise<void>;
  encrypt(plaintext: string): string;
  /** Throws where the text was not encrypted with this key. */
  decrypt(ciphertext: string): string;
}

/** The key of one passphrase and salt, as bytes; kept so that it is derived once. */
export interface DerivedKey {
  salt: string;
  key: Buffer;
}

/** Opens the manager of an existing salt. Throws where the passphrase isn't the right one, at the first use. */
export function openPassphraseManager(passphrase: string, saltState: string): SecretsManager {
  const { salt, check } = parseSalt(saltState);
  let key: Buffer | undefined;
  let pending: Promise<void> | undefined;
  const accept = (derived: Buffer): Buffer => {
    if (tryDecrypt(derived, check) !== CHECK_TEXT) {
      throw new Error("incorrect passphrase: PULUMI_CONFIG_PASSPHRASE is not the one this stack was encrypted with");
    }
    return (key = derived);
  };
  const need = (): Buffer => key ?? accept(pbkdf2Sync(passphrase, salt, ITERATIONS, KEY_BYTES, "sha256"));
  return {
    type: "passphrase",
    state: { salt: saltState },
    ready: () =>
      (pending ??= key
        ? Promise.resolve()
        : new Promise((resolve, reject) =>
            pbkdf2(passphrase, salt, ITERATIONS, KEY_BYTES, "sha256", (error, derived) => {
              if (error) return reject(error);
              try {
                accept(derived);
                resolve();
              } catch (wrong) {
                reject(wrong as Error);
              }
            }),
          )),
    encrypt: (plaintext) => encryptWith(need(), plaintext),
    decrypt: (ciphertext) => decryptWith(need(), ciphertext),
  };
}

/** A manager whose key is there already. */
export function openKeyedManager({ salt, key }: DerivedKey): SecretsManager {
  return {
    type: "passphrase",
    state: { salt },
    ready: () => Promise.resolve(),
    encrypt: (plaintext) => encryptWith(key, plaintext),
    decrypt: (ciphertext) => decryptWith(key, ciphertext),
  };
}

/** Makes a new salt for a passphrase. Takes about half a second: the check text has to be encrypted. */
export function deriveKey(passphrase: string): DerivedKey {
  const salt = randomBytes(SALT_BYTES);
  const key = pbkdf2Sync(passphrase, salt, ITERATIONS, KEY_BYTES, "sha256");
  return { salt: `v1:${salt.toString("base64")}:${encryptWith(key, CHECK_TEXT)}`, key };
}

function parseSalt(state: string): { salt: Buffer; check: string } {
  const [version, salt, ...check] = state.split(":");
  if (version !== "v1" || !salt || check.length === 0) {
    throw new Error(`the stack's encryption salt can't be read: "v1:<salt>:<check>" was expected`);
  }
  return { salt: Buffer.from(salt, "base64"), check: check.join(":") };
}

function encryptWith(key: Buffer, plaintext: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const sealed = Buffer.concat([cipher.update(plaintext, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return `v1:${nonce.toString("base64")}:${sealed.toString("base64")}`;
}

function decryptWith(key: Buffer, ciphertext: string): string {
  const plain = tryDecrypt(key, ciphertext);
  if (plain === undefined) throw new Error("a secret can't be decrypted: it was encrypted with another key");
  return plain;
}

function tryDecrypt(key: Buffer, ciphertext: string): string | undefined {
  const [version, nonce, sealed] = ciphertext.split(":");
  if (version !== "v1" || !nonce || sealed === undefined) return undefined;
  const bytes = Buffer.from(sealed, "base64");
  if (bytes.length < TAG_BYTES) return undefined;
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64"));
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
    return decipher.update(bytes.subarray(0, bytes.length - TAG_BYTES), undefined, "utf8") + decipher.final("utf8");
  } catch {
    return undefined;
  }
}
