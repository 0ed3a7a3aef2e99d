import fc from "fast-check";
import { Secret } from "../../engine/values";
import { makeMasker, type Masker } from "../../engine/deployment/masker";

const maskerOf = (...secrets: string[]): Masker => {
  const masker = makeMasker();
  for (const secret of secrets) masker.learn({ inner: [new Secret(secret)] });
  return masker;
};
const base64 = (text: string) => Buffer.from(text).toString("base64");

test("a secret is masked as it is, in JSON, in a URL and in base64", () => {
  const secret = 'pa"ss wörd/1+2';
  const { mask } = maskerOf(secret);
  expect(mask(`login with ${secret}!`)).toBe("login with [secret]!");
  expect(mask(JSON.stringify({ password: secret }))).toBe('{"password":"[secret]"}');
  expect(mask(`http://api?p=${encodeURIComponent(secret)}&x=1`)).toBe("http://api?p=[secret]&x=1");
  expect(mask(`token ${base64(secret)}`)).not.toContain(base64(secret).slice(0, -4));
});

test.each(["", "u", "us", "user:"])("in base64 after %j", (before) => {
  const secret = "correct horse battery";
  const encoded = base64(`${before}${secret}@host`);
  const masked = maskerOf(secret).mask(`Authorization: Basic ${encoded}`);
  expect(masked).toMatch(/^Authorization: Basic \S{0,8}\[secret\]\S{0,12}$/);
});

test("a long secret in base64 that is broken into lines", () => {
  const secret = "0123456789abcdef".repeat(12);
  const lines = base64(secret).match(/.{1,76}/g)!;
  const masked = maskerOf(secret).mask(lines.join("\n"));
  for (const line of lines) expect(masked).not.toContain(line.slice(0, 40));
});

test("the lines of a key, each with something before it", () => {
  const key = "-----BEGIN KEY-----\nMIIBOgIBAAJBAKj34GkxFhD9\nabcdefghijklmnopqrstuvwx\n-----END KEY-----\n";
  const log = key.replaceAll(/^/gm, "12:00 ");
  expect(maskerOf(key).mask(log)).not.toMatch(/MIIBO|abcdefg/);
});

test("a variable that is secret as a whole, by its value; one among others that are not, only as it stands", () => {
  const masker = makeMasker();
  masker.learn({ envs: ["MODE=production", new Secret("TOKEN=s3cr3t-t0ken")] });
  expect(masker.mask("production: s3cr3t-t0ken")).toBe("production: [secret]");
  const outputs = makeMasker();
  outputs.learn({ envs: new Secret(["MODE=production", "TOKEN=s3cr3t-t0ken"]) });
  expect(outputs.mask("production")).toBe("production");
});

test("short and empty values are left alone", () => {
  expect(maskerOf("", "  ", "true", "12345").mask("true: 12345  ")).toBe("true: 12345  ");
});

test("of two secrets, one the beginning of the other, the longer is masked", () => {
  const masker = maskerOf("abcdef", "abcdefghi");
  expect(masker.mask("abcdefghi abcdefg")).toBe("[secret] [secret]g");
  const stream = masker.stream();
  expect([stream.push("abcdef"), stream.push("g"), stream.push("hi."), stream.end()].join("")).toBe("[secret].");
});

test("what can't become a secret is shown at once", () => {
  const stream = maskerOf("s3cr3t-t0ken").stream();
  expect(stream.push("listening\n")).toBe("listening\n");
  expect(stream.push("it is s3cr")).toBe("it is ");
  expect(stream.push("ew\n")).toBe("s3crew\n");
});

test("however a text is cut, the same is shown as of the whole", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c", "\n", "="), minLength: 6, maxLength: 12 });
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1, maxLength: 3 }),
      fc.array(fc.oneof(fc.string({ unit: fc.constantFrom("a", "b", "c", "\n", "=", " ") }), fc.nat(2)), {
        maxLength: 12,
      }),
      (secrets, parts) => {
        const masker = maskerOf(...secrets);
        const chunks = parts.map((part) => (typeof part === "number" ? (secrets[part] ?? "") : part));
        const stream = masker.stream();
        const shown = chunks.map((chunk) => stream.push(chunk)).join("") + stream.end();
        expect(shown).toBe(masker.mask(chunks.join("")));
        for (const secret of secrets) {
          if (secret.trim().length >= 6) expect(shown).not.toContain(secret.trim());
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("a log that is kept out of sight as a whole isn't made of secrets", () => {
  const masker = makeMasker();
  masker.learnResource({
    custom: true,
    inputs: { password: new Secret("hunter22") },
    outputs: { containerLogs: new Secret("listening\n"), token: new Secret("t0ken-t0ken") },
    additionalSecretOutputs: ["containerLogs"],
  });
  expect(masker.mask("listening: hunter22 t0ken-t0ken")).toBe("listening: [secret] [secret]");
});

test("nor is it where a component and the stack hand it on, in whatever order a state tells of them", () => {
  const log = "✔ is good (1.2 ms)\n✔ is listed (3 ms)\n";
  for (const text of [log, "all 12 passed"]) {
    const secret = new Secret(text);
    const masker = makeMasker();
    masker.learnStack(
      [{ value: "from-the-settings", secret: true }],
      [
        {
          custom: false,
          inputs: {},
          outputs: { logs: secret, key: new Secret("k3y-k3y") },
          additionalSecretOutputs: [],
        },
        { custom: true, inputs: {}, outputs: { containerLogs: secret }, additionalSecretOutputs: ["containerLogs"] },
      ],
    );
    expect(masker.mask(text)).toBe(text);
    expect(masker.mask("k3y-k3y from-the-settings")).toBe("[secret] [secret]");
  }
});

test("a secret of a megabyte, and ten thousand of them, are masked in time", () => {
  const long = Array.from(
    { length: 20_000 },
    (_, line) => `${line}: ${(line * 7919).toString(36)} words of a log`,
  ).join("\n");
  const masker = maskerOf(long, ...Array.from({ length: 10_000 }, (_, number) => `password-${number}-${number}`));
  const text = `before ${long} password-77-77 after `.repeat(3);
  const started = performance.now();
  expect(masker.mask(text)).toBe("before [secret] [secret] after ".repeat(3));
  expect(performance.now() - started).toBeLessThan(5_000);
});
