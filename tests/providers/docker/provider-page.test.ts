import { readFileSync, writeFileSync } from "node:fs";
import { providerPage } from "./provider-page";

const PAGE = "docs/docker-provider.md";

test(`${PAGE} says what the package declares and the provider has`, () => {
  const page = providerPage();
  if (process.env.SEATRIAL_WRITE_DOCS) writeFileSync(PAGE, page);
  expect(readFileSync(PAGE, "utf8")).toBe(page);
});
