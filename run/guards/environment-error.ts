/** The machine or its Docker Engine isn't fit for a run; each line says what is wrong, why that matters, what to do. */
export class EnvironmentError extends Error {
  constructor(faults: string[]) {
    super(faults.join("\n"));
    this.name = "EnvironmentError";
  }
}
