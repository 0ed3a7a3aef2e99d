type Fields = Record<string, unknown>;

/** One JSON object a line on stdout, so that the log of a container can be read by people and by programs. */
export interface Logger {
  info(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

export function createLogger(service: string): Logger {
  const write = (level: string) => (message: string, fields?: Fields) => {
    process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, service, message, ...fields })}\n`);
  };
  return { info: write("info"), error: write("error") };
}

/** The message of anything thrown; an error without one (a refused connection to several addresses) tells its code. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const inner = thrown instanceof AggregateError ? thrown.errors.map(messageOf).join("; ") : "";
  return thrown.message || inner || (thrown as NodeJS.ErrnoException).code || thrown.name;
}
