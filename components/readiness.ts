import type * as docker from "@pulumi/docker";
import { z } from "zod";
import { port } from "./arguments";
import { duration, goDuration, seconds } from "./duration";

const timing = {
  /** How long the service may take, `60s` if not said. */
  timeout: duration.prefault("60s"),
  /**
   * Between two checks of Docker's, which goes on checking as long as the container runs. If not said, `1s`; where
   * Seatrial's own provider finds out by itself when the service is ready, a sixth of `timeout`, between `1s` and `10s`.
   */
  interval: duration.optional(),
};

/** Where a check runs: in a small container beside the service, or in the service's own, if its image has the tools. */
const probe = z.enum(["outside", "inside"], { error: 'expected "outside" or "inside"' }).default("outside");

const status = z.int().min(100).max(599);

/** When a service is ready. Whoever depends on the service waits for it. */
export const readiness = z.discriminatedUnion(
  "kind",
  [
    /** It accepts connections. Inside, the image needs `sh` and `nc`. */
    z.strictObject({ kind: z.literal("tcp"), port, probe, ...timing }),
    /** It answers a GET with one of `status`, or with any 2xx or 3xx. Inside, the image needs `sh` and `wget`. */
    z.strictObject({
      kind: z.literal("http"),
      port,
      path: z
        .string()
        .regex(/^\/[^\s'\\%]*$/, { error: 'expected a path such as "/health"' })
        .default("/"),
      status: z.union([status, z.array(status).min(1)], { error: "expected a status or a list of them" }).optional(),
      probe,
      ...timing,
    }),
    /** A command in its container exits 0: a list of words, or one text for the image's shell. */
    z.strictObject({
      kind: z.literal("command"),
      command: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)], {
        error: "expected a command, as text or as a list of words",
      }),
      ...timing,
    }),
    /** It writes a line that holds `line`, or that `pattern`, an extended regular expression, matches. */
    z.strictObject({ kind: z.literal("log"), line: z.string().min(1), timeout: timing.timeout }),
    z.strictObject({ kind: z.literal("log-pattern"), pattern: z.string().min(1), timeout: timing.timeout }),
  ],
  { error: 'expected a kind: "tcp", "http", "command", "log" or "log-pattern"' },
);

export type Readiness = z.input<typeof readiness>;

/** Readiness that shows in the container's log. */
export type LogReadiness = Extract<z.output<typeof readiness>, { kind: "log" | "log-pattern" }>;

/** Readiness that Docker finds out itself, by a health check. */
export type HealthReadiness = Exclude<z.output<typeof readiness>, LogReadiness>;

export function isInLog(value: z.output<typeof readiness>): value is LogReadiness {
  return value.kind === "log" || value.kind === "log-pattern";
}

/** Whether the container's own health check can find out, with what its image has. */
export function isInside(readiness: HealthReadiness): boolean {
  return readiness.kind === "command" || readiness.probe === "inside";
}

/**
 * The inputs that make the docker provider create a container only when it is ready. What Docker checks takes it a
 * process each time: where nobody waits for that, as SEATRIAL_OWN_PROVIDERS tells, it is checked less often.
 */
export function waitsUntil(
  readiness: HealthReadiness,
): Required<Pick<docker.ContainerArgs, "healthcheck" | "wait" | "waitTimeout">> {
  const { timeout } = readiness;
  const often = process.env.SEATRIAL_OWN_PROVIDERS
    ? Math.min(Math.max(1_000, Math.floor(timeout / 6_000) * 1_000), 10_000)
    : 1_000;
  const interval = readiness.interval ?? often;
  return {
    healthcheck: {
      tests: check(readiness),
      interval: goDuration(interval),
      timeout: "5s",
      retries: Math.max(1, Math.ceil(timeout / interval)),
    },
    wait: true,
    waitTimeout: seconds(timeout),
  };
}

function check(readiness: HealthReadiness): string[] {
  switch (readiness.kind) {
    case "tcp":
      return ["CMD-SHELL", tcpCheck(readiness.port)];
    case "http":
      return ["CMD-SHELL", httpCheck(readiness.port, readiness.path, readiness.status)];
    case "command":
      return typeof readiness.command === "string" ? ["CMD-SHELL", readiness.command] : ["CMD", ...readiness.command];
  }
}

/** BusyBox's nc knows `-z` or can be built without it; then it runs a command once it is connected. */
function tcpCheck(port: number): string {
  return `nc -z 127.0.0.1 ${port} 2>/dev/null || nc 127.0.0.1 ${port} -e true`;
}

/** By the status line that wget shows, whichever wget it is; not by its exit code, which a 404 that is expected spoils. */
function httpCheck(port: number, path: string, status: number | number[] | undefined): string {
  const expected = status === undefined ? ["2??", "3??"] : [status].flat();
  return (
    `wget -S -O /dev/null 'http://127.0.0.1:${port}${path}' 2>&1 | { while read -r line; do ` +
    `case "$line" in ${expected.map((code) => `*"HTTP/1."?" "${code}*`).join("|")}) exit 0;; esac; ` +
    `echo "$line"; done; exit 1; }`
  );
}
