/** What every process of the example is told by its environment; there is no other source. */
export interface Settings {
  readonly databaseUrl: string;
  readonly objectStore: ObjectStoreSettings;
}

export interface ObjectStoreSettings {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Thrown with one line for a person: which variables are missing or wrong. */
export class SettingsError extends Error {}

type Environment = Record<string, string | undefined>;

/** For a process that needs the database alone. */
export function readDatabaseUrl(env: Environment = process.env): string {
  return urlSetting(env, "DATABASE_URL", ["postgres:", "postgresql:"]);
}

export function readSettings(env: Environment = process.env): Settings {
  const required = [
    "DATABASE_URL",
    "S3_ENDPOINT",
    "S3_BUCKET",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_REGION",
  ];
  const missing = required.filter((name) => !env[name]);
  if (missing.length > 0) throw new SettingsError(`set ${missing.join(", ")}: required, but not in the environment`);
  return {
    databaseUrl: readDatabaseUrl(env),
    objectStore: {
      endpoint: urlSetting(env, "S3_ENDPOINT", ["http:", "https:"]),
      bucket: textSetting(env, "S3_BUCKET"),
      region: textSetting(env, "AWS_REGION"),
      accessKeyId: textSetting(env, "AWS_ACCESS_KEY_ID"),
      secretAccessKey: textSetting(env, "AWS_SECRET_ACCESS_KEY"),
    },
  };
}

/** A whole number within bounds, or `fallback` where the variable isn't set. */
export function numberSetting(env: Environment, name: string, fallback: number, bounds: [number, number]): number {
  const text = env[name];
  if (text === undefined || text === "") return fallback;
  const value = Number(text);
  const [least, most] = bounds;
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new SettingsError(`${name} is ${JSON.stringify(text)}: expected a whole number from ${least} to ${most}`);
  }
  return value;
}

function textSetting(env: Environment, name: string): string {
  return env[name] ?? "";
}

function urlSetting(env: Environment, name: string, schemes: string[]): string {
  const text = textSetting(env, name);
  const scheme = URL.canParse(text) ? new URL(text).protocol : undefined;
  // The value isn't repeated: a database's address holds its password.
  if (!scheme || !schemes.includes(scheme))
    throw new SettingsError(`${name} is not a URL that starts with ${schemes[0]}//`);
  return text;
}
