/**
 * GitHub's workflow commands: lines of a step's output that its runner acts on.
 *
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands, and
 * `src/Runner.Common/ActionCommand.cs` in actions/runner: `::` counts at the start of a line, blanks before it left out,
 * `##[` anywhere in one.
 */

/** Where a failed test is to be seen. */
export interface Annotation {
  title: string;
  message: string;
  /** Relative to the repository's top. */
  file?: string;
  line?: number;
}

/** An error that GitHub shows with the run, and beside the file's line where one is named. */
export function errorCommand({ title, message, file, line }: Annotation): string {
  const properties = {
    ...(file ? { file } : {}),
    ...(file && line ? { line: String(line) } : {}),
    title: title.slice(0, 200),
  };
  const list = Object.entries(properties).map(([name, value]) => `${name}=${escapeProperty(value)}`);
  return `::error ${list.join(",")}::${escapeData(message.slice(0, 2000))}`;
}

/** Text as the data of a command: it ends neither the command nor its line. */
export function escapeData(text: string): string {
  return text.replace(/%/g, "%25").replace(/\r/g, "%0D").replace(/\n/g, "%0A").replace(/##\[/g, "##\u200b[");
}

function escapeProperty(text: string): string {
  return escapeData(text).replace(/:/g, "%3A").replace(/,/g, "%2C");
}

/** What keeps one output's lines from being taken for commands, in whatever pieces they come. */
export interface CommandFilter {
  push(text: string): string;
}

/** Puts a character that nobody sees between the two that would begin a command. */
export function commandFilter(): CommandFilter {
  let line: "start" | "colon" | "inside" = "start";
  let signs = 0;
  return {
    push(text) {
      let out = "";
      for (const character of text) {
        if ((line === "colon" && character === ":") || (signs >= 2 && character === "[")) out += hidden;
        out += character;
        signs = character === "#" ? signs + 1 : 0;
        if (character === "\n" || character === "\r") line = "start";
        else if (line === "start" && character === ":") line = "colon";
        else if (line !== "start" || !isBlank(character)) line = "inside";
      }
      return out;
    },
  };
}

/** A whole text, of which every line is another's. */
export function withoutCommands(text: string): string {
  return commandFilter().push(text);
}

const hidden = "\u200b";

/** What .NET takes for white space, and what it may overlook. */
function isBlank(character: string): boolean {
  return /[\s\p{Cf}\p{Cc}]/u.test(character);
}
