import { bool, labels, map, objects, replacing, string, type ResourceSchema } from "./field";

/** An address range of a network, as resources and lookups have it. */
export const ipamConfig = { subnet: string(), ipRange: string(), gateway: string(), auxAddress: map() };

export const networkSchema: ResourceSchema = {
  token: "docker:index/network:Network",
  autonamed: true,
  version: 1,
  fields: replacing({
    name: string(),
    attachable: bool(),
    driver: string({ computed: true }),
    ingress: bool(),
    internal: bool({ computed: true }),
    ipamConfigs: objects(ipamConfig, { computed: true }),
    ipamDriver: string({ default: "default" }),
    ipamOptions: map(),
    ipv6: bool(),
    labels: labels(),
    options: map({ computed: true }),
    scope: string({ output: true }),
  }),
};
