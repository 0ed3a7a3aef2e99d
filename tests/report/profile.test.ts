import { criticalPath, profileLines, type ProfiledStep } from "../../report/profile";

const step = (name: string, from: number, to: number, op = "create"): ProfiledStep => ({ name, op, from, to });
const names = (steps: ProfiledStep[]) => steps.map(({ name }) => name);

test("the critical path goes back from the last end, each time to what ended last before", () => {
  const steps = [
    step("network", 0, 0.2),
    step("volume", 0, 0.1),
    step("db", 0.21, 1),
    step("store", 0.21, 0.6),
    step("api", 1.01, 2),
    step("worker", 1.01, 1.5),
    step("tests", 2.02, 5),
  ];
  expect(names(criticalPath(steps))).toEqual(["network", "db", "api", "tests"]);
  expect(criticalPath([])).toEqual([]);
});

test("steps of no length don't lead in a circle", () => {
  expect(names(criticalPath([step("a", 1, 1), step("b", 1, 1), step("c", 1, 1)]))).toHaveLength(1);
});

test("the waterfall fits its width, marks what was waited for, and says how long each took", () => {
  const lines = profileLines(
    {
      phases: [{ name: "up", from: 0, to: 4 }],
      steps: [step("db", 0, 3), step("store", 0, 1), step("api", 3, 4), step("api", 4.1, 4.3, "delete")],
    },
    80,
  );
  expect(lines.slice(0, -2).every((line) => line.length <= 80)).toBe(true);
  expect(lines.find((line) => line.startsWith("  db"))).toMatch(/^ {2}db +█{30,} +3\.00s create$/);
  expect(lines.find((line) => line.startsWith("  store"))).toMatch(/▒+ +1\.00s create$/);
  expect(lines.at(-2)).toBe("waited for, while it came up:   db 3.00s → api 1.00s");
  expect(lines.at(-1)).toBe("waited for, while it went down: api 0.20s");
  expect(profileLines({ phases: [], steps: [] }, 80)).toEqual([]);
});

test("a long name is cut, and a narrow terminal still shows bars", () => {
  const [, line] = profileLines({ phases: [], steps: [step("n".repeat(100), 0, 1)] }, 10);
  expect(line).toMatch(/^ {2}n{29}… █{20} +1\.00s create$/);
});
