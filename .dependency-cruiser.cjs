/**
 * Which folder may import which. Imports go one way: cli → run → engine ← providers, run → report and ci,
 * and index.ts → components → @pulumi/*, zod.
 *
 * @type {import("dependency-cruiser").IConfiguration}
 */
const FOLDERS = "^(components|engine|providers|run|report|ci|cli|testing|example|scripts|bench)/";

const onlyFrom = (from, allowed) => ({
  name: `${from}-imports`,
  comment: `${from}/ imports nothing of the project but ${allowed.join(", ") || "itself"}`,
  severity: "error",
  from: { path: `^${from}/`, pathNot: "\\.test\\.ts$" },
  to: { path: FOLDERS, pathNot: [from, ...allowed].map((folder) => `^${folder}/`) },
});

module.exports = {
  forbidden: [
    {
      name: "no-circular",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    onlyFrom("components", []),
    onlyFrom("engine", []),
    onlyFrom("providers/docker", ["engine"]),
    onlyFrom("providers/command", ["engine"]),
    onlyFrom("providers/serve", ["providers", "engine"]),
    onlyFrom("report", []),
    onlyFrom("ci", []),
    onlyFrom("testing", []),
    onlyFrom("run", ["engine", "providers", "report", "ci"]),
    onlyFrom("cli", ["run", "engine", "report", "ci"]),
    {
      name: "components-packages",
      comment: "components/ runs under the plain Pulumi CLI: the Pulumi packages, zod and Node's own modules only",
      severity: "error",
      from: { path: "^components/" },
      to: { dependencyTypes: ["npm", "npm-dev", "npm-no-pkg", "npm-unknown"], pathNot: "node_modules/(@pulumi/|zod/)" },
    },
    {
      name: "no-dev-packages",
      comment: "what users run imports no package that only development has",
      severity: "error",
      from: { path: "^(components|engine|providers|run|report|ci|cli|testing)/", pathNot: "\\.test\\.ts$" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"], pathNot: "node_modules/@types/" },
    },
    {
      name: "program",
      comment: "index.ts is a Pulumi program: it imports components/ and packages",
      severity: "error",
      from: { path: "^index\\.ts$" },
      to: { path: FOLDERS, pathNot: "^(components|example)/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    exclude: { path: "^(dist|build|example/dist|tests/e2e/fixtures)/" },
  },
};
