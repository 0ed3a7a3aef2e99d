/**
 * Notes through the command line, on stand-ins for GitLab and GitHub. Requests to GitHub are held to its own OpenAPI
 * description, which is too large a package to depend on: it is fetched once. Of GitLab's API no package has a
 * description; the stand-in holds requests to the parameters that its documentation lists.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { environments } from "../ci/environments";
import { standIn, type Asked, type StandIn } from "../ci/stand-in";
import { start } from "../e2e/seatrial";

const description = "@octokit/openapi@23.0.2";

interface Operation {
  method: string;
  path: RegExp;
  /** Schemas of the query's parameters. */
  query: Map<string, object>;
  /** What isn't described in it is refused too. */
  body?: object;
}

/** GitHub's operations below these paths. */
function operationsOfGithub(): Operation[] {
  const cache = join(tmpdir(), "seatrial-tests-octokit-openapi-23.0.2");
  const file = join(cache, "package/generated/api.github.com.deref.json");
  if (!existsSync(file)) {
    mkdirSync(cache, { recursive: true });
    execFileSync("npm", ["pack", description, "--silent"], { cwd: cache });
    execFileSync("tar", ["xzf", "octokit-openapi-23.0.2.tgz"], { cwd: cache });
  }
  const { paths } = JSON.parse(readFileSync(file, "utf8")) as {
    paths: Record<string, Record<string, OpenApiOperation>>;
  };
  return Object.entries(paths).flatMap(([path, methods]) => {
    if (!/^\/user$|^\/repos\/\{owner\}\/\{repo\}\/(?:issues|pulls)/.test(path)) return [];
    const pattern = new RegExp(`^${path.replace(/[.]/g, "\\.").replace(/\{[^}]+\}/g, "[^/]+")}$`);
    return Object.entries(methods).map(([method, { parameters = [], requestBody }]) => {
      const schema = requestBody?.content["application/json"]?.schema;
      const query = parameters.filter((parameter) => parameter.in === "query");
      return {
        method: method.toUpperCase(),
        path: pattern,
        query: new Map(query.map(({ name, schema }) => [name, schema])),
        ...(schema ? { body: { ...schema, additionalProperties: false } } : {}),
      };
    });
  });
}

interface OpenApiOperation {
  parameters?: { name: string; in: string; schema: object }[];
  requestBody?: { content: Record<string, { schema: object } | undefined> };
}

// Parameters of a query come as text.
const ajv = new Ajv({ strict: false, coerceTypes: true });
addFormats(ajv);

function complaint(operations: Operation[], { method, path, query, headers, body }: Asked): string | undefined {
  const operation = operations.find((operation) => operation.method === method && operation.path.test(path));
  if (!operation) return "GitHub describes no such operation";
  for (const [name, value] of Object.entries(query)) {
    const schema = operation.query.get(name);
    if (!schema) return `GitHub describes no parameter ${name} of the query`;
    if (!ajv.validate({ type: "object", properties: { value: schema } }, { value }))
      return `${name}=${value} doesn't fit`;
  }
  if (headers["x-github-api-version"] !== "2022-11-28") return "no version of the API";
  if (headers.accept !== "application/vnd.github+json") return "not the media type that GitHub recommends";
  if (!operation.body) return body === undefined ? undefined : "a body where GitHub describes none";
  return ajv.validate(operation.body, body) ? undefined : ajv.errorsText();
}

const hostile = "x` @all\n/close\n::error::y <script>alert(1)</script> #1 [a](http://evil.example)";
const result = {
  ...{ version: 1, verdict: "failed", exitCode: 1, project: "shop", commit: "9f8e7d6c5b" },
  tests: { total: 2, passed: 1, failed: 1, skipped: 0, failures: [{ name: hostile, message: hostile }] },
  ...{ startedAt: "2026-01-01T00:00:00.000Z", finishedAt: "2026-01-01T00:00:09.000Z" },
};

let folder: string;
let opened: StandIn | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "notes-"));
  writeFileSync(join(folder, "result.json"), JSON.stringify(result));
});
afterEach(async () => {
  await opened?.close();
  rmSync(folder, { recursive: true, force: true });
});

const notes = async (env: NodeJS.ProcessEnv) => await start(folder, ["note", "."], env).ended;

test("GitHub: posted, updated and refused, by requests as GitHub describes them", async () => {
  const operations = operationsOfGithub();
  expect(operations.length).toBeGreaterThan(50);
  const api = (opened = await standIn({
    kind: "github",
    token: "t0ken-of-the-job",
    check: (asked) => complaint(operations, asked),
  }));
  const event = join(folder, "event.json");
  writeFileSync(event, JSON.stringify({ pull_request: { number: 12 } }));
  const env = { ...environments["GitHub, a pull request"].env, GITHUB_API_URL: api.address, GITHUB_EVENT_PATH: event };
  const token = { GITHUB_TOKEN: "t0ken-of-the-job" };
  expect(await notes({ ...env, ...token })).toMatchObject({ code: 0, stdout: "The note was posted\n" });
  expect(await notes({ ...env, ...token })).toMatchObject({ code: 0, stdout: "The note was updated\n" });
  expect(api.notes).toHaveLength(1);
  expect(api.notes[0]!.body).toContain("### Seatrial: ❌ tests failed");
  expect(api.notes[0]!.body).not.toMatch(/^\/close|^::/m);
  expect(api.notes[0]!.body).toContain("[Job](<https://github.com/octocat/Hello-World/actions/runs/1658821493>)");

  const refused = await notes({ ...env, GITHUB_TOKEN: "another" });
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^error: the note could not be posted: .* answered with 401: GITHUB_TOKEN is wrong, or has expired\n$/,
    ) as string,
  });
  expect(await notes({ ...env, GITHUB_TOKEN: "" })).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("there is no GITHUB_TOKEN") as string,
  });

  const run = {
    event: "pull_request",
    head_branch: "b",
    head_sha: "abc",
    head_repository: { owner: { login: "fork" } },
  };
  writeFileSync(event, JSON.stringify({ workflow_run: run }));
  expect(await notes({ ...env, ...token })).toMatchObject({ code: 0 });
  expect(api.complaints).toEqual([]);
});

test("GitLab: posted, updated and refused, by requests as its documentation lists their parameters", async () => {
  const api = (opened = await standIn({ kind: "gitlab", token: "glpat-1", user: "bot" }));
  const env = { ...environments["GitLab, a merge request"].env, CI_API_V4_URL: api.address };
  const token = { SEATRIAL_GITLAB_TOKEN: "glpat-1" };
  expect(await notes({ ...env, ...token })).toMatchObject({ code: 0, stdout: "The note was posted\n" });
  expect(await notes({ ...env, ...token })).toMatchObject({ code: 0, stdout: "The note was updated\n" });
  expect(api.notes).toHaveLength(1);
  api.instead.push(
    () => undefined,
    () => undefined,
    () => ({ status: 403, body: { message: "\n::error::x" } }),
  );
  const refused = await notes({ ...env, ...token });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(
    /^error: the note could not be posted: updating the note was answered with 403: .*"api".*\n$/,
  );
  expect(await notes(env)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("there is no SEATRIAL_GITLAB_TOKEN") as string,
  });
  expect(readFileSync(join(folder, "note.md"), "utf8")).toContain("❌ tests failed");
  expect(api.complaints).toEqual([]);
});
