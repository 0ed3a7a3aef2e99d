// Python packages for an image, installed by the image's own Python run from outside of it: pip needs no place on this
// machine, and the versions of Python can't differ.
import { existsSync, readdirSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { run } from "./run.mjs";

/** Installs what the file `requirements` pins, from the package index that this machine's pip settings name. */
export async function installPythonPackages(root, requirements) {
  const [wheel] = await readdir(path.join(root, "usr/share/python-wheels")).then((names) =>
    names.filter((name) => name.startsWith("pip-")),
  );
  const site = path.join(root, "usr/local/lib", pythonName(root), "dist-packages");
  const pip = path.join(root, "usr/share/python-wheels", wheel, "pip");
  const options = ["--no-deps", "--only-binary=:all:", "--no-compile", "--disable-pip-version-check", "--quiet"];
  await python(root, [pip, "install", "--target", site, ...options, "-r", requirements]);
  await rm(path.join(root, "usr/share/python-wheels"), { recursive: true });
  await removeUnused(site);
  // Importing writes the compiled modules of all that a server loads, and of nothing else.
  await python(root, ["-c", warmUp], { PYTHONPATH: site });
}

// botocore describes every service of AWS in 25 MB of JSON, of which an S3 server reads its own.
async function removeUnused(site) {
  const data = path.join(site, "botocore/data");
  for (const name of await readdir(data)) {
    if (!["s3", "endpoints.json", "partitions.json", "_retry.json", "sdk-default-configuration.json"].includes(name)) {
      await rm(path.join(data, name), { recursive: true });
    }
  }
}

const warmUp = `
import urllib.request
import werkzeug.test
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
host, port = server.get_host_and_port()
def ask(method, path, body=None):
    request = urllib.request.Request(f"http://{host}:{port}{path}", data=body, method=method)
    request.add_header("authorization", "AWS4-HMAC-SHA256 Credential=a/20200101/us-east-1/s3/aws4_request")
    request.add_header("content-type", "text/plain")
    return urllib.request.urlopen(request).read()
ask("PUT", "/bucket")
ask("PUT", "/bucket/key", b"body")
assert ask("GET", "/bucket/key") == b"body"
assert b"key" in ask("GET", "/bucket?list-type=2")
ask("DELETE", "/bucket/key")
server.stop()
`;

function python(root, args, env = {}) {
  const libraries = readdirSync(path.join(root, "usr/lib"))
    .filter((name) => name.includes("-linux-gnu"))
    .map((name) => path.join(root, "usr/lib", name));
  const interpreter = path.join(root, "usr/bin", pythonName(root));
  const settings = { PYTHONHOME: path.join(root, "usr"), PIP_USER: "0", PIP_NO_CACHE_DIR: "1", ...env };
  return run(loader(root), ["--library-path", libraries.join(":"), interpreter, ...args], {
    env: { ...withoutPythonSettings(process.env), ...settings },
  });
}

function withoutPythonSettings(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("PYTHON")));
}

function pythonName(root) {
  return readdirSync(path.join(root, "usr/bin")).find((name) => /^python3\.\d+$/.test(name));
}

// The image's own dynamic loader, so that its Python runs with its own libraries, whatever this machine has.
function loader(root) {
  for (const directory of ["usr/lib64", "usr/lib"]) {
    const place = path.join(root, directory);
    const name = existsSync(place) && readdirSync(place).find((file) => /^ld-linux.*\.so/.test(file));
    if (name) return path.join(place, name);
  }
  throw new Error("the packages hold no dynamic loader");
}
