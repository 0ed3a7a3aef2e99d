import { cursorOf, parseId, parseListQuery, parseNewDocument } from "../../example/api/validate";

describe("what the API takes", () => {
  test("a document has a title, without the white space around it, and a body as it is", () => {
    expect(parseNewDocument('{"title": " Log ", "body": " as is \\n"}')).toEqual({ title: "Log", body: " as is \n" });
  });

  test.each([
    ["{", "not valid JSON"],
    ["[]", "must be a JSON object"],
    ['{"title": "x", "body": "y", "z": 1}', 'there is no field "z"'],
    ['{"title": "", "body": "y"}', "title must have 1 to 200 characters, but has 0"],
    ['{"title": "x", "body": " "}', "body must not be empty"],
    ['{"title": "x", "body": "\\ud800"}', "must be valid text"],
  ])("%s is refused", (text, message) => {
    expect(() => parseNewDocument(text)).toThrow(message);
  });

  test("a cursor leads to where the page before ended", () => {
    const query = new URLSearchParams({ cursor: cursorOf("42"), limit: "5", status: "done", search: "log" });
    expect(parseListQuery(query)).toEqual({ before: "42", limit: 5, status: "done", search: "log" });
    expect(parseListQuery(new URLSearchParams())).toEqual({
      before: undefined,
      limit: 20,
      status: undefined,
      search: undefined,
    });
  });

  test("an id is a UUID in any case, and nothing else", () => {
    expect(parseId("6F9619FF-8B86-4D01-B42D-00CF4FC964FF")).toBe("6f9619ff-8b86-4d01-b42d-00cf4fc964ff");
    expect(() => parseId("1; DROP TABLE documents")).toThrow("a document's id is a UUID");
  });
});
