import { z } from "zod";

const milliseconds: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A length of time as text, `500ms`, `90s`, `1m30s` or `2h`; parsed, it is a number of milliseconds. */
export const duration = z.string().transform((text, context): number => {
  const value = parseDuration(text);
  if (value === undefined) {
    context.addIssue({ code: "custom", message: `expected a duration such as "500ms", "90s" or "10m", got "${text}"` });
    return z.NEVER;
  }
  return value;
});

/** As whole seconds, rounded up: what the providers' own time-outs are counted in. */
export function seconds(length: number): number {
  return Math.ceil(length / 1_000);
}

/** As Go prints it (`1m30s`), since that is what the docker provider reads back and compares with. */
export function goDuration(length: number): string {
  if (length < 1_000) {
    return `${length}ms`;
  }
  const hours = Math.floor(length / 3_600_000);
  const minutes = Math.floor(length / 60_000) % 60;
  const rest = (length % 60_000) / 1_000;
  return hours > 0 ? `${hours}h${minutes}m${rest}s` : minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`;
}

function parseDuration(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) {
    return undefined;
  }
  const total = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * milliseconds[unit as string]!, 0);
  return total > 0 ? Math.round(total) : undefined;
}
