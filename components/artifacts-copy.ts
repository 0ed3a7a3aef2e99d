import * as command from "@pulumi/command";
import type * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";

/** Copies a stopped container's folder to this machine, by the docker client; again whenever the container is new. */
export function artifactsCopy(
  name: string,
  container: docker.Container,
  directory: string,
  options: pulumi.CustomResourceOptions,
): command.local.Command {
  return new command.local.Command(
    name,
    {
      create: 'mkdir -p "$TO" && docker cp "$CONTAINER:$FROM/." "$TO"',
      environment: { CONTAINER: container.id, FROM: directory, TO: process.env.ARTIFACTS_DIR || "build/tests" },
    },
    options,
  );
}
