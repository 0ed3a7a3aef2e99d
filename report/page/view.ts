/** A part of the page that a tab shows. */
export interface View {
  element: HTMLElement;
  /** Called whenever it comes to be seen. */
  shown?(): void;
  /** What `/` puts the cursor into. */
  search?: HTMLInputElement;
}

/** How one view leads to a place in another. */
export interface Links {
  test(test: number): void;
  /** Shows failed tests only. */
  failedTests(): void;
  /** Shows the logs at that time, in seconds after the run's start. */
  time(seconds: number): void;
  /** Looks for a text in the logs. */
  logs(text: string): void;
  graph(): void;
}
