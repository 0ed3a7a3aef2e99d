import { z } from "zod";

const megabytes: Record<string, number> = { m: 1, mb: 1, g: 1024, gb: 1024 };

/** An amount of memory, `256m` or `1.5g`; parsed, it is a whole number of megabytes, Docker's least being 6. */
export const memorySize = z.string().transform((text, context): number => {
  const match = /^(\d+(?:\.\d+)?)(mb?|gb?)$/i.exec(text);
  const size = match ? Math.ceil(Number(match[1]) * megabytes[match[2]!.toLowerCase()]!) : 0;
  if (size < 6) {
    context.addIssue({ code: "custom", message: `expected at least 6 megabytes, as "256m" or "1g", got "${text}"` });
    return z.NEVER;
  }
  return size;
});
