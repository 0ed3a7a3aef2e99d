// A root file system out of Debian's packages: apt resolves and fetches (and so checks the signatures) with the sources
// and keys of this machine, dpkg-deb unpacks. No maintainer script runs, so it needs neither root nor a chroot, and an
// image of a few packages takes seconds.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { run } from "./run.mjs";

/** Why this machine can't make a root file system, in words for a person; undefined when it can. */
export function whyNotDebian() {
  const missing = ["apt-get", "dpkg-deb", "tar"].filter((tool) => !onPath(tool));
  return missing.length > 0 ? `this machine has no ${missing.join(", ")}` : undefined;
}

/**
 * Unpacks `packages` and what they depend on into `root`. `assumed` names packages that dependencies may ask for but
 * that a container has no use for (perl, debconf and such): apt is told that they are installed already.
 */
export async function unpackPackages({ root, packages, assumed, scratch }) {
  const debs = path.join(scratch, "debs");
  await mkdir(path.join(debs, "partial"), { recursive: true });
  await writeFile(path.join(scratch, "status"), assumed.map(statusEntry).join(""));
  const lists = hostLists() ?? (await freshLists());
  try {
    await download({ packages, debs, scratch, lists });
  } catch (error) {
    // Lists of some weeks ago name package versions that the mirror has replaced since.
    if (lists !== hostLists()) throw error;
    await download({ packages, debs, scratch, lists: await freshLists() });
  }
  await makeMergedUsr(root);
  const names = (await readdir(debs)).filter((name) => name.endsWith(".deb")).sort();
  await run("sh", ["-euc", unpackAll, "sh", root, ...names.map((name) => path.join(debs, name))]);
}

const unwanted = ["doc", "man", "locale", "info", "lintian"];

// tar and not `dpkg-deb -x`: only with --keep-directory-symlink do files for /lib and /bin follow the links into /usr.
const unpackAll = `
root=$1
shift
for deb; do
  dpkg-deb --fsys-tarfile "$deb" |
    tar -x --keep-directory-symlink --no-same-owner -C "$root" ${unwanted.map((name) => `--exclude=./usr/share/${name}`).join(" ")}
done
`;

async function download({ packages, debs, scratch, lists }) {
  await run("apt-get", [
    ...aptOptions(scratch, lists),
    ...["-o", `Dir::Cache::archives=${debs}`],
    ...["install", "--yes", "--download-only", "--no-install-recommends", ...packages],
  ]);
}

// Fetched once a run, whatever number of images is made at the same time.
let fetchedLists;

function freshLists() {
  fetchedLists ??= (async () => {
    const scratch = await mkdtemp(path.join(os.tmpdir(), "seatrial-apt-"));
    process.once("exit", () => rmSync(scratch, { recursive: true, force: true }));
    const lists = path.join(scratch, "lists");
    await mkdir(path.join(lists, "partial"), { recursive: true });
    await writeFile(path.join(scratch, "status"), "");
    await run("apt-get", [...aptOptions(scratch, lists), "update"]);
    return lists;
  })();
  return fetchedLists;
}

function aptOptions(scratch, lists) {
  const settings = {
    "Dir::State::lists": lists,
    "Dir::State::status": path.join(scratch, "status"),
    "Dir::Cache": scratch,
    // Nothing of the host's own state is written, so neither its locks nor its sandbox user are of use.
    "Debug::NoLocking": "1",
    "APT::Sandbox::User": os.userInfo().username,
    "APT::Update::Post-Invoke": "",
    "Acquire::Languages": "none",
    "Acquire::Retries": "2",
  };
  return ["-qq", ...Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`])];
}

function hostLists() {
  const lists = "/var/lib/apt/lists";
  return existsSync(lists) && readdirSync(lists).some((name) => name.includes("_Packages")) ? lists : undefined;
}

function statusEntry(name) {
  const fields = {
    Package: name,
    Status: "install ok installed",
    Version: "999:0",
    Architecture: "all",
    "Multi-Arch": "foreign",
    Maintainer: "nobody",
    Description: "assumed",
  };
  return `${Object.entries(fields)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join("")}\n`;
}

// What the package usrmerge or the installer would have done: packages of Debian 12 still carry files for both places.
async function makeMergedUsr(root) {
  await run("sh", [
    "-euc",
    'cd "$1"; for d in bin sbin lib lib64; do mkdir -p usr/$d; ln -sfn usr/$d $d; done',
    "sh",
    root,
  ]);
}

function onPath(tool) {
  return (process.env.PATH ?? "").split(":").some((directory) => existsSync(path.join(directory, tool)));
}
