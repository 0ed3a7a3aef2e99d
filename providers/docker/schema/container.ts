import {
  bool,
  int,
  labels,
  list,
  map,
  object,
  objects,
  orderedObjects,
  replacing,
  set,
  string,
  type Fields,
  type ResourceSchema,
} from "./field";
import {
  absolutePath,
  atLeast,
  base64,
  duration,
  matching,
  oneOf,
  sameCapability,
  sameDuration,
  sameNumber,
  samePlatform,
} from "./validators";

const throttle = (): Fields => ({ path: string({ required: true }), rate: int({ required: true, check: atLeast(0) }) });

const durationField = () => string({ default: "0s", check: duration, same: sameDuration });

const healthcheck: Fields = {
  tests: list(),
  interval: durationField(),
  timeout: durationField(),
  startPeriod: durationField(),
  startInterval: durationField(),
  retries: int({ default: 0, check: atLeast(0) }),
};

const mount: Fields = {
  target: string({ required: true, change: "update" }),
  type: string({ required: true, check: oneOf("bind", "volume", "tmpfs"), change: "update" }),
  source: string({ change: "update" }),
  readOnly: bool({ change: "update" }),
  bindOptions: object(
    { propagation: string({ check: oneOf("private", "rprivate", "shared", "rshared", "slave", "rslave") }) },
    { change: "update" },
  ),
  volumeOptions: object(
    { noCopy: bool(), labels: labels(), driverName: string(), driverOptions: map(), subpath: string() },
    { change: "update" },
  ),
  tmpfsOptions: object({ sizeBytes: int(), mode: int() }, { change: "replace" }),
};

const upload: Fields = {
  file: string({ required: true }),
  content: string(),
  contentBase64: string({ check: base64 }),
  source: string(),
  sourceHash: string(),
  executable: bool({ default: false }),
  permissions: string({ check: matching(/^0[0-7]{3}$/, "four octal digits such as 0644") }),
  owner: string(),
  group: string(),
};

const endpoint: Fields = {
  name: string({ required: true }),
  aliases: set(),
  ipv4Address: string(),
  ipv6Address: string(),
  linkLocalIps: set(),
  macAddress: string(),
  driverOpts: set(),
  gwPriority: int({ check: atLeast(0) }),
};

const networkData: Fields = {
  networkName: string(),
  ipAddress: string(),
  ipPrefixLength: int(),
  gateway: string(),
  globalIpv6Address: string(),
  globalIpv6PrefixLength: int(),
  ipv6Gateway: string(),
  macAddress: string(),
};

/** What the container is made of: a change makes a new one. */
const madeWith = replacing({
  name: string(),
  image: string({ required: true }),
  capabilities: object({ adds: set({ same: sameCapability }), drops: set({ same: sameCapability }) }),
  cgroupParent: string(),
  cgroupnsMode: string({ check: oneOf("private", "host", "") }),
  command: list({ computed: true }),
  cpus: string({ same: sameNumber, check: matching(/^\d*\.?\d+$/, "a number of CPUs such as 1.5") }),
  deviceCgroupRules: set(),
  deviceRequests: objects(
    {
      driver: string({ default: "cdi" }),
      count: int({ default: 0 }),
      deviceIds: set(),
      capabilities: set(),
      options: map(),
    },
    { conflicts: ["gpus"] },
  ),
  devices: objects({
    hostPath: string({ required: true }),
    containerPath: string(),
    permissions: string({ default: "rwm" }),
  }),
  dns: set(),
  dnsOpts: set(),
  dnsSearches: set(),
  domainname: string(),
  entrypoints: list({ computed: true }),
  envs: set({ computed: true }),
  gpus: string(),
  groupAdds: set(),
  healthcheck: object(healthcheck, { computed: true }),
  hostname: string({ computed: true }),
  hosts: objects({ host: string({ required: true }), ip: string({ required: true }) }),
  ipcMode: string({ computed: true }),
  labels: labels({ computed: true }),
  logDriver: string({ computed: true }),
  logOpts: map(),
  mounts: objects(mount),
  networkMode: string({ default: "bridge" }),
  networksAdvanced: objects(endpoint),
  pidMode: string(),
  platform: string({ computed: true, same: samePlatform }),
  ports: orderedObjects(
    {
      internal: int({ required: true }),
      external: int({ computed: true }),
      ip: string({ default: "0.0.0.0" }),
      protocol: string({ default: "tcp" }),
    },
    { anyOrder: true },
  ),
  privileged: bool(),
  publishAllPorts: bool(),
  readOnly: bool({ default: false }),
  runtime: string({ computed: true }),
  securityOpts: set({ computed: true }),
  shmSize: int({ computed: true, check: atLeast(0) }),
  stdinOpen: bool({ default: false }),
  stopSignal: string({ computed: true }),
  stopTimeout: int({ computed: true }),
  storageOpts: map(),
  sysctls: map(),
  tty: bool({ default: false }),
  ulimits: objects({ name: string({ required: true }), soft: int({ required: true }), hard: int({ required: true }) }),
  uploads: objects(upload),
  user: string({ emptyIsKept: true }),
  usernsMode: string(),
  volumes: objects({
    containerPath: string(),
    fromContainer: string(),
    hostPath: string({ check: absolutePath }),
    readOnly: bool(),
    selinuxRelabel: string({ check: oneOf("z", "Z") }),
    volumeName: string(),
  }),
  workingDir: string({ emptyIsKept: true }),
});

/** Limits and policies that a running container takes over. */
export const adjustable = {
  restart: string({ default: "no", check: oneOf("no", "on-failure", "always", "unless-stopped") }),
  maxRetryCount: int(),
  memory: int({ check: atLeast(0) }),
  memoryReservation: int({ default: 0, check: atLeast(0) }),
  memorySwap: int({ check: atLeast(-1), derived: true }),
  cpuShares: int({ check: atLeast(0) }),
  cpuSet: string({ check: matching(/^\d+([,-]\d+)*$/, "a list of CPUs such as 0-2 or 0,1") }),
  cpuPeriod: int({ check: atLeast(0) }),
  cpuQuota: int({ check: atLeast(0) }),
  deviceReadBps: objects(throttle()),
  deviceReadIops: objects(throttle()),
  deviceWriteBps: objects(throttle()),
  deviceWriteIops: objects(throttle()),
} satisfies Fields;

/** What only says how the provider goes about it, or takes effect when the container is next made. */
const handling: Fields = {
  attach: bool({ default: false }),
  containerReadRefreshTimeoutMilliseconds: int({ default: 15000 }),
  destroyGraceSeconds: int(),
  init: bool({ computed: true }),
  logs: bool({ default: false }),
  mustRun: bool({ default: true, live: true }),
  removeVolumes: bool({ default: true }),
  rm: bool({ default: false }),
  start: bool({ default: true }),
  tmpfs: map(),
  wait: bool({ default: false }),
  waitTimeout: int({ default: 60 }),
};

export const containerSchema: ResourceSchema = {
  token: "docker:index/container:Container",
  autonamed: true,
  deleteBeforeReplace: true,
  version: 2,
  timeouts: true,
  fields: {
    ...madeWith,
    ...adjustable,
    ...handling,
    bridge: string({ output: true }),
    containerLogs: string({ output: true }),
    exitCode: int({ output: true }),
    networkDatas: orderedObjects(networkData, { output: true }),
  },
};
