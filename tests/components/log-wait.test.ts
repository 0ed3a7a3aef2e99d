import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Service } from "../../components";
import { command, inNetwork, run } from "./harness";

/** A docker client whose container writes LINES, then stays, or stops with EXIT. */
const docker = `#!/bin/sh
echo $$ >>"$PIDS"
case "$1 $2" in
"logs --follow")
  printf '%b' "$LINES_OF_LOG"
  if [ -n "$EXIT" ]; then exit 0; fi
  exec sleep 4321 ;;
"logs --tail") printf '%b' "$LINES_OF_LOG" ;;
inspect*) echo "exit code $EXIT" ;;
esac
`;

let folder: string;
let script: string;

beforeAll(async () => {
  const { one } = await run(
    inNetwork((network) => new Service("w", { image: "w:1", network, readiness: { kind: "log", line: "ready" } })),
  );
  script = one(command, "w-ready").inputs.create;
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "log-wait-"));
  writeFileSync(join(folder, "docker"), docker);
  chmodSync(join(folder, "docker"), 0o755);
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

interface Ended {
  code: number | null;
  stderr: string;
  seconds: number;
}

function wait(shell: string[], env: Record<string, string>): Promise<Ended> {
  const started = Date.now();
  const child = spawn(shell[0]!, [...shell.slice(1), "-c", script], {
    env: {
      PATH: `${folder}:${process.env.PATH}`,
      TMPDIR: folder,
      PIDS: join(folder, "pids"),
      CONTAINER: "w-id",
      MODE: "-F",
      PATTERN: "ready",
      TIMEOUT: "4321",
      ...env,
    },
  });
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr += chunk));
  child.stdout.resume();
  return new Promise((resolve) =>
    child.on("close", (code) => resolve({ code, stderr, seconds: (Date.now() - started) / 1_000 })),
  );
}

/** Processes that hold something of this test's folder, and files that it left there. */
function leftovers(): string[] {
  const processes = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(folder) || line.endsWith("sleep 4321"));
  return [...processes, ...readdirSync(folder).filter((name) => name.startsWith("tmp"))];
}

const shells = [["/bin/sh"], ["busybox", "sh"]].filter(
  ([name]) => name!.startsWith("/") || existsSync(`/usr/bin/${name}`) || existsSync(`/bin/${name}`),
);

describe.each(shells.map((shell) => [shell.join(" "), shell] as const))("with %s", (_name, shell) => {
  test("the line ends the wait at once, and nothing stays behind", async () => {
    // Many at once, since what stays behind does so only now and then.
    const waits = Array.from({ length: 30 }, () => wait(shell, { LINES_OF_LOG: "starting\\nworker ready\\n" }));
    for (const { code, seconds } of await Promise.all(waits)) {
      expect(code).toBe(0);
      expect(seconds).toBeLessThan(10);
    }
    expect(leftovers()).toEqual([]);
  });

  test("a fixed text is no regular expression, a pattern is one", async () => {
    const log = { LINES_OF_LOG: "ready in 12 ms\\n", EXIT: "0" };

    expect((await wait(shell, { ...log, PATTERN: "in [0-9]+ ms" })).code).toBe(1);
    expect((await wait(shell, { ...log, PATTERN: "in [0-9]+ ms", MODE: "-E" })).code).toBe(0);
    expect((await wait(shell, { ...log, PATTERN: "-ready" })).code).toBe(1);
  });

  test("a container that stops before it fails the wait at once, with its last lines", async () => {
    const { code, stderr, seconds } = await wait(shell, { LINES_OF_LOG: "starting\\nno database\\n", EXIT: "5" });

    expect(code).toBe(1);
    expect(seconds).toBeLessThan(5);
    expect(stderr).toBe(
      'waiting for the log line "ready": the container stopped before it (exit code 5); its last lines:\nstarting\nno database\n',
    );
    expect(leftovers()).toEqual([]);
  });

  test("time runs out, and nothing stays behind", async () => {
    const { code, stderr } = await wait(shell, { LINES_OF_LOG: "starting\\n", TIMEOUT: "1" });

    expect(code).toBe(1);
    expect(stderr).toBe('waiting for the log line "ready": nothing like it within 1 s; its last lines:\nstarting\n');
    expect(leftovers()).toEqual([]);
  });
});
