/** A finished test, as far as a JUnit file tells of it. */
export interface TestCase {
  readonly name: string;
  /** The groups that it is in, from the outermost. */
  readonly groups: readonly string[];
  readonly seconds: number;
  readonly file?: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Why it failed, or why it was skipped. */
  readonly message?: string;
  /** With the message and the stack. */
  readonly details?: string;
}

/** A JUnit file as GitLab, GitHub's actions and Jenkins read it: a suite for each outermost group. */
export function junitXml(name: string, cases: readonly TestCase[], seconds: number): string {
  const suites = new Map<string, TestCase[]>();
  for (const testCase of cases) {
    const suite = testCase.groups[0] ?? name;
    suites.set(suite, [...(suites.get(suite) ?? []), testCase]);
  }
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites ${attributes({ name, ...totals(cases), time: time(seconds) })}>`]; // prettier-ignore
  for (const [suite, members] of suites) {
    const sum = members.reduce((total, member) => total + member.seconds, 0);
    lines.push(`  <testsuite ${attributes({ name: suite, ...totals(members), time: time(sum) })}>`);
    for (const member of members) lines.push(...testCaseXml(member, name));
    lines.push("  </testsuite>");
  }
  lines.push("</testsuites>", "");
  return lines.join("\n");
}

function testCaseXml({ name, groups, seconds, file, outcome, message, details }: TestCase, fallback: string): string[] {
  const classname = groups.length > 0 ? groups.join(" › ") : fallback;
  const open = `    <testcase ${attributes({ name, classname, file, time: time(seconds) })}`;
  if (outcome === "passed") return [`${open}/>`];
  const inner =
    outcome === "skipped"
      ? `<skipped ${attributes({ message })}/>`
      : `<failure ${attributes({ message: firstLine(message), type: "failed" })}>${escape(details ?? message ?? "")}</failure>`;
  return [`${open}>`, `      ${inner}`, "    </testcase>"];
}

function totals(cases: readonly TestCase[]) {
  const count = (outcome: TestCase["outcome"]) => cases.filter((testCase) => testCase.outcome === outcome).length;
  return { tests: cases.length, failures: count("failed"), errors: 0, skipped: count("skipped") };
}

function attributes(values: Record<string, string | number | undefined>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}="${escape(String(value))}"`)
    .join(" ");
}

const firstLine = (text = "") => text.split("\n", 1)[0] ?? "";

const time = (seconds: number) => seconds.toFixed(3);

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escape(text: string): string {
  return (
    text
      .replace(/[&<>"]/g, (sign) => entities[sign] ?? sign)
      // XML 1.0 has no way at all to say the other control characters; colours of a terminal are made of them.
      .replace(/\u001b\[[0-9;]*m|[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, "")
  );
}
