import { UserError } from "../engine/api";

/** A duration of one or more parts, each a number and its unit. */
export const durationPattern = /^(\d+(\.\d+)?(ms|s|m|h|d))+$/;

const units: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400 };

/** Seconds of a duration such as `90`, `90s`, `1m30s`, `2h`. Throws a {@link UserError} that names `what`. */
export function parseDuration(text: string, what: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  if (!durationPattern.test(text)) {
    throw new UserError(`${what}: expected a duration such as 90s, 5m or 1h30m, not "${text}"`);
  }
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  return parts.reduce((sum, part) => sum + Number(part[1]) * (units[part[2]!] ?? 0), 0);
}

/** A span of time as a person reads it: `0.4s`, `12s`, `3m05s`, `1h02m`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, "0")}s`;
  return `${Math.floor(whole / 3600)}h${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")}m`;
}
