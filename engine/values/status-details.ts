/**
 * An error's message as the details of a gRPC status. These travel percent-encoded in a header, and a Node client that
 * gets one of more than 65,535 bytes waits for the end of the call forever.
 */
const MOST_BYTES = 16_000;
const HEAD = 1_000;
const TAIL = 3_000;

/** The message, or of a very long one its beginning and its end, where an error usually says what it is. */
export function statusDetails(message: string): string {
  if (Buffer.byteLength(message) <= MOST_BYTES) return message;
  const left = message.length - HEAD - TAIL;
  // Not in the middle of a character.
  return Buffer.from(`${message.slice(0, HEAD)}\n… (${left} characters left out)\n${message.slice(-TAIL)}`).toString();
}
