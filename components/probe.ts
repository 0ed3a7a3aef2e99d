import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { keepLabels, labels } from "./labels";
import { dockerName } from "./names";
import { waitsUntil, type HealthReadiness } from "./readiness";

/** Any image with `sh`, `nc`, `wget` and `sleep` will do. */
export const defaultProbeImage = "busybox:1.36-musl";

/**
 * A small container in the network namespace of another, created when a check there succeeds: for images that have no
 * tools to check themselves with.
 */
export function probe(
  service: string,
  container: docker.Container,
  readiness: HealthReadiness,
  image: pulumi.Input<string>,
  options: pulumi.CustomResourceOptions,
): docker.Container {
  return new docker.Container(
    `${service}-probe`,
    {
      name: dockerName(`${service}-probe`),
      image,
      command: ["sleep", "2147483647"],
      networkMode: pulumi.interpolate`container:${container.id}`,
      ...waitsUntil(readiness),
      restart: "no",
      mustRun: true,
      destroyGraceSeconds: 0,
      labels: labels({ role: "probe", service }),
    },
    { ...options, ...keepLabels },
  );
}
