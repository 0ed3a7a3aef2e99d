/** Labels that this project puts onto what it makes, and hides again from what is read back. */
import { isMap, type PropertyValue } from "../../../engine/values";
import { ordered } from "../schema/outputs";
import type { Label } from "../container/inputs";
import { labelMap } from "../container/spec";

const OURS = "dev.seatrial.";

/** The labels to make something with: the program's own win over ours. */
export const withOurs = (
  ours: Readonly<Record<string, string>>,
  given: PropertyValue | undefined,
): Record<string, string> => ({ ...ours, ...labelMap(given as Label[] | undefined) });

/**
 * Of ours those for an image. A container has its image's labels too, whoever makes it: without a stack's name it isn't
 * taken for a part of the stack that the image was built for.
 */
export function forImages(ours: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(ours).filter(([name]) => name !== `${OURS}stack`));
}

/** Labels as outputs: ours only where the program sets them itself, as `recorded` tells. */
export function readLabels(
  found: Record<string, string> | null | undefined,
  recorded: PropertyValue | undefined,
): PropertyValue {
  const own = new Set(
    (Array.isArray(recorded) ? recorded : []).flatMap((entry) => (isMap(entry) ? [entry.label] : [])),
  );
  const labels = Object.entries(found ?? {}).filter(([name]) => !name.startsWith(OURS) || own.has(name));
  return ordered(labels.map(([label, value]) => ({ label, value })));
}
