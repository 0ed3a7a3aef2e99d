/** What the embedded engine refuses by name. */
import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Refusal } from "../program";

const connection = { host: "nowhere" };

export const refusals: Refusal[] = [
  {
    name: "remote-commands",
    shows: ["command: commands on other machines"],
    says: "the type command:remote:Command is not supported by the embedded engine: use the Pulumi CLI",
    body: () => void new remote.Command("a", { connection, create: "true" }),
  },
  {
    name: "remote-copies",
    shows: ["command: copies to other machines"],
    says: "the type command:remote:CopyToRemote is not supported by the embedded engine: use the Pulumi CLI",
    body: () => {
      const source = new pulumi.asset.StringAsset("text");
      void new remote.CopyToRemote("a", { connection, source, remotePath: "/tmp/a" });
    },
  },
  {
    name: "remote-file-copies",
    shows: ["command: copies to other machines, the older way"],
    says: "the type command:remote:CopyFile is not supported by the embedded engine: use the Pulumi CLI",
    body: () => void new remote.CopyFile("a", { connection, localPath: "a", remotePath: "/tmp/a" }),
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
