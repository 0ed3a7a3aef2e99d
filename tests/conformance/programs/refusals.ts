/** What the embedded engine refuses by name. */
import { local, remote } from "@pulumi/command";
import type { Refusal } from "../program";

export const refusals: Refusal[] = [
  {
    name: "remote-commands",
    shows: ["command: commands on other machines, copies to them"],
    says: "the type command:remote:Command is not supported by the embedded engine: use the Pulumi CLI",
    body: () => void new remote.Command("a", { connection: { host: "nowhere" }, create: "true" }),
  },
  {
    name: "command-assets",
    shows: ["command: assetPaths and archivePaths"],
    says: "assetPaths is not supported by the embedded engine: use the Pulumi CLI",
    body: () => void new local.Command("a", { create: "true", assetPaths: ["*"] }),
  },
  {
    name: "other-runtimes",
    shows: ["programs: in other languages than TypeScript and JavaScript"],
    project: "name: other-runtimes\nruntime: python\n",
    says: 'the runtime is "python", the embedded engine runs "nodejs": use the Pulumi CLI for others',
  },
  {
    name: "other-backends",
    shows: ["state: in Pulumi Cloud, S3, GCS or Azure"],
    env: { PULUMI_BACKEND_URL: "s3://bucket" },
    says: "the backend s3://bucket is not a folder: the embedded engine keeps state in files",
  },
];
