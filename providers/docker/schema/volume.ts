import { labels, map, object, replacing, string, type ResourceSchema } from "./field";
import { oneOf } from "./validators";

export const volumeSchema: ResourceSchema = {
  token: "docker:index/volume:Volume",
  autonamed: true,
  version: 1,
  fields: {
    ...replacing({
      name: string({ computed: true }),
      driver: string({ computed: true }),
      driverOpts: map(),
      labels: labels(),
    }),
    cluster: object({
      ...replacing({
        id: string({ output: true }),
        scope: string({ default: "single", check: oneOf("single", "multi") }),
        sharing: string({ default: "none", check: oneOf("none", "readonly", "onewriter", "all") }),
        type: string({ default: "block", check: oneOf("mount", "block") }),
        topologyPreferred: string({ default: "" }),
        topologyRequired: string({ default: "" }),
        requiredBytes: string(),
        limitBytes: string(),
        group: string({ default: "" }),
      }),
      availability: string({ default: "active", check: oneOf("active", "pause", "drain"), change: "update" }),
    }),
    mountpoint: string({ output: true }),
  },
};
