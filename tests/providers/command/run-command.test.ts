/** Commands are run alike whoever starts them: the first ones this process, later ones a helper of it. */
import { realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { makeLauncher } from "../../../providers/command/launcher";
import { type CommandLine, runCommand } from "../../../providers/command/run-command";

const launcher = makeLauncher();
afterAll(() => launcher.close());

const never = new AbortController().signal;
const lines: string[] = [];
const run = (line: Partial<CommandLine>, signal = never): Promise<{ stdout: string; stderr: string }> => {
  lines.length = 0;
  const onLine = (text: string, stream: string): void => void lines.push(`${stream}: ${text}`);
  return runCommand(launcher, { command: ":", environment: {}, ...line }, signal, onLine);
};

describe.each(["started here", "started by the helper"])("a command, %s,", (by) => {
  beforeAll(async () => {
    if (by === "started here") return;
    for (let n = 0; n < 33; n++) await run({});
  });

  test("is a child of this process or of its helper", async () => {
    const { stdout } = await run({ command: "echo $PPID" });
    expect(stdout === String(process.pid)).toBe(by === "started here");
  });

  test("gets its input, environment and folder; what it prints comes by the line, and whole without the last break", async () => {
    const result = await run({
      command: "cat; echo; echo $GREETING; pwd; printf 'a\\nb' >&2",
      stdin: "given",
      environment: { GREETING: "grüß dich" },
      dir: tmpdir(),
    });
    expect(result).toEqual({ stdout: `given\ngrüß dich\n${realpathSync(tmpdir())}`, stderr: "a\nb" });
    expect(lines).toContain("stdout: grüß dich");
    expect(lines).toContain("stderr: b");
  });

  test("that fails is told with its status and all that it printed", async () => {
    await expect(run({ command: "echo no; exit 3" })).rejects.toThrow('exit status 3: running "echo no; exit 3":\nno');
    await expect(run({ command: "kill -9 $$" })).rejects.toThrow("signal: killed");
  });

  test("that can't be started is told with the reason", async () => {
    await expect(run({ interpreter: ["/no/such/shell"] })).rejects.toThrow(/can't run \/no\/such\/shell: .*ENOENT/);
    await expect(run({ dir: "/no/such/folder" })).rejects.toThrow("there is no folder /no/such/folder");
    await expect(run({ command: "a\0b" })).rejects.toThrow("null bytes");
  });

  test("is stopped with its children when the operation is cancelled", async () => {
    const operation = new AbortController();
    const started = Date.now();
    const running = run({ command: "sleep 60 | cat" }, operation.signal);
    setTimeout(() => operation.abort(), 100);
    await expect(running).rejects.toThrow("stopped, the operation was cancelled");
    expect(Date.now() - started).toBeLessThan(10_000);
  });
});
