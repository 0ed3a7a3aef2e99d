/** What a test is called in lists of names, such as those of `result.json`. */
export function fullName({ name, suite }: { name: string; suite: string }): string {
  return suite && !name.startsWith(suite) ? `${suite} › ${name}` : name;
}
