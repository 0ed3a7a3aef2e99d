import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { keepLabels, labels } from "./labels";
import { dockerName } from "./names";

/** A named volume of the stack, removed with it. */
export function volume(name: string, parent: pulumi.Resource): docker.Volume {
  return new docker.Volume(name, { name: dockerName(name), labels: labels() }, { parent, ...keepLabels });
}
