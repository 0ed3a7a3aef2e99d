/** A resource as a preview of a program tells of it, before anything is made. */
export interface PreviewedResource {
  urn: string;
  /** The type token, such as `docker:index/container:Container`. */
  type: string;
  custom: boolean;
  /** The inputs as the provider has checked them. */
  inputs: { [key: string]: InputValue };
  /** URNs of what it needs. */
  dependencies: string[];
  /** The same by input. */
  propertyDependencies: { [key: string]: string[] };
}

/** An input: JSON, or what JSON has no word for. */
export type InputValue =
  null | boolean | number | string | InputValue[] | { [key: string]: InputValue } | SecretInput | typeof notKnown;

/** Nobody but the comparison gets to see what it holds, and that only whether two of them are equal. */
export class SecretInput {
  constructor(readonly value: InputValue) {}
}

/** Only making it would tell. */
export const notKnown = Symbol("not known");

/** The last part of a URN. */
export function nameInUrn(urn: string): string {
  return urn.slice(urn.lastIndexOf("::") + 2);
}
