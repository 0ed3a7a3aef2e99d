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
  /** Both engines must fail. */
  fails?: true;
  /** Why only the exit code counts: what else happens is a matter of timing. */
  lenient?: string;
}

export interface Program {
  name: string;
  /** What it shows, as rows of docs/compatibility.md: `area: feature`. */
  shows: string[];
  /** One thing after the other, so that the order of events is the same every time. Default: true. */
  serial?: boolean;
  steps: Step[];
}
