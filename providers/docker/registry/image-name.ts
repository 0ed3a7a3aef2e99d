/** Names of images taken apart: `[registry/]repository[:tag][@digest]`. */

export interface ImageName {
  /** The registry's host; `docker.io` where the name has none. */
  registry: string;
  /** The repository within the registry; official images have `library/` before theirs. */
  repository: string;
  tag: string | undefined;
  digest: string | undefined;
}

export const DOCKER_HUB = "docker.io";

/** Source of the rules: `splitDockerDomain` in distribution/reference. */
export function parseImageName(name: string): ImageName {
  const at = name.indexOf("@");
  const [rest, digest] = at < 0 ? [name, undefined] : [name.slice(0, at), name.slice(at + 1)];
  const slash = rest.indexOf("/");
  const first = slash < 0 ? "" : rest.slice(0, slash);
  const hasRegistry = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  const path = hasRegistry ? rest.slice(slash + 1) : rest;
  const colon = path.lastIndexOf(":");
  const [repository, tag] = colon < 0 ? [path, undefined] : [path.slice(0, colon), path.slice(colon + 1)];
  const registry = hasRegistry ? (first === "index.docker.io" ? DOCKER_HUB : first) : DOCKER_HUB;
  return {
    registry,
    repository: registry === DOCKER_HUB && !repository.includes("/") ? `library/${repository}` : repository,
    tag,
    digest,
  };
}

/** True for `sha256:…` and bare hexadecimal ids, which name an image that is here, not one to pull. */
export const isImageId = (name: string): boolean => /^(?:sha256:)?[0-9a-f]{64}$/.test(name);
