/** What runs of a project that were killed outright, their watchdogs with them, have left on this machine. */
import type Docker from "dockerode";
import type { Project, StackLock } from "../engine";
import { labelFilter } from "./containers";
import { findGarbage, removeGarbage } from "./gc";
import type { Engine } from "./host";
import { label } from "./identity";
import { ownerState } from "./owner";
import { readRecords, removeRecord } from "./records";
import { listThings, unlabelled } from "./sweep";

/**
 * Removes what the project's runs have left whose processes are provably gone; what anyone may still want stays, expired
 * or not. Never rejects. @returns a line for each stack, and for what stands in the way
 */
export async function sweepAbandoned(docker: Docker, engine: Engine, project: Project): Promise<string[]> {
  try {
    const garbage = (await findGarbage(docker, { filter: [`${label.project}=${project.name}`] })).filter(
      ({ why }) => why === "ownerless",
    );
    const left = await removeGarbage(docker, garbage);
    const stuck = new Set(left.map(({ id }) => id));
    const removed = garbage.flatMap(({ stack, things }) => {
      const gone = things.filter(({ id }) => !stuck.has(id)).length;
      return gone > 0 ? [`${stack} (${gone} of its containers, networks and volumes)`] : [];
    });
    return [
      ...(removed.length > 0 ? [`removed what runs that were killed have left: ${removed.join(", ")}`] : []),
      ...left.map(({ kind, name, reason }) => `${kind} ${name} of a run that was killed stays: ${reason}`),
      ...(await forgetStacks(docker, engine, project, new Set(garbage.map(({ stack }) => stack)))),
    ];
  } catch (error) {
    return [`what runs that were killed have left can't be looked for: ${(error as Error).message}`];
  }
}

/**
 * Removes the state of stacks of which Docker holds nothing any longer: those named, and those of runs that were killed
 * before they made anything. A state that knows of more than labels tell stays. @returns lines about those
 */
export async function forgetStacks(
  docker: Docker,
  engine: Engine,
  project: Project,
  names: Set<string>,
): Promise<string[]> {
  const dead = readRecords(project).filter(({ owner }) => owner && ownerState(owner) === "gone");
  const gone = new Set([...names, ...dead.map(({ stack }) => stack)]);
  if (gone.size === 0) return [];
  const known = new Set((await engine.listStacks(project, process.env)).map(({ name }) => name));
  const lines: string[] = [];
  for (const name of gone) {
    if ((await listThings(docker, labelFilter({ project: project.name, stack: name }))).length > 0) continue;
    if (known.has(name)) {
      const why = await forget(engine, project, name);
      if (why) {
        lines.push(why);
        continue;
      }
    }
    removeRecord(project, name);
  }
  return lines;
}

async function forget(engine: Engine, project: Project, name: string): Promise<string | undefined> {
  const place = { project, name };
  // Somebody is at it just now, such as the run's watchdog.
  const isHeld = (locks: StackLock[]) => locks.some(({ owner }) => owner !== "gone");
  if (isHeld((await engine.stackLocks?.(place)) ?? [])) return `the state of ${name} stays: it is locked`;
  try {
    const agrees = () => Promise.resolve(true);
    const aside = await engine.setAsideBrokenState?.(place, { warn: () => undefined, agrees });
    if (aside) return undefined;
    const stack = await engine.openStack(place);
    const left = await unlabelled(stack);
    if (left.length === 0) return void (await stack.remove({ force: true }));
    return `the state of ${name} stays, it knows of ${left.map((each) => each.name).join(", ")}: seatrial destroy --stack ${name}`;
  } catch (error) {
    return `the state of ${name} stays: ${(error as Error).message}`;
  }
}
