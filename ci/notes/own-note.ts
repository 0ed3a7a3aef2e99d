/** What became of a note. */
export interface PostedNote {
  done: "posted" | "updated";
}

/**
 * Looks for the first note that begins with the marker and that `isOwn` takes for ours.
 *
 * @returns its id
 */
export async function findOwn<Found extends object>(
  pages: AsyncIterable<unknown>,
  marker: string,
  isOwn: (note: Found) => boolean,
): Promise<number | undefined> {
  for await (const page of pages) {
    if (!Array.isArray(page)) continue;
    for (const note of page as unknown[]) {
      if (typeof note !== "object" || note === null) continue;
      const { id, body } = note as { id?: unknown; body?: unknown };
      const begins = typeof body === "string" && body.startsWith(marker);
      if (begins && Number.isSafeInteger(id) && isOwn(note as Found)) return id as number;
    }
  }
  return undefined;
}
