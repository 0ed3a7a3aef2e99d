// Puts a recipe's root file system together and packs it; needs no Docker Engine yet.
import { existsSync, readdirSync } from "node:fs";
import { chmod, copyFile, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { unpackPackages } from "./debian-packages.mjs";
import { installPythonPackages } from "./python-packages.mjs";
import { filesDirectory } from "./recipe.mjs";
import { run } from "./run.mjs";

/** Makes the file `<scratch>/root.tar` and returns it, with the image settings that depend on what was unpacked. */
export async function packRootFileSystem(recipe, scratch) {
  const root = path.join(scratch, "root");
  await mkdir(root, { recursive: true });
  await unpackPackages({ root, packages: recipe.packages, assumed: recipe.assumed, scratch });
  await addAccounts(root);
  await addAppletLinks(root);
  if (recipe.hostNode) await addHostNode(root);
  if (recipe.requirements) await installPythonPackages(root, path.join(filesDirectory, recipe.requirements));
  for (const [target, source] of Object.entries(recipe.files ?? {})) await addFile(root, target, source);
  const postgres = await preparePostgres(root);
  const tar = await pack(root, scratch, recipe.owned ?? {});
  const directories = [...postgres, "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  return { tar, config: [`ENV PATH=${directories.join(":")}`] };
}

async function addAccounts(root) {
  const accounts = [
    ["root", 0, "/root", "/bin/sh"],
    ["postgres", 999, "/var/lib/postgresql", "/bin/sh"],
    ["mysql", 998, "/var/lib/mysql", "/bin/sh"],
    ["node", 1000, "/home/node", "/bin/sh"],
    ["nobody", 65534, "/nonexistent", "/usr/sbin/nologin"],
  ];
  const passwd = accounts.map(([name, id, home, sh]) => `${name}:x:${id}:${id}:${name}:${home}:${sh}\n`).join("");
  const group = accounts.map(([name, id]) => `${name}:x:${id}:\n`).join("");
  await mkdir(path.join(root, "etc"), { recursive: true });
  await writeFile(path.join(root, "etc/passwd"), passwd);
  await writeFile(path.join(root, "etc/group"), group);
  await writeFile(path.join(root, "etc/nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files dns\n");
  for (const directory of ["tmp", "root", "run", "var", "home/node"]) {
    await mkdir(path.join(root, directory), { recursive: true });
  }
  await symlink("/run", path.join(root, "var/run"));
  await chmod(path.join(root, "tmp"), 0o1777);
}

async function addAppletLinks(root) {
  const busybox = path.join(root, "usr/bin/busybox");
  for (const applet of (await run(busybox, ["--list"])).split("\n").filter(Boolean)) {
    const link = path.join(root, "usr/bin", applet);
    if (!existsSync(link)) await symlink("busybox", link);
  }
}

// With the libraries that a build of Node other than the official one may be linked with.
async function addHostNode(root) {
  const target = path.join(root, "usr/local/bin/node");
  await mkdir(path.dirname(target), { recursive: true });
  await copyFile(process.execPath, target);
  await chmod(target, 0o755);
  for (const [, name, file] of (await run("ldd", [process.execPath])).matchAll(/^\s*(\S+) => (\/\S+)/gm)) {
    const places = [path.join(root, "usr/lib"), ...multiarchDirectories(root)];
    if (!places.some((place) => existsSync(path.join(place, name)))) {
      await copyFile(file, path.join(places.at(-1), name));
    }
  }
}

function multiarchDirectories(root) {
  const lib = path.join(root, "usr/lib");
  return readdirSync(lib)
    .filter((name) => name.includes("-linux-gnu"))
    .map((name) => path.join(lib, name));
}

async function addFile(root, target, source) {
  await mkdir(path.join(root, path.dirname(target)), { recursive: true });
  await writeFile(path.join(root, target), await readFile(path.join(filesDirectory, source)));
  await chmod(path.join(root, target), 0o755);
}

// Without LLVM, PostgreSQL goes without its compiler only if the module that would load it is missing too.
async function preparePostgres(root) {
  const versions = path.join(root, "usr/lib/postgresql");
  if (!existsSync(versions)) return [];
  const [version] = readdirSync(versions);
  for (const name of ["llvmjit.so", "llvmjit_types.bc", "bitcode"]) {
    await rm(path.join(versions, version, "lib", name), { recursive: true, force: true });
  }
  return [`/usr/lib/postgresql/${version}/bin`];
}

// Owners are given while packing, since only root could give them to the files themselves.
async function pack(root, scratch, owned) {
  const tar = path.join(scratch, "root.tar");
  const places = Object.keys(owned);
  for (const place of places) await mkdir(path.join(root, place), { recursive: true });
  const ofRoot = ["--owner=0", "--group=0", "--numeric-owner", "--sort=name"];
  await run("tar", ["-C", root, ...ofRoot, ...places.map((place) => `--exclude=./${place}`), "-cf", tar, "."]);
  for (const [place, id] of Object.entries(owned)) {
    await run("tar", ["-C", root, `--owner=${id}`, `--group=${id}`, "--numeric-owner", "-rf", tar, `./${place}`]);
  }
  return tar;
}
