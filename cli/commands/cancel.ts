import { UserError } from "../../engine/api";
import { openManaged } from "../context";
import type { CommonOptions } from "../options";

/**
 * `cancel [STACK]`: a stack in files has nobody who could be told to stop, so what can be cancelled is a lock whose
 * owner has gone. That of a process which is there on this host stays, unless forced: it would go on all the same.
 * Other backends, which the Pulumi CLI speaks to, may have somebody.
 */
export async function cancelCommand(common: CommonOptions, name: string | undefined, force: boolean): Promise<number> {
  const { stack, management } = await openManaged(common, name);
  if (management.cancel) {
    await management.cancel();
    process.stderr.write(`The stack ${stack.name} is not held any longer.\n`);
    return 0;
  }
  const locks = await management.locks();
  const held = locks.find(({ owner }) => owner === "alive");
  if (held && !force) {
    throw new UserError(
      `${stack.name} is locked by a process that is there, ${held.username}'s pid ${held.pid}: stop it with Ctrl-C or "kill ${held.pid}", and it will record what it has done; --force takes the lock all the same`,
    );
  }
  await management.breakLocks(locks);
  for (const { username, hostname, pid, timestamp } of locks) {
    process.stderr.write(`Took away the lock of ${username}@${hostname} (pid ${pid}, since ${timestamp}).\n`);
  }
  if (locks.length === 0) process.stderr.write(`The stack ${stack.name} isn't locked.\n`);
  return 0;
}
