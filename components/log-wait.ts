import * as command from "@pulumi/command";
import type * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import { seconds } from "./duration";
import type { LogReadiness } from "./readiness";

/**
 * Follows CONTAINER's log until grep, in MODE (-F or -E), finds PATTERN; fails at once when the container stops, and
 * after TIMEOUT seconds. For any POSIX shell and a docker client.
 *
 * The log comes through a named pipe, so that no member of a pipeline is left waiting for one more line. The helpers in
 * the background write nowhere: whoever holds the command's own output open keeps its caller waiting. The sleep is
 * killed by the one signal that a child, as long as it is a copy of its shell, can't catch and lose.
 */
const script = `
scratch=$(mktemp -d) || exit 1
mkfifo "$scratch/log"
docker logs --follow "$CONTAINER" >"$scratch/log" 2>&1 </dev/null & follower=$!
(
  trap 'kill -9 $! 2>/dev/null; exit 0' TERM
  sleep "$TIMEOUT" & wait $!
  : >"$scratch/late"
  kill $follower
) >/dev/null 2>&1 </dev/null & timer=$!
trap 'kill $follower $timer 2>/dev/null; wait 2>/dev/null; rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
grep -q "$MODE" -e "$PATTERN" <"$scratch/log" && exit 0
if [ -e "$scratch/late" ]; then
  why="nothing like it within $TIMEOUT s"
else
  end=$(docker inspect --format 'exit code {{.State.ExitCode}}' "$CONTAINER" 2>/dev/null)
  why="the container stopped before it (\${end:-it is gone})"
fi
{
  echo "waiting for the log line \\"$PATTERN\\": $why; its last lines:"
  docker logs --tail 20 "$CONTAINER" 2>&1
} >&2
exit 1
`.trim();

/** A resource that is created when the container has written the line, and fails when it never will. */
export function logWait(
  name: string,
  container: docker.Container,
  readiness: LogReadiness,
  options: pulumi.CustomResourceOptions,
): command.local.Command {
  return new command.local.Command(
    name,
    {
      create: script,
      environment: {
        CONTAINER: container.id,
        MODE: readiness.kind === "log" ? "-F" : "-E",
        PATTERN: readiness.kind === "log" ? readiness.line : readiness.pattern,
        TIMEOUT: String(seconds(readiness.timeout)),
      },
    },
    options,
  );
}
