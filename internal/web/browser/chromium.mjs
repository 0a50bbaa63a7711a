// What both browser tests share: run.mjs, which looks at every page, and story.mjs, which
// plays the exercise. They start the same Chromium, watch for the same things, and hold pages
// to the same rules.
import { readFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const rules = { runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }, resultTypes: ["violations"] };

// read is the job that the Go test writes to standard input.
export function read() {
  const job = JSON.parse(readFileSync(0, "utf8"));
  if (job.screenshots) mkdirSync(job.screenshots, { recursive: true });
  return job;
}

export function launch(job) {
  return chromium.launch({
    executablePath: job.browser, headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

// watched opens a browser of its own, whose page tells what it should not have done. fine is a
// pattern of answers that a test asks for on purpose.
export async function watched(browser, options, { home, timeout, fine, tell }) {
  const context = await browser.newContext({ reducedMotion: "reduce", viewport: { width: 1280, height: 900 }, ...options });
  await context.addInitScript(() => {
    window.violations = [];
    addEventListener("securitypolicyviolation", (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
  });
  const page = await context.newPage();
  page.setDefaultTimeout(timeout);
  page.on("console", (m) => { if (m.type() === "error" && !fine.test(m.text())) tell(page, "console: " + m.text().slice(0, 300)); });
  page.on("pageerror", (e) => tell(page, "script error: " + e.message));
  page.on("dialog", (d) => { tell(page, "a dialog opened: " + d.message()); void d.dismiss(); });
  page.on("request", (r) => { if (!r.url().startsWith(home + "/")) tell(page, "asked for " + r.url().slice(0, 200)); });
  return { context, page };
}

// unfold opens what is folded, so that axe sees it too.
function unfold() { document.querySelectorAll("details").forEach((d) => { d.open = true; }); }

// accessible is what axe finds wrong with the page, a line for each.
export async function accessible(page, { unfolded }) {
  await page.evaluate(axe);
  if (unfolded) await page.evaluate(unfold);
  const found = await page.evaluate((rules) => window.axe.run(document, rules), rules);
  const why = (n) => n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? "";
  return found.violations.map((v) => `axe ${v.id} (${v.nodes.length}): ${v.help}: ${v.nodes.slice(0, 2).map((n) => n.html.slice(0, 160) + " | " + why(n).slice(0, 200)).join(" || ")}`);
}
