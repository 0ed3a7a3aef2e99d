import { execFileSync, spawnSync } from "node:child_process";
import path from "node:path";

const root = path.join(__dirname, "../..");
const script = path.join(root, "scripts/base-image.mjs");
const kinds = ["node", "postgres", "mariadb", "object-store", "probe"];

function recipe(kind: string): { name: string; publicImage: string } {
  return JSON.parse(execFileSync(process.execPath, [script, "--recipe", kind], { encoding: "utf8" }));
}

describe("base images", () => {
  test.each(kinds)("the local image of kind %s is named after its recipe, always the same", (kind) => {
    const { name, publicImage } = recipe(kind);
    expect(name).toMatch(new RegExp(`^seatrial-base-${kind}:[0-9a-f]{12}$`));
    expect(publicImage).toMatch(/:.*\d/);
    expect(recipe(kind).name).toBe(name);
  });

  test("whatever is changed in a recipe changes the name, but for the public image that would be used instead", () => {
    const names = JSON.parse(
      evaluate(`
        import { localName, recipes } from "./scripts/base-images/recipe.mjs";
        const changed = (change) => localName("postgres", { ...recipes.postgres, ...change });
        console.log(JSON.stringify([
          changed({}), changed({ publicImage: "postgres:99" }),
          changed({ packages: ["postgresql"] }), changed({ config: [] }), changed({ files: {} }),
        ]));`),
    ) as string[];
    expect(names[1]).toBe(names[0]);
    expect(new Set(names).size).toBe(4);
  });

  test("an image that the environment names is used, without asking any engine", () => {
    const env = {
      ...process.env,
      SEATRIAL_BASE_IMAGE_OBJECT_STORE: "registry.test/store:1",
      DOCKER_HOST: "tcp://127.0.0.1:1",
    };
    const { stdout, status } = spawnSync(process.execPath, [script, "object-store"], { env, encoding: "utf8" });
    expect([stdout, status]).toEqual(["registry.test/store:1\n", 0]);
  });

  test("an engine that doesn't answer is told of in one line, with nothing on standard output", () => {
    const env = { ...process.env, DOCKER_HOST: "unix:///nowhere/docker.sock" };
    const { stdout, stderr, status } = spawnSync(process.execPath, [script, "probe"], { env, encoding: "utf8" });
    expect([stdout, status]).toEqual(["", 1]);
    expect(stderr).toBe("[base-image] no Docker Engine answers at unix:///nowhere/docker.sock (ENOENT)\n");
  });

  test("an unknown kind is wrong usage", () => {
    expect(spawnSync(process.execPath, [script, "redis"]).status).toBe(2);
    expect(spawnSync(process.execPath, [script]).status).toBe(2);
  });
});

function evaluate(module: string): string {
  return execFileSync(process.execPath, ["--input-type=module", "--eval", module], { cwd: root, encoding: "utf8" });
}
