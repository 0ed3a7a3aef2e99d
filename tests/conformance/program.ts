/** Programs that both engines run: what a step is, and what it shows. */

/** The body of a Pulumi program; what it returns are the stack's outputs. */
export type Body = () => unknown;

export interface Step {
  /** Default: `up`. */
  run?: "up" | "preview" | "refresh" | "destroy";
  /** The program from this step on. */
  body?: Body;
  /** Further arguments, in the CLI's words. */
  flags?: string[];
  /** Settings from this step on, by their whole keys; a secret is written encrypted. */
  config?: Record<string, string | { secret: string }>;
  /** Called before the step, with the project's folder. */
  prepare?: (folder: string) => void;
  /** Both engines must fail; or both may, as long as they agree. */
  fails?: true | "maybe";
  /** How it is known to differ from the CLI; the lane fails when it doesn't any more. */
  differs?: string;
  /** How it differs because of the official command provider: not where the CLI is lent ours. */
  providerDiffers?: string;
  /** Why only the exit code counts: what else happens is a matter of timing. */
  lenient?: string;
}

/** What the embedded engine refuses: it fails and says this. The CLI isn't asked. */
export interface Refusal {
  name: string;
  shows: string[];
  /** The line, or a part of it. */
  says: string;
  body?: Body;
  flags?: string[];
  /** Pulumi.yaml instead of the usual one. */
  project?: string;
  env?: Record<string, string>;
}

export interface Program {
  name: string;
  /** What it shows, as rows of docs/compatibility.md: `area: feature`. */
  shows: string[];
  /** One thing after the other, so that the order of events is the same every time. Default: true. */
  serial?: boolean;
  /** How it is known to differ from the CLI as a whole: one step at least does. */
  differs?: string;
  /** How it differs as a whole because of the official command provider. */
  providerDiffers?: string;
  /**
   * Texts that were secret once. Seatrial masks them wherever they stand in an event, also where a later program has them
   * in the open; the CLI shows them there.
   */
  masked?: string[];
  /** It is also played with the engines in turn, the stack going from one to the other and back. */
  moves?: true;
  steps: Step[];
}
