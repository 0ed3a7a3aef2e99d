import { z } from "zod";

export const resourceKinds = ["service", "image", "network", "volume", "command", "resource"] as const;
export const aspects = [
  ...["image", "command", "environment", "mount", "limit", "port", "health check", "network", "dependency"],
  ...["file", "build", "label", "setting"],
] as const satisfies readonly string[];

export type ResourceKind = (typeof resourceKinds)[number];
export type Aspect =
  | "image"
  | "command"
  | "environment"
  | "mount"
  | "limit"
  | "port"
  | "health check"
  | "network"
  | "dependency"
  | "file"
  | "build"
  | "label"
  | "setting";

/** The most that a comparison holds of each; what is more is counted. */
export const most = { resources: 300, changes: 100, nodes: 200, edges: 1000, text: 500, name: 300 };

const name = z.string().max(most.name);
const status = z.enum(["added", "removed", "changed", "same"]);
const commit = z.string().regex(/^[0-9a-f]{4,64}$/);
const count = z.int().min(0);

const change = z.strictObject({
  aspect: z.enum(aspects as unknown as [Aspect, ...Aspect[]]),
  key: name.optional().describe("Which of them, such as a variable's name; absent where there is only one."),
  kind: z.enum(["added", "removed", "changed"]),
  before: z.string().max(most.text).optional().describe("Cut to 500 characters; absent of a secret."),
  after: z.string().max(most.text).optional(),
  secret: z.literal(true).optional().describe("The value is secret before or after, and is not told."),
});

const resource = z.strictObject({
  status: z.enum(["added", "removed", "changed"]),
  kind: z.enum(resourceKinds),
  name,
  role: name.optional().describe("What a container is there for: tests, service, probe or job."),
  type: name.describe("Pulumi's type token."),
  changes: z.array(change).max(most.changes).describe("Of a resource that is added or removed: all that it is."),
  more: count.optional().describe("So many changes were left out."),
});

/** What `preview.json` holds; docs/preview.schema.json is made from it. */
export const comparisonSchema = z
  .strictObject({
    version: z.literal(1),
    project: name,
    base: z.strictObject({
      ref: name.describe("As it was asked for."),
      commit: commit.optional().describe("Absent of a folder that is no checkout."),
      absent: z.literal(true).optional().describe("There is no program in it: everything is new."),
    }),
    head: z.strictObject({ commit: commit.optional(), dirty: z.boolean().optional() }),
    summary: z.strictObject({ added: count, removed: count, changed: count, same: count }),
    resources: z.array(resource).max(most.resources),
    more: count.optional().describe("So many resources were left out."),
    graph: z
      .strictObject({
        nodes: z.array(z.strictObject({ name, role: name.optional(), status })).max(most.nodes),
        edges: z
          .array(z.strictObject({ from: name, to: name, status: z.enum(["added", "removed", "same"]) }))
          .max(most.edges),
      })
      .describe("The services, without probes, and what each of them waits for; what is removed is in it too."),
  })
  .describe("What a change does to the stack: the comparison that seatrial preview --base makes.");

export type Comparison = z.infer<typeof comparisonSchema>;
export type ResourceChange = Comparison["resources"][number];
export type Change = ResourceChange["changes"][number];

/** The JSON Schema of `preview.json`. */
export function comparisonJsonSchema(): object {
  return { title: "preview.json", ...z.toJSONSchema(comparisonSchema, { target: "draft-2020-12" }) };
}
