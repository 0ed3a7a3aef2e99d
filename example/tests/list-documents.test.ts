import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { request, type ApiError } from "./support/api-client";
import { create, processed, titled, type Document } from "./support/documents";

interface Page {
  readonly items: Document[];
  readonly nextCursor: string | null;
}

async function list(parameters: Record<string, string>): Promise<Page> {
  const { status, json } = await request<Page>("GET", `/documents?${new URLSearchParams(parameters)}`);
  assert.equal(status, 200);
  return json;
}

describe("listing documents", () => {
  const created: Document[] = [];

  before(async () => {
    for (const name of ["Anchor", "Bowline 100% done", "Capstan", "Davit_one", "Ensign", "Fender", "Galley"]) {
      created.push(await create(titled(`Listed: ${name}`), `About the ${name}.`));
    }
    await Promise.all(created.map(({ id }) => processed(id)));
  });

  test("pages run from the newest to the oldest, with none lost and none twice", async () => {
    const titles: string[] = [];
    let cursor: string | null | undefined;
    let pages = 0;
    do {
      const page = await list({ search: titled("").trim(), limit: "3", ...(cursor ? { cursor } : {}) });
      titles.push(...page.items.map(({ title }) => title));
      cursor = page.nextCursor;
      pages += 1;
    } while (cursor);
    const listed = titles.filter((title) => title.startsWith("Listed: "));
    assert.deepEqual(listed, created.map(({ title }) => title).reverse());
    assert.equal(new Set(titles).size <= titles.length && pages, Math.ceil(titles.length / 3));
  });

  test("a page holds twenty where no limit is asked for, and each document as it is read alone", async () => {
    const { items } = await list({ search: titled("Galley") });
    const [document] = items;
    assert.equal(items.length, 1);
    assert.deepEqual(document, (await request("GET", `/documents/${document?.id}`)).json);
    assert.ok((await list({})).items.length <= 20);
  });

  test("only those of a status are listed when one is asked for", async () => {
    const done = await list({ status: "done", search: "Listed: ", limit: "100" });
    const found = new Set(done.items.map(({ id }) => id));
    assert.deepEqual([...new Set(done.items.map(({ status }) => status))], ["done"]);
    assert.ok(
      created.every(({ id }) => found.has(id)),
      "a document that is done is not in the list",
    );
    const failed = await list({ status: "failed", search: titled("Listed: ").slice(0, 8), limit: "100" });
    assert.deepEqual(failed.items, []);
  });

  test("a search takes any case, and its signs mean themselves", async () => {
    const names = async (search: string) =>
      (await list({ search })).items.map(({ title }) => title).filter((title) => title.endsWith(titled("").trim()));
    assert.deepEqual(await names("CAPSTAN"), [titled("Listed: Capstan")]);
    assert.deepEqual(await names("100% d"), [titled("Listed: Bowline 100% done")]);
    assert.deepEqual(await names("davit_"), [titled("Listed: Davit_one")]);
    assert.deepEqual(await names("d%vit"), []);
    assert.deepEqual(await names("no such title"), []);
  });

  test("parameters that make no sense are refused with 400", async () => {
    for (const [query, code] of [
      ["limit=0", "invalid_limit"],
      ["limit=101", "invalid_limit"],
      ["limit=ten", "invalid_limit"],
      ["status=lost", "invalid_status"],
      ["cursor=xyz", "invalid_cursor"],
      ["page=2", "unknown_parameter"],
    ] as const) {
      const { status, json } = await request<ApiError>("GET", `/documents?${query}`);
      assert.deepEqual([status, json.error?.code], [400, code], query);
    }
  });
});
