/** What a watchdog is to do where its run dies. One line of JSON each way, on the watchdog's standard input and output. */
export interface Orders {
  project: string;
  stack: string;
  run: string;
  /** The project's folder, absolute. */
  root: string;
  /** Folders and files to remove, absolute: what the run puts together its results in. */
  remove: string[];
  /** The command line that destroys by the stack's state, without its arguments; empty if there is none. */
  cli: string[];
  /** The settings file that the run was given. */
  configFile?: string;
}

/** The watchdog has its orders, and its code. */
export const ready = "ready";
/** The run has cleaned up by itself. */
export const dismissed = "dismissed";

/** Names the environment variable that has the orders of a watchdog whose run is gone already. */
export const ordersVariable = "SEATRIAL_WATCHDOG_ORDERS";
