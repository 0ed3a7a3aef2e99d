import { numberSetting, readSettings } from "../../example/shared/settings";

const env = {
  DATABASE_URL: "postgres://user:secret@db:5432/name",
  S3_ENDPOINT: "http://store:9000",
  S3_BUCKET: "documents",
  AWS_ACCESS_KEY_ID: "id",
  AWS_SECRET_ACCESS_KEY: "key",
  AWS_REGION: "us-east-1",
};

describe("the settings of the example's programs", () => {
  test("come from the environment", () => {
    expect(readSettings(env)).toEqual({
      databaseUrl: env.DATABASE_URL,
      objectStore: {
        endpoint: "http://store:9000",
        bucket: "documents",
        region: "us-east-1",
        accessKeyId: "id",
        secretAccessKey: "key",
      },
    });
  });

  test("all that are missing are named at once", () => {
    expect(() => readSettings({ ...env, S3_BUCKET: "", AWS_REGION: undefined })).toThrow(
      "set S3_BUCKET, AWS_REGION: required, but not in the environment",
    );
  });

  test("a wrong address is named, but not repeated: it may hold a password", () => {
    const read = () => readSettings({ ...env, DATABASE_URL: "user:secret@db/name" });
    expect(read).toThrow("DATABASE_URL is not a URL that starts with postgres://");
    expect(read).not.toThrow("secret");
  });

  test("a number is within its bounds", () => {
    expect(numberSetting({}, "PORT", 8080, [1, 65_535])).toBe(8080);
    expect(numberSetting({ PORT: "80" }, "PORT", 8080, [1, 65_535])).toBe(80);
    for (const PORT of ["0", "65536", "80.5", "http", " "]) {
      expect(() => numberSetting({ PORT }, "PORT", 8080, [1, 65_535])).toThrow(
        `PORT is ${JSON.stringify(PORT)}: expected a whole number from 1 to 65535`,
      );
    }
  });
});
