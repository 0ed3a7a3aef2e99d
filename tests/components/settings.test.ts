import { z } from "zod";
import { flag, readSettings, secretSetting, structured } from "../../components";
import { known, run } from "./harness";

const shape = {
  "tests.timeout": z.string().optional(),
  "tests.enabled": flag.default(true),
  "tests.command": structured(z.array(z.string()).min(1)).optional(),
  password: secretSetting.prefault("default"),
};
const read = (config: Record<string, string>) => run(() => readSettings(shape), { config });

test("settings are typed, and have defaults", async () => {
  const { result } = await read({ "other:tests.enabled": "nonsense" });

  expect(result).toMatchObject({ "tests.enabled": true });
  expect(result["tests.command"]).toBeUndefined();
  expect(await known(result.password)).toEqual({ value: "default", secret: true });
});

test("settings are the project's own, and may be lists", async () => {
  const { result } = await read({
    "shop:tests.timeout": "90",
    "shop:tests.enabled": "false",
    "shop:tests.command": '["sh","-c","true"]',
    "shop:password": "given",
  });

  expect(result).toMatchObject({
    "tests.timeout": "90",
    "tests.enabled": false,
    "tests.command": ["sh", "-c", "true"],
  });
  expect(await known(result.password)).toEqual({ value: "given", secret: true });
});

test.each<[Record<string, string>, string]>([
  [{ "shop:tests.enabled": "no" }, "Setting shop:tests.enabled: expected true or false"],
  [{ "shop:tests.command": "sh" }, 'Setting shop:tests.command: expected JSON, got "sh"'],
  [{ "shop:tests.command": '["sh", 7]' }, "Setting shop:tests.command.1: expected string, received number"],
  [
    { "shop:tests.comand": "[]" },
    "Setting shop:tests.comand: no such setting; there are password, tests.command, tests.enabled, tests.timeout",
  ],
])("%j is refused", async (config, message) => {
  const refusal = await read(config).catch((error: Error) => error);

  expect(refusal).toMatchObject({ name: "UsageError", message });
});

test("every fault has a line", async () => {
  await expect(read({ "shop:tests.enabled": "no", "shop:x": "y" })).rejects.toThrow(
    /^Setting shop:x: .*\nSetting shop:tests\.enabled: .*$/,
  );
});
