import { readDocument } from "./markdown";
import { compatibilityPage } from "../conformance/compatibility";
import { programs, refusals } from "../conformance/programs";

test("the page is what the programs of the conformance lane say", () => {
  expect(readDocument("docs/compatibility.md")).toBe(compatibilityPage(programs, refusals));
});

test("each program is known by its own name, which a project may have", () => {
  const names = [...programs, ...refusals].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9-]*$/);
});

test("the first step of a program has a body, and each row names its area", () => {
  for (const { steps } of programs) expect(steps[0]?.body).toBeDefined();
  for (const { shows } of [...programs, ...refusals]) for (const row of shows) expect(row).toMatch(/^[a-z]+: \S/);
});
