/** Secrets: the CLI's passphrase manager, and the key of the user's own. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPassphraseManager } from "../../engine/secrets/passphrase";
import { openStackSecrets } from "../../engine/secrets/stack-secrets";
import { Secret } from "../../engine/values";
import { type Program, World } from "./world";

/** Made by the Pulumi CLI 3.260 with PULUMI_CONFIG_PASSPHRASE=golden. */
const CLI = {
  passphrase: "golden",
  salt: "v1:SnXDpI8Efbk=:v1:36Rb0CEBGxYGpPBM:5fv2rEaRn7syQhdMFtOYCUeROGqazQ==",
  secrets: {
    "v1:oznYAg20CRceJ1Rw:pBgiP4hgfb+3Vi+ndIvuqbvr434ey+E=": '"t0ken"',
    "v1:LszYZ+rwMu29RCGJ:fsTW/8n6/gNDik0lvRxflfc=": "7",
    "v1:L7FJDvC9AydpUQ83:Ju4iVzJqbWKaQDGgEnwpsgKUYVMj6rc=": '"t0ken"',
  },
};

const folder = mkdtempSync(join(tmpdir(), "seatrial-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("the passphrase manager", () => {
  test("reads what the Pulumi CLI encrypted", () => {
    const manager = openPassphraseManager(CLI.passphrase, CLI.salt);
    const read = Object.keys(CLI.secrets).map((text) => JSON.parse(manager.decrypt(text)) as unknown);
    expect(read).toEqual(Object.values(CLI.secrets).map((text) => JSON.parse(text) as unknown));
  });

  test("encrypts anew each time, and reads it again", () => {
    const manager = openPassphraseManager(CLI.passphrase, CLI.salt);
    const [one, two] = [manager.encrypt("ä secret"), manager.encrypt("ä secret")];
    expect(one).toMatch(/^v1:[A-Za-z0-9+/]{16}:[A-Za-z0-9+/]+=*$/);
    expect(one).not.toBe(two);
    expect(openPassphraseManager(CLI.passphrase, CLI.salt).decrypt(one)).toBe("ä secret");
  });

  test("refuses a wrong passphrase, at once and later", async () => {
    const manager = openPassphraseManager("wrong", CLI.salt);
    expect(() => manager.encrypt("x")).toThrow("incorrect passphrase");
    await expect(openPassphraseManager("wrong", CLI.salt).ready()).rejects.toThrow("PULUMI_CONFIG_PASSPHRASE is not");
  });

  test("refuses what was tampered with", () => {
    const manager = openPassphraseManager(CLI.passphrase, CLI.salt);
    const text = manager.encrypt("x");
    const [version, nonce, sealed] = text.split(":") as [string, string, string];
    const bytes = Buffer.from(sealed, "base64");
    bytes[0]! ^= 1;
    expect(() => manager.decrypt(`${version}:${nonce}:${bytes.toString("base64")}`)).toThrow("can't be decrypted");
    expect(() => manager.decrypt("v1:short")).toThrow("can't be decrypted");
  });

  test("says what is wrong with a salt that it can't read", () => {
    expect(() => openPassphraseManager("x", "v2:abc")).toThrow('"v1:<salt>:<check>" was expected');
  });
});

describe("a stack's secrets", () => {
  test("an empty passphrase is a passphrase, and a file may hold it", () => {
    const file = join(folder, "passphrase");
    writeFileSync(file, "golden\n");
    const manager = openStackSecrets({ env: { PULUMI_CONFIG_PASSPHRASE_FILE: file }, salt: CLI.salt });
    expect(manager.decrypt(Object.keys(CLI.secrets)[0]!)).toBe('"t0ken"');
    const empty = openStackSecrets({ env: { PULUMI_CONFIG_PASSPHRASE: "" } });
    const again = openStackSecrets({ env: { PULUMI_CONFIG_PASSPHRASE: "" }, salt: empty.state.salt });
    expect(again.decrypt(empty.encrypt("x"))).toBe("x");
  });

  test("without a passphrase there is a key of the user's own, outside the project and for nobody else", () => {
    const home = join(folder, "home");
    mkdirSync(home);
    const env = { HOME: home };
    const file = join(home, ".local/share/seatrial/key.json");
    const manager = openStackSecrets({ env });
    expect(existsSync(file)).toBe(false);
    const text = manager.encrypt("x");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(openStackSecrets({ env, salt: manager.state.salt }).decrypt(text)).toBe("x");
    expect(openStackSecrets({ env }).decrypt(text)).toBe("x");
    writeFileSync(file, "{");
    expect(() => openStackSecrets({ env }).encrypt("x")).toThrow(`${file} can't be read as Seatrial's key`);
  });
});

describe("in a deployment", () => {
  const TEXT = "correct-horse";
  const program: Program = async (stack) => {
    const a = await stack.add("a", { password: new Secret(TEXT), nested: { key: new Secret(TEXT) }, plain: 1 });
    await stack.add("b", { copied: a.outputs["password"]! });
    await stack.outputs({ password: a.outputs["password"]!, plain: 1 });
  };

  test.each([true, false])("secrets stay secret through a provider that takes them: %s", async (acceptSecrets) => {
    const world = new World();
    world.cloud.acceptSecrets = acceptSecrets;
    const { outputs } = await world.up(program);
    expect(outputs).toEqual({ password: TEXT, plain: 1 });
    const stack = await world.open();
    expect(await stack.outputs()).toEqual({ password: "[secret]", plain: 1 });
    expect(await stack.outputs({ showSecrets: true })).toEqual({ password: TEXT, plain: 1 });
    const { inputs, outputs: outs } = await world.state("a");
    for (const map of [inputs, outs] as Record<string, Record<string, unknown>>[]) {
      expect(map!["password"]).toMatchObject({ ciphertext: expect.stringMatching(/^v1:/) as string });
      expect(map!["plain"]).toBe(1);
    }
    expect(JSON.stringify(await world.deployment())).not.toContain(TEXT);
    expect(JSON.stringify(world.events)).not.toContain(TEXT);
    const given = world.cloud.seen.get("create a")!["password"];
    expect(given).toEqual(acceptSecrets ? new Secret(TEXT) : TEXT);
    await world.up(program);
    expect(world.cloud.log).toEqual([]);
  });

  test("additionalSecretOutputs are encrypted and masked", async () => {
    const world = new World();
    await world.up((stack) => stack.add("a", {}, { additionalSecretOutputs: ["token"] }));
    const { outputs } = await world.state("a");
    expect((outputs as Record<string, unknown>)["token"]).toHaveProperty("ciphertext");
    expect((outputs as Record<string, unknown>)["ref"]).toMatch(/^a#/);
    const shown = world.events.find((event) => event.resOutputsEvent?.metadata.urn.endsWith("::a"));
    expect(shown?.resOutputsEvent?.metadata.new?.outputs["token"]).toHaveProperty("ciphertext", "[secret]");
  });

  test("a provider's message that quotes a secret is masked", async () => {
    const world = new World();
    world.cloud.faults.set("create a", () => {
      throw new Error(`login with ${TEXT} failed`);
    });
    await world.update((stack) => stack.add("a", { password: new Secret(TEXT) }));
    expect(world.messages("error")[0]).toBe("login with [secret] failed");
  });

  test("what the journal of a killed operation holds is encrypted and can be read again", async () => {
    const world = new World();
    const journal = join(world.folder, ".pulumi/seatrial/trial/test.jsonl");
    let text = "";
    world.cloud.faults.set("create b", () => {
      text = readFileSync(journal, "utf8");
    });
    const checkpoint = join(world.folder, ".pulumi/stacks/trial/test.json");
    await world.open();
    const before = readFileSync(checkpoint);
    await world.up(program);
    expect(text).not.toContain(TEXT);
    // As it was when the engine was killed while it made b: the salt is nowhere but in the journal.
    writeFileSync(checkpoint, before);
    writeFileSync(journal, text);
    const [stack] = [await world.open()];
    const a = (await stack.resources()).find(({ urn }) => urn.endsWith("::a"))!;
    expect(a.inputs["password"]).toEqual(new Secret(TEXT));
  });
});
