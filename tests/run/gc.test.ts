import { currentOwner, ownerState, parseOwner, type Owner } from "../../run/owner";
import { label } from "../../run/identity";
import { whyGarbage } from "../../run/gc";

const now = new Date("2026-01-01T12:00:00Z");
const past = "2026-01-01T11:00:00Z";
const future = "2026-01-01T13:00:00Z";
const alive = currentOwner({});
const gone: Owner = { ...alive, start: "1" };
const elsewhere: Owner = { ...alive, boot: "another", host: "another" };
const job: Owner = { ...elsewhere, job: "https://ci/jobs/1" };

const labels = (owner: Owner | undefined, expires: string | undefined) => ({
  ...(owner ? { [label.owner]: JSON.stringify(owner) } : {}),
  ...(expires ? { [label.expires]: expires } : {}),
});

test("knows itself, and tells a process from one that had its number before", () => {
  expect(ownerState(alive)).toBe("alive");
  expect(ownerState(gone)).toBe("gone");
  expect(ownerState(elsewhere)).toBe("unknown");
  expect(ownerState({ ...alive, ns: "pid:[1]" })).toBe("unknown");
  expect(ownerState({ ...alive, boot: "the last boot" })).toBe("gone");
  expect(ownerState({ host: "x", pid: 1 })).toBe("unknown");
});

test("reads owners, and no nonsense", () => {
  expect(parseOwner(JSON.stringify(alive))).toEqual(alive);
  for (const text of [undefined, "", "x", "null", "[]", '{"pid":"1","host":"x"}'])
    expect(parseOwner(text)).toBeUndefined();
});

test.each<[string, Record<string, string>[], RegExp | undefined]>([
  ["a live owner's, even if expired", [labels(alive, past)], undefined],
  ["a dead owner's", [labels(gone, future)], /process that owned it, \d+ on .* is gone/],
  ["nobody's, not expired", [labels(undefined, future)], undefined],
  ["nobody's, expired", [labels(undefined, past)], /expired at 2026-01-01T11/],
  [
    "kept, with parts that end at different times: the latest counts",
    [labels(undefined, past), labels(undefined, future)],
    undefined,
  ],
  ["another machine's, not expired", [labels(elsewhere, future)], undefined],
  ["another machine's, expired", [labels(elsewhere, past)], /expired/],
  ["a CI job's elsewhere, not expired", [labels(job, future)], undefined],
  ["a dead owner's stack that was kept since", [labels(gone, past), labels(undefined, future)], undefined],
  ["without an end", [labels(undefined, undefined)], undefined],
  ["with an end that is none", [labels(undefined, "tomorrow")], undefined],
])("%s", (_, stack, reason) => {
  const why = whyGarbage(stack, now);
  if (reason) expect(why).toMatch(reason);
  else expect(why).toBeUndefined();
});
