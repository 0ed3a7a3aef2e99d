import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { keepLabels, labels } from "./labels";
import { dockerName } from "./names";

/** The stack's own network, on which its containers reach each other by their short names (`http://api`, `db:5432`). */
export class Network extends pulumi.ComponentResource {
  /** The Docker network's name. */
  readonly networkName: pulumi.Output<string>;

  constructor(name: string, options: pulumi.ComponentResourceOptions = {}) {
    super("seatrial:index:Network", name, {}, options);
    const network = new docker.Network(
      name,
      { name: dockerName(name), labels: labels() },
      { parent: this, ...keepLabels },
    );
    this.networkName = network.name;
    this.registerOutputs({ networkName: this.networkName });
  }
}
