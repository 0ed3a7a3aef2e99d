/** Every input that the package declares is in our tables, and nothing else is. */
import { containerSchema } from "../../../providers/docker/schema/container";
import type { Field, Fields, ResourceSchema } from "../../../providers/docker/schema/field";
import {
  imageSchema,
  registryImageSchema,
  remoteImageSchema,
  tagSchema,
} from "../../../providers/docker/schema/images";
import { networkSchema } from "../../../providers/docker/schema/network";
import { volumeSchema } from "../../../providers/docker/schema/volume";
import { functions } from "../../../providers/docker/functions";
import { handlers, REFUSED } from "../../../providers/docker/resources";
import { functionNames, inputTypes, propertiesOf, resourceTokens, type Property } from "./declarations";

const inputsOf = (fields: Fields) => Object.entries(fields).filter(([, field]) => !field.output);

function expectSame(declared: Property[], fields: Fields, path: string, computed: string[] = []): void {
  const ours = inputsOf(fields).map(([name]) => name);
  const theirs = declared.map(({ name }) => name).filter((name) => !computed.includes(name));
  expect({ path, inputs: ours.sort() }).toEqual({ path, inputs: theirs.sort() });
  for (const { name, required, nested } of declared) {
    if (computed.includes(name)) continue;
    const field = fields[name] as Field;
    expect({ path: `${path}.${name}`, required: field.required === true }).toEqual({
      path: `${path}.${name}`,
      required,
    });
    if (nested) expectSame(propertiesOf(inputTypes, nested), field.fields!, `${path}.${name}`, COMPUTED[nested]);
    else
      expect({ path: `${path}.${name}`, fields: field.fields }).toEqual({ path: `${path}.${name}`, fields: undefined });
  }
}

/** Nested properties that the package takes although the official provider sets them. */
const COMPUTED: Record<string, string[]> = { VolumeCluster: ["id"] };

const resources: [string, string, ResourceSchema][] = [
  ["container.d.ts", "ContainerArgs", containerSchema],
  ["network.d.ts", "NetworkArgs", networkSchema],
  ["volume.d.ts", "VolumeArgs", volumeSchema],
  ["remoteImage.d.ts", "RemoteImageArgs", remoteImageSchema],
  ["registryImage.d.ts", "RegistryImageArgs", registryImageSchema],
  ["tag.d.ts", "TagArgs", tagSchema],
];

test.each(resources)("%s: %s", (file, name, schema) => {
  expectSame(propertiesOf(file, name), schema.fields, name);
});

test("image.d.ts: ImageArgs", () => {
  const declared = propertiesOf("image.d.ts", "ImageArgs").map(({ name }) => name);
  expect(
    inputsOf(imageSchema.fields)
      .map(([name]) => name)
      .sort(),
  ).toEqual(declared.sort());
  const build = propertiesOf(inputTypes, "DockerBuild").map(({ name }) => name);
  // The context's digest is an input of the provider's own making.
  expect(Object.keys(imageSchema.fields.build!.fields!).sort()).toEqual([...build, "contextDigest"].sort());
});

test("every resource and function of the package is done or refused by name", () => {
  const tokens = resourceTokens();
  expect(tokens.length).toBeGreaterThan(10);
  for (const token of tokens) expect([...Object.keys(handlers), ...REFUSED]).toContain(token);
  const names = functionNames();
  expect(names.length).toBeGreaterThan(4);
  for (const name of names) expect(Object.keys(functions)).toContain(`docker:index/${name}:${name}`);
});
