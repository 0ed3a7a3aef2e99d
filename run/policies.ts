/** What may be asked of the containers of any program, ours or not. */
import { posix } from "node:path";
import type { ConfigValue } from "../engine";
import { isMap, type PropertyMap, type PropertyValue, Unknown } from "../engine/values";
import { isImageId } from "../providers/docker/registry/image-name";

/** What becomes of a resource that a policy speaks against. */
export const levels = ["off", "warning", "error"] as const;
export type Level = (typeof levels)[number];

export type PolicyName = keyof typeof policies;
export type Levels = Record<PolicyName, Level>;

export interface Policy {
  default: Level;
  description: string;
  /** What to do about it. */
  remedy: string;
  /** What is against the policy, in a few words each. */
  find(resource: Resource): string[];
}

/** A registration, as policies look at it. In a preview its inputs may hold unknowns, of which nothing is said. */
export interface Resource {
  type: string;
  /** With the provider's defaults, without secrets around the values. */
  inputs: PropertyMap;
  /** Names of the images that the program builds or tags itself. */
  builtImages: ReadonlySet<string>;
}

const containerType = "docker:index/container:Container";

const ofContainers =
  (find: (inputs: PropertyMap) => string[]) =>
  ({ type, inputs }: Resource): string[] =>
    type === containerType ? find(inputs) : [];

/** The policies by their names, as in `run:policy.<name>`. */
export const policies = {
  imageDigests: {
    default: "off",
    description: "An image is named by its digest, or is one that the program builds.",
    remedy: "name it as repository@sha256:…",
    find: ({ type, inputs, builtImages }) => {
      const name = type === containerType ? inputs.image : type === remoteImageType ? inputs.name : undefined;
      if (typeof name !== "string" || /@sha256:[0-9a-f]{64}$/.test(name)) return [];
      return isImageId(name) || builtImages.has(name) ? [] : [`the image ${name} is not named by its digest`];
    },
  },
  memoryLimits: {
    default: "off",
    description: "A container has a limit of memory.",
    remedy: "set memory",
    find: ofContainers(({ memory }) => (isSet(memory) && memory !== 0 ? [] : ["it may use all of the host's memory"])),
  },
  hostPorts: {
    default: "off",
    description: "No container publishes a port on the host.",
    remedy: "take ports out, and reach it by its name on the stack's network",
    find: ofContainers(({ ports, publishAllPorts }) => [
      ...maps(ports).map(
        ({ internal, external }) =>
          `its port ${text(internal)} is published on ${isSet(external) ? `the host's port ${text(external)}` : "a port of the host"}`,
      ),
      ...(publishAllPorts === true ? ["all of its image's ports are published"] : []),
    ]),
  },
  privileged: {
    default: "warning",
    description: "No container is privileged, or free of the Engine's confinement.",
    remedy: "take it out, and give it the one capability or device that it needs",
    find: ofContainers(({ privileged, securityOpts }) => [
      ...(privileged === true ? ["it is privileged: root in it is root on the host"] : []),
      ...texts(securityOpts)
        .filter((option) => /^(?:(?:seccomp|apparmor|systempaths)[=:]unconfined|label[=:]disable)$/.test(option))
        .map((option) => `it runs with securityOpts ${option}`),
    ]),
  },
  engineSocket: {
    default: "warning",
    description: "No container gets the socket of a container engine, or a folder that holds one.",
    remedy: "take the mount out: who has the socket is root on the host",
    find: (resource) =>
      hostPaths(resource)
        .filter((path) => holdsSocket(path))
        .map((path) => `${path} of the host is mounted, and with it the engine's socket`),
  },
  hostPaths: {
    default: "off",
    description: "Nothing of the host's file system is mounted into a container.",
    remedy: "use a volume, or copy files in as uploads",
    find: (resource) => hostPaths(resource).map((path) => `${path} of the host is mounted`),
  },
  hostNamespaces: {
    default: "warning",
    description: "No container shares the host's network, processes, memory, users or control groups.",
    remedy: "take it out",
    find: ofContainers(({ networksAdvanced, ...inputs }) => [
      ...(["networkMode", "pidMode", "ipcMode", "usernsMode", "cgroupnsMode"] as const)
        .filter((mode) => inputs[mode] === "host")
        .map((mode) => `its ${mode} is host`),
      ...(maps(networksAdvanced).some(({ name }) => name === "host") ? ["it is in the network host"] : []),
    ]),
  },
  capabilities: {
    default: "warning",
    description: "No container has more capabilities than the Engine gives to any.",
    remedy: "take capabilities.adds out",
    find: ofContainers(({ capabilities }) => {
      const adds = isMap(capabilities) ? texts(capabilities.adds) : [];
      return adds.length > 0 ? [`it gets the capabilities ${adds.join(", ")}`] : [];
    }),
  },
  devices: {
    default: "warning",
    description: "No container gets a device of the host.",
    remedy: "take it out",
    find: ofContainers(({ devices, deviceRequests, deviceCgroupRules, gpus }) => [
      ...maps(devices).map(({ hostPath }) => `it gets the device ${text(hostPath)}`),
      ...texts(deviceCgroupRules).map((rule) => `it gets devices by the rule ${rule}`),
      ...(maps(deviceRequests).length > 0 ? ["it gets devices by deviceRequests"] : []),
      ...(typeof gpus === "string" && gpus !== "" ? [`it gets the GPUs ${gpus}`] : []),
    ]),
  },
  healthChecks: {
    default: "off",
    description: "A container that is to keep running has a health check.",
    remedy: "give it a healthcheck",
    find: ofContainers(({ attach, mustRun, start, healthcheck }) => {
      if (attach === true || mustRun === false || start === false || healthcheck instanceof Unknown) return [];
      const tests = isMap(healthcheck) ? healthcheck.tests : undefined;
      if (tests instanceof Unknown || (texts(tests).length > 0 && texts(tests)[0] !== "NONE")) return [];
      return ["nothing tells whether it is well"];
    }),
  },
} satisfies Record<string, Policy>;

/** What the policies speak against, by its level: one line each, with the remedy. */
export function violations(levels: Levels, resource: Resource): { level: "warning" | "error"; line: string }[] {
  return (Object.entries(policies) as [PolicyName, Policy][]).flatMap(([name, { find, remedy }]) => {
    const level = levels[name];
    return level === "off"
      ? []
      : find(resource).map((what) => ({ level, line: `${what}; ${remedy} (policy ${name})` }));
  });
}

/** Said where an engine's providers are not ours to stand before, and policies were asked for. */
export function uncheckedPolicies(config: ReadonlyMap<string, ConfigValue>): string | undefined {
  const asked = [...config.keys()].filter((key) => key.startsWith("run:policy."));
  return asked.length > 0
    ? `with --engine pulumi no policy is looked at: ${asked.join(", ")} changes nothing`
    : undefined;
}

const remoteImageType = "docker:index/remoteImage:RemoteImage";
const volumeType = "docker:index/volume:Volume";

/** What is known, and not left out or emptied. */
function isSet(value: PropertyValue | undefined): boolean {
  return value !== undefined && value !== null;
}

function maps(value: PropertyValue | undefined): PropertyMap[] {
  return Array.isArray(value) ? value.filter(isMap) : [];
}

function texts(value: PropertyValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];
}

function text(value: PropertyValue | undefined): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "?";
}

/** Paths of the Engine's host that a container is given, or that a volume stands for. */
function hostPaths({ type, inputs }: Resource): string[] {
  const paths =
    type === volumeType
      ? [boundDevice(inputs.driverOpts)]
      : type === containerType
        ? [
            ...maps(inputs.volumes).map(({ hostPath }) => hostPath),
            ...maps(inputs.mounts).map(({ type: kind, source, volumeOptions }) =>
              kind === "bind" ? source : isMap(volumeOptions) ? boundDevice(volumeOptions.driverOptions) : undefined,
            ),
          ]
        : [];
  return paths.filter((path) => typeof path === "string" && path !== "").map((path) => posix.normalize(path as string));
}

/** The local driver's options are those of mount(8). */
function boundDevice(options: PropertyValue | undefined): PropertyValue | undefined {
  if (!isMap(options) || typeof options.device !== "string" || !options.device.startsWith("/")) return undefined;
  const isBind = options.type === "none" || /(?:^|,)r?bind(?:,|$)/.test(typeof options.o === "string" ? options.o : "");
  return isBind ? options.device : undefined;
}

/** Where the engines of a Linux host listen; `/var/run` is `/run`. */
const sockets = [
  "/run/docker.sock",
  "/run/containerd/containerd.sock",
  "/run/podman/podman.sock",
  "/run/crio/crio.sock",
];

function holdsSocket(path: string): boolean {
  const real = path.replace(/^\/var\/run(?=\/|$)/, "/run").replace(/(?<=.)\/$/, "");
  if (/(?:^|\/)(?:docker|containerd|podman|crio|buildkitd)\.sock$/.test(real)) return true;
  // The folder /var holds the link /var/run only.
  return sockets.some((socket) => socket.startsWith(real === "/" ? "/" : `${real}/`));
}
