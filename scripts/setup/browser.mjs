// A Chromium for the tests of the report page, from the distribution's packages. Only the long lane needs it.
import { existsSync } from "node:fs";
import { withLock } from "../base-images/lock.mjs";
import { run } from "../base-images/run.mjs";

export const CHROMIUM = "/usr/bin/chromium";

export async function setUpBrowser(say) {
  if (existsSync(CHROMIUM)) return "there";
  if (process.platform !== "linux" || !existsSync("/usr/bin/apt-get") || process.getuid() !== 0) {
    throw new Error(
      `there is no ${CHROMIUM}, and no Debian's apt-get as root to install it with: install Chromium there`,
    );
  }
  return withLock("seatrial-chromium", async () => {
    if (existsSync(CHROMIUM)) return "there";
    say("installing chromium from the distribution's packages");
    const apt = (...args) =>
      run("apt-get", ["-qq", "-o", "DPkg::Lock::Timeout=120", ...args], {
        env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      });
    await apt("update");
    await apt("install", "-y", "--no-install-recommends", "chromium");
    if (!existsSync(CHROMIUM)) throw new Error(`the package chromium has been installed, but there is no ${CHROMIUM}`);
    return "installed";
  });
}
