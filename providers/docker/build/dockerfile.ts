/** What is to be known of a Dockerfile before it is built. */

/** True where only BuildKit understands it. */
export function needsBuildKit(text: string): boolean {
  return (
    /^(?:\s*#[^\n]*\n)*?\s*#\s*syntax\s*=/i.test(text) ||
    instructions(text).some(
      (line) =>
        /^RUN\s+(?:--\w+[=\w]*\S*\s+)*--(?:mount|network|security)\b/i.test(line) ||
        /^(?:COPY|ADD)\s+(?:--\S+\s+)*--(?:link|chmod|exclude|parents|checksum|keep-git-dir)\b/i.test(line) ||
        /^(?:RUN|COPY|ADD)\s.*<<-?["']?\w/i.test(line),
    )
  );
}

/** The images that the stages are made from or copy from, with `args` put in; not the stages themselves. */
export function baseImages(text: string, args: Readonly<Record<string, string>>): string[] {
  const known: Record<string, string> = {};
  const stages = new Set<string>(["scratch"]);
  const images = new Set<string>();
  let isInStage = false;
  for (const line of instructions(text)) {
    const arg = /^ARG\s+(\w+)(?:=(.*))?$/i.exec(line);
    if (arg && !isInStage) known[arg[1]!] = args[arg[1]!] ?? expand(unquoted(arg[2] ?? ""), known);
    const from = /^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(line);
    if (from) {
      isInStage = true;
      const image = expand(from[1]!, known);
      if (!stages.has(image.toLowerCase())) images.add(image);
      if (from[2]) stages.add(from[2].toLowerCase());
    }
    const copied = /^COPY\s+(?:--\S+\s+)*--from=(\S+)/i.exec(line)?.[1];
    if (copied && !stages.has(copied.toLowerCase()) && !/^\d+$/.test(copied)) images.add(expand(copied, known));
  }
  return [...images];
}

/** Lines with their continuations, without comments. */
function instructions(text: string): string[] {
  const lines: string[] = [];
  let current = "";
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*#/.test(line)) continue;
    const continued = /^(.*?)[\\`]\s*$/.exec(line);
    current += continued ? `${continued[1]!} ` : line;
    if (continued) continue;
    if (current.trim() !== "") lines.push(current.trim());
    current = "";
  }
  if (current.trim() !== "") lines.push(current.trim());
  return lines;
}

const unquoted = (text: string): string => text.trim().replace(/^(["'])(.*)\1$/, "$2");

const expand = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(/\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})/g, (_, plain, braced, operator, word) => {
    const value = values[(plain ?? braced) as string] ?? "";
    if (operator === "-") return value || (word as string);
    if (operator === "+") return value ? (word as string) : "";
    return value;
  });
