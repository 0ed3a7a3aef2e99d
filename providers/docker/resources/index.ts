/** The kinds of resources that this provider has, and those that it refuses by name. */
import { nearest } from "../schema/nearest";
import { container } from "./container";
import type { Handler } from "./handler";
import { image } from "./image";
import { network } from "./network";
import { registryImage } from "./registry-image";
import { remoteImage } from "./remote-image";
import { tag } from "./tag";
import { volume } from "./volume";

export const handlers: Readonly<Record<string, Handler>> = Object.fromEntries(
  [container, network, volume, image, remoteImage, registryImage, tag].map((handler) => [
    handler.schema.token,
    handler,
  ]),
);

/** Swarm's resources, the Engine's own plugins and builders of BuildKit. */
export const REFUSED = [
  "docker:index/service:Service",
  "docker:index/secret:Secret",
  "docker:index/serviceConfig:ServiceConfig",
  "docker:index/plugin:Plugin",
  "docker:index/buildxBuilder:BuildxBuilder",
] as const;

/** Why there is no handler for a type. */
export function unsupported(type: string): string {
  if ((REFUSED as readonly string[]).includes(type)) {
    return `${type} is not supported by Seatrial's docker provider; use --engine pulumi`;
  }
  const near = nearest(type, [...Object.keys(handlers), ...REFUSED]);
  return `there is no resource ${type} in the docker package${near ? `; did you mean ${near}?` : ""}`;
}
