// The desk in a real browser, started by the Go test beside the pages (browser_test.go).
// Reads what to do as JSON from standard input and writes one line per complaint.
//
// It fails on: any message that the content security policy sends, any error on the
// console, any request to another host, any script of an attacker that ran, any
// violation that axe finds, anything wider than the screen.
import { join } from "node:path";
import { accessible, launch, read, watched } from "./chromium.mjs";

const job = read(); // {browser, screenshots, only, desks: {name: {url, control, from, to, page}}, pages: [{name, path, as, form}]}
function complain(text) { console.log("COMPLAINT " + text.replaceAll("\n", " ")); }
let checked = 0;

const browser = await launch(job);

// open makes a browser context that watches what happens in it.
async function open(desk, { as = "", dark = false, narrow = false, script = true } = {}) {
  const seen = [];
  const { context, page } = await watched(browser, { colorScheme: dark ? "dark" : "light", javaScriptEnabled: script, ...(narrow && { viewport: { width: 320, height: 700 } }) },
    { home: desk.url, timeout: 15_000, fine: /status of (404|403|409|422)/, tell: (_, text) => seen.push(text) });
  if (as) await context.addCookies([{ name: "as", value: as, url: desk.url }]);
  return { context, page, seen };
}

// send fills in the form of a page, as far as the page has one, and waits for what answers it.
async function send(page, form) {
  const asks = page.locator("main form[method=post]").first();
  if (!await asks.count()) return;
  for (const [name, value] of Object.entries(form)) {
    const field = asks.locator(`[name="${name}"]`);
    const kind = await field.evaluate((e) => e.type);
    if (kind === "checkbox") await field.evaluate((e) => { e.checked = true; });
    else if (kind === "select-one") await field.selectOption(value);
    else await field.fill(value);
  }
  const address = page.url();
  await Promise.all([page.waitForEvent("load"), asks.locator("button").last().click()]);
  must(page.url() === address, "what was typed leads to another address");
}

// look shows one page in an open tab and writes down what is wrong with it.
async function look(tab, desk, deskName, p, { dark, narrow }) {
  const where = `${deskName} ${p.path}${p.as ? " as " + p.as : ""} ${dark ? "dark" : "light"} ${narrow ? "320px" : "desktop"}`;
  const { page, seen } = tab;
  seen.length = 0;
  try {
    await page.goto(desk.url + p.path, { waitUntil: "load" });
    if (p.form) await send(page, p.form);
    const state = await page.evaluate(inspect);
    if (state.overflow > 0) seen.push(`scrolls sideways by ${state.overflow}px: ${state.wide.join(", ")}`);
    if (state.violations.length) seen.push("policy: " + state.violations.join("; "));
    if (state.pwned) seen.push("an attacker's script ran");
    if (state.inline.length) seen.push("inline: " + state.inline.join(" "));
    if (state.h1 !== 1) seen.push(`has ${state.h1} main headings`);
    if (job.screenshots) await page.screenshot({ path: join(job.screenshots, `${deskName}-${p.name}-${dark ? "dark" : "light"}-${narrow ? "320" : "wide"}.png`), fullPage: state.height < 8000 });
    seen.push(...await accessible(page, { unfolded: true }));
    checked++;
  } catch (e) {
    seen.push(String(e).slice(0, 400));
  }
  for (const s of seen) complain(`${where}: ${s}`);
}

// inspect runs within the page.
function inspect() {
  const limit = document.documentElement.clientWidth;
  const hidden = ".pc-scroll, .govuk-visually-hidden, .pc-cards thead";
  const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > limit + 1 && !e.closest(hidden)).slice(0, 3);
  const spill = [...document.querySelectorAll("main *")].filter((e) => e.clientWidth > 2 && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === "visible").sort((a, b) => (b.scrollWidth - b.clientWidth) - (a.scrollWidth - a.clientWidth)).slice(0, 2);
  const inline = "script:not([src]), style, [onclick], [onerror], [onload], [onmouseover]";
  return {
    overflow: document.documentElement.scrollWidth - limit, wide: [...wide, ...spill].map((e) => e.tagName + "." + (e.getAttribute("class") ?? "")),
    height: document.documentElement.scrollHeight, violations: window.violations, pwned: window.pwned, h1: document.querySelectorAll("h1").length,
    inline: [...document.querySelectorAll(inline)].map((e) => e.outerHTML.slice(0, 80)),
  };
}

// step runs one story; what it throws is a complaint.
async function story(name, run) {
  if (job.only && !name.includes(job.only)) return;
  try { await run(); checked++; } catch (e) { complain(`${name}: ${String(e.message ?? e).slice(0, 500)}`); }
}

function must(ok, text) { if (!ok) throw new Error(text); }

async function tabTo(page, match, most = 120) {
  for (let i = 0; i < most; i++) {
    await page.keyboard.press("Tab");
    const text = await page.evaluate(() => (document.activeElement?.textContent ?? "") + " " + (document.activeElement?.getAttribute("aria-label") ?? "") + " " + (document.activeElement?.id ?? ""));
    if (text.includes(match)) return;
  }
  throw new Error(`no way by keyboard to “${match}”`);
}

// Each desk is looked at in those of the four ways that its test names. A tab is kept for all pages that one person looks at in one way.
const ways = [{ dark: false, narrow: false }, { dark: true, narrow: true }, { dark: true, narrow: false }, { dark: false, narrow: true }];
const tabs = [];
for (const [name, desk] of Object.entries(job.desks)) {
  for (const way of ways.slice(desk.from, desk.to)) {
    for (const as of new Set(job.pages.map((p) => p.as))) {
      const pages = job.pages.filter((p) => p.as === as && (!job.only || `${name} ${p.name}`.includes(job.only)) && (!desk.page || desk.page === p.name));
      if (pages.length) tabs.push({ name, desk, way, as, pages });
    }
  }
}
const began = Date.now();
async function work() {
  for (let t = tabs.shift(); t; t = tabs.shift()) {
    const tab = await open(t.desk, { as: t.as, ...t.way });
    for (const p of t.pages) await look(tab, t.desk, t.name, p, t.way);
    await tab.context.close();
  }
}
await Promise.all([work(), work()]);
console.log(`${checked} looks in ${((Date.now() - began) / 1000).toFixed(0)} s`);

const plain = job.desks.plain;

await story("story: keyboard", async () => {
  const { context, page, seen } = await open(plain);
  await page.goto(plain.url + "/");
  await tabTo(page, "Skip to the page", 1);
  await page.keyboard.press("Enter");
  must(await page.evaluate(() => document.activeElement?.id === "main"), "the skip link does not lead to the page");
  await page.goto(plain.url + "/");
  await tabTo(page, "Notices");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/notices");
  await tabTo(page, "open the notice to");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/notices/*");
  await tabTo(page, "Approve this notice");
  await page.keyboard.press("Enter");
  await page.waitForURL("**done=approved");
  must((await page.textContent("main")).includes("The notice is approved"), "the page does not say that it is approved");
  await tabTo(page, "Send by mail");
  await page.keyboard.press("Enter");
  await page.waitForURL("**done=sent");
  must((await page.textContent("main")).includes("The clock has stopped"), "the page does not say that it is sent");
  must(seen.length === 0, seen.join("; "));
  await context.close();
});

await story("story: conflict", async () => {
  const { context, page } = await open(plain);
  await page.goto(plain.url + "/campaigns/campaign:0000");
  await page.click("text=Merge it into another campaign");
  await page.selectOption("#merge-into", { index: 1 });
  await page.fill("#merge-why", "The same page stands behind both.");
  await fetch(plain.control + "/conflict", { method: "POST" });
  await page.click("#merge button");
  await page.waitForSelector(".govuk-error-summary");
  const text = await page.textContent(".govuk-error-summary");
  must(text.includes("Chiara Marchetti") && text.includes("split it"), "the later one is not told who was faster: " + text);
  must(await page.inputValue("#merge-why") === "The same page stands behind both.", "what was typed is lost");
  must(await page.evaluate(() => document.activeElement?.className.includes("error-summary")), "the focus is not on the message");
  await context.close();
});

await story("story: live", async () => {
  const { context, page, seen } = await open(plain);
  await page.goto(plain.url + "/notices/notice:0004");
  await page.waitForSelector("#live[data-state=on]");
  const other = await open(plain);
  await other.page.goto(plain.url + "/notices/notice:0004");
  await page.evaluate(() => { window.stays = true; });
  await other.page.click("text=Approve this notice");
  await page.waitForFunction(() => document.getElementById("notice-head")?.textContent.includes("approved"));
  must(await page.locator("text=Send by mail").count() === 1 && await page.locator("text=Approve this notice").count() === 0, "the forms are not those of the new state");
  must(await page.evaluate(() => window.stays), "the page was loaded anew instead of changed");
  must(seen.length === 0, seen.join("; "));
  // The stream breaks; the browser comes back and hears what it missed.
  await fetch(plain.control + "/cut", { method: "POST" });
  await other.page.click("text=Send by mail");
  await page.waitForFunction(() => document.getElementById("notice-head")?.textContent.includes("sent"), undefined, { timeout: 20_000 });
  await context.close();
  await other.context.close();
});

// What somebody has ticked, chosen or typed but not sent outlives whatever comes in meanwhile:
// news about the part it stands in, and the whole campaign's going up in another.
await story("story: live, and nothing is lost", async () => {
  const { context, page, seen } = await open(plain);
  await page.goto(plain.url + "/campaigns/campaign:0008");
  await page.waitForSelector("#live[data-state=on]");
  await page.evaluate(() => { window.stays = true; });
  const kept = () => page.evaluate(() => window.stays && document.getElementById("tick-event:0001")?.checked && document.querySelector("#merge-into")?.selectedIndex === 1);
  await page.click("label[for='tick-event:0001']");
  await page.click("text=Merge it into another campaign");
  await page.selectOption("#merge-into", { index: 1 });
  await page.click("h1"); // the focus is nowhere near
  for (const part of ["evidence", "change", "why"]) await page.evaluate((id) => { document.getElementById(id).dataset.was = "something else"; }, part);
  const other = await open(plain);
  await other.page.goto(plain.url + "/notices/notice:0005");
  await other.page.click("text=Approve this notice");
  await page.waitForFunction(() => document.getElementById("why")?.classList.contains("pc-fresh"));
  must(await kept(), "a change of a campaign took away what was ticked or chosen");
  await fetch(plain.control + "/merged?id=campaign:0008", { method: "POST" });
  await page.waitForFunction(() => document.getElementById("live")?.textContent.includes("become another"));
  must(await kept(), "a merge took away what was ticked or chosen");
  await other.page.goto(plain.url + "/campaigns/campaign:0007");
  await other.page.waitForSelector("#live[data-state=on]");
  await fetch(plain.control + "/merged?id=campaign:0007", { method: "POST" });
  await other.page.waitForURL("**/campaigns/campaign:0000?done=moved"); // nobody had begun anything there
  must(seen.length === 0, seen.join("; "));
  await context.close();
  await other.context.close();
});

await story("story: no script", async () => {
  const { context, page } = await open(plain, { script: false });
  for (const p of job.pages.filter((p) => !p.as)) {
    await page.goto(plain.url + p.path);
    must(await page.locator("h1").count() === 1, p.path + " shows nothing without script");
  }
  await page.goto(plain.url + "/campaigns/campaign:0000");
  must(await page.locator("#timeline svg circle").count() > 10 && await page.locator("#targets svg").isVisible(), "the drawings need script");
  await page.goto(plain.url + "/notices/notice:0002");
  await page.click("text=Approve this notice");
  await page.waitForURL("**done=approved");
  await page.goto(plain.url + "/campaigns/campaign:0000");
  await page.click("label[for='tick-event:0001']");
  await page.click("text=Split off the ticked events");
  await page.fill("#split-why", "Another sender.");
  await page.click("text=Make them a campaign of their own");
  await page.waitForURL("**done=split");
  await page.goto(plain.url + "/indicators");
  await page.fill("#indicators-patterns", "img.seminar-news.example");
  await page.click("text=Add and search all history");
  must((await page.textContent(".govuk-error-summary")).includes("who told you"), "a missing source is not told");
  must(await page.inputValue("#indicators-patterns") === "img.seminar-news.example", "what was typed is lost");
  await context.close();
});

await story("story: screening", async () => {
  const { context, page, seen } = await open(plain);
  await page.goto(plain.url + "/");
  await tabTo(page, "Screening");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/screening");
  await tabTo(page, "screen-name");
  await page.keyboard.type("Радомир Кестрелов");
  await Promise.all([page.waitForEvent("load"), page.keyboard.press("Enter")]);
  const text = await page.textContent("main");
  for (const says of ["A designation matches", "asset freeze", "transliterated from Cyrillic", "Registered influence", "Political influence", "needs a birth date or nationality", "not the same"]) must(text.includes(says), `the answer does not say “${says}”`);
  must(await page.inputValue("#screen-name") === "Радомир Кестрелов", "what was typed is lost");
  must(await page.evaluate(() => document.activeElement?.id === "answer"), "the focus is not on the answer");
  must(!/[А-я%?]/.test(page.url()) && !/[А-я]/.test(await page.title()), "the name stands in the address or the title: " + page.url());
  must(seen.length === 0, seen.join("; "));
  await context.close();
});

await story("story: whole graph", async () => {
  const desk = job.desks.huge;
  const { context, page, seen } = await open(desk);
  await page.goto(desk.url + "/campaigns/campaign:0000");
  await page.click("text=Open the whole graph");
  await page.waitForSelector(".pc-graph canvas");
  await page.waitForTimeout(300);
  must((await page.evaluate(() => window.violations)).length === 0, "policy: " + (await page.evaluate(() => window.violations)).join("; "));
  must(seen.length === 0, seen.join("; "));
  if (job.screenshots) await page.locator("#graph").screenshot({ path: join(job.screenshots, "huge-graph.png") });
  await context.close();
});

await story("story: print", async () => {
  const { context, page } = await open(plain);
  await page.emulateMedia({ media: "print" });
  for (const p of ["/knew", "/notices/notice:0000", "/campaigns/campaign:0000"]) {
    await page.goto(plain.url + p);
    must(!await page.locator(".pc-nav").isVisible(), "the navigation is printed");
    if (job.screenshots) await page.screenshot({ path: join(job.screenshots, `print${p.replaceAll(/[/:]/g, "-")}.png`), fullPage: true });
  }
  await context.close();
});

await browser.close();
console.log(`CHECKED ${checked}`);
