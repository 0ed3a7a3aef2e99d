/** The longest part of a command that is worth showing in an error. */
const longestCommand = 100;

/**
 * A failed step's message as a person wants it: the command provider repeats the whole of a script before it says what
 * the script said.
 */
export function brief(message: string): string {
  return message.replace(/running ("(?:[^"\\]|\\.)*")/, (whole, quoted: string) => {
    if (quoted.length <= longestCommand) return whole;
    const first = quoted.slice(1, longestCommand).split("\\n")[0]!;
    return `running "${first} …"`;
  });
}
