import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";

/** A folder that a run writes to, and what to do where its disk is full. */
export interface Place {
  /** Such as "the results". */
  what: string;
  /** Absolute. It may not be there yet. */
  path: string;
  remedy: string;
}

/**
 * What is wrong where a disk has fewer bytes left than `wanted`, with one line for all of the places on it. A disk that
 * can't be looked at is none of our business: writing to it will tell.
 */
export async function diskFaults(places: Place[], wanted: number): Promise<string[]> {
  const disks = await Promise.all(places.map(async (place) => ({ place, ...(await diskOf(place.path)) })));
  const full = new Map<number, { free: number; places: Place[] }>();
  for (const { place, device, free } of disks) {
    if (device === undefined || free === undefined || free >= wanted) continue;
    full.set(device, { free, places: [...(full.get(device)?.places ?? []), place] });
  }
  return [...full.values()].map(({ free, places: on }) => {
    const whose = on.map(({ what, path }) => `${what} (${path})`).join(", ");
    return (
      `the disk of ${whose} has ${mebibytes(free)} left, a run wants ${mebibytes(wanted)}: ` +
      `${on.map(({ remedy }) => remedy).join(", or ")}; the setting run:guard.freeDisk says how much must be left`
    );
  });
}

/** Of the nearest folder that is there; `undefined` where that can't be told. */
async function diskOf(path: string): Promise<{ device: number; free: number } | undefined> {
  try {
    const [{ dev }, { bavail, bsize }] = await Promise.all([stat(path), statfs(path)]);
    return { device: dev, free: bavail * bsize };
  } catch (error) {
    const parent = dirname(path);
    return (error as NodeJS.ErrnoException).code === "ENOENT" && parent !== path ? await diskOf(parent) : undefined;
  }
}

function mebibytes(bytes: number): string {
  const number = bytes / 2 ** 20;
  return number >= 10_240 ? `${(number / 1024).toFixed(1)} GiB` : `${Math.floor(number)} MiB`;
}
