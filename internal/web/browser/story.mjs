// The exercise from the first finding to the score, in a real browser on the real program.
// The Go test in cmd/portcullis (story_test.go) starts both, and reads what is printed here:
// a line per complaint, and THE END.
//
// It fails on: a step that does not come out as it should, any message that the content
// security policy sends, any error on the console, any request to another host, any
// violation that axe finds, anything wider than the screen.
import { join } from "node:path";
import { accessible, launch, read, watched } from "./chromium.mjs";

const job = read(); // {browser, screenshots, url, links: [first, second], token, post}
const complain = (text) => console.log("COMPLAINT " + text.replaceAll("\n", " ").slice(0, 900));
const began = Date.now();

const browser = await launch(job);

// sit opens a browser of its own for one person, and watches what happens in it.
async function sit(options) {
  const { page } = await watched(browser, options, { home: job.url, timeout: 30_000, fine: /status of (403|409|422)/, tell: (page, text) => complain(`${page.url()}: ${text}`) });
  return page;
}

// look shows a page as it is in the light on a desk and in the dark on a phone.
let phone;
async function look(page, name) {
  await page.waitForLoadState("load");
  const onPhone = async () => {
    await phone.goto(page.url().replace(/[?&]done=.*/, ""), { waitUntil: "load" });
    await inspect(phone, `${name} dark 320px`);
  };
  await Promise.all([inspect(page, `${name} light desktop`), onPhone()]);
}

async function inspect(page, where) {
  if (job.screenshots) await page.screenshot({ path: join(job.screenshots, where.replaceAll(/\W+/g, "-") + ".png"), fullPage: true });
  const state = await page.evaluate(() => ({
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth, policy: window.violations, h1: document.querySelectorAll("h1").length,
  }));
  if (state.overflow > 0) complain(`${where}: scrolls sideways by ${state.overflow}px`);
  if (state.h1 !== 1) complain(`${where}: ${state.h1} main headings`);
  for (const p of state.policy) complain(`${where}: policy: ${p}`);
  for (const v of await accessible(page, { unfolded: false })) complain(`${where}: ${v}`);
}

async function step(name, run) {
  const from = Date.now();
  try {
    await run();
    console.log(`${name}: ${((Date.now() - from) / 1000).toFixed(1)} s`);
  } catch (e) {
    complain(`${name}: ${String(e.message ?? e)}`);
    if (job.screenshots) await first.screenshot({ path: join(job.screenshots, "failed-" + name.replaceAll(/\W+/g, "-") + ".png"), fullPage: true }).catch(() => {});
  }
}

function must(ok, text) { if (!ok) throw new Error(text); }
const words = async (page, where = "main") => (await page.innerText(where)).replaceAll(/\s+/g, " ");
async function says(page, text, where = "main") {
  const all = await words(page, where);
  must(all.includes(text), `the page ${page.url()} does not say “${text}” but: ${all.slice(0, 400)}`);
}
const press = async (page, name) => { await Promise.all([page.waitForNavigation(), page.getByRole("button", { name }).click()]); };
const fold = async (page, text) => { await page.locator("summary", { hasText: text }).click(); };
const go = (page, path) => page.goto(job.url + path, { waitUntil: "load" });

// The JSON interface, as the help desk's program uses it: it may read and weigh, not approve.
async function program(method, path, body) {
  const answer = await fetch(job.url + "/api/v1" + path, { method, headers: { Authorization: "Bearer " + job.token, "Content-Type": "application/json" }, body: body && JSON.stringify(body) });
  const text = await answer.text();
  return { status: answer.status, text, json: text.startsWith("{") ? JSON.parse(text) : {} };
}

async function campaigns() {
  const { json } = await program("GET", "/campaigns");
  return json.campaigns;
}
async function noticesOf(campaign) {
  const { json } = await program("GET", "/notices?campaign=" + encodeURIComponent(campaign));
  return json.notices;
}

const first = await sit(), second = await sit();
let loud, quiet, letters;

await step("signing in by the printed links", async () => {
  await first.goto(job.links[0]);
  await first.waitForURL(job.url + "/");
  await says(first, "Exercise: ");
  await second.goto(job.links[1]);
  await second.waitForURL(job.url + "/");
  await says(second, "second officer", "header");
  const again = await first.context().newPage();
  await again.goto(job.links[0]);
  must((await again.innerText("body")).includes("used"), "a link works twice");
  await again.close();
  phone = await sit({ colorScheme: "dark", viewport: { width: 320, height: 700 }, storageState: await first.context().storageState() });
});

await step("the loud campaign appears by itself", async () => {
  await first.evaluate(() => { window.stays = true; });
  await first.waitForFunction(() => document.querySelector("#campaigns table tbody tr"), undefined, { timeout: 60_000 });
  must(await first.evaluate(() => window.stays), "the page was loaded anew instead of changed");
  must(/clocks? runs?;|overdue/.test(await words(first)), "no clock runs: " + (await words(first)).slice(0, 300)); // a slow machine may be late already
  await look(first, "situation during the exercise");
});

await step("the campaign, and who was reached", async () => {
  await go(first, "/");
  const holds = await Promise.all((await campaigns()).map(async (c) => [c.id, (await program("GET", "/campaigns/" + c.id)).text.includes("reader-metrics.example")]));
  const [id] = holds.find(([, it]) => it) ?? holds[0]; // on a slow machine the quiet one may be there too
  await first.locator(`#campaigns tbody th a[href="/campaigns/${id}"]`).click();
  await first.waitForURL("**/campaigns/**");
  loud = decodeURIComponent(new URL(first.url()).pathname.split("/").pop());
  await says(first, "reader-metrics.example");
  await says(first, "Anna Keller", "#targets");
  must(await first.locator("#timeline svg circle").count() > 0, "the timeline shows nothing");
  await look(first, "campaign");
});

await step("a finding: its evidence stands out and does nothing", async () => {
  await first.locator("#evidence tbody th a").first().click();
  await first.waitForURL("**/findings/**");
  must(await first.locator("main mark").count() > 0, "no evidence is highlighted");
  must((await first.locator("main mark").allInnerTexts()).join("").trim().length > 10, "what is highlighted is empty");
  must(await first.locator("main img, main iframe, main object, main form:not([action^='/'])").count() === 0, "what the message holds is alive");
  await says(first, "That you looked at this is recorded");
  await look(first, "finding");
});

await step("the exercise ends, and the page follows", async () => {
  await go(first, "/");
  await first.evaluate(() => { window.stays = true; });
  await first.waitForFunction(() => document.getElementById("situation-head").textContent.includes("finished"), undefined, { timeout: 150_000 });
  await first.waitForFunction(() => document.getElementById("situation-head").textContent.includes("people missed"));
  must(await first.evaluate(() => window.stays), "the page was loaded anew instead of changed");
});

await step("two campaigns, and none of the letters from the public", async () => {
  const list = await campaigns();
  loud = list.find((c) => c.events === 11)?.id;
  quiet = list.find((c) => c.people === 6 && c.id !== loud)?.id;
  must(loud && quiet && list.length === 2, "campaigns: " + JSON.stringify(list.map((c) => [c.events, c.people])));
  const { json } = await program("GET", "/notices");
  const needless = json.notices.filter((n) => n.campaign !== loud && n.campaign !== quiet && n.state !== "withdrawn");
  must(needless.length === 0, "people are to be told of what was nothing: " + JSON.stringify(needless.map((n) => [n.person, n.state])));
  await go(first, "/campaigns/" + quiet);
  for (const name of ["Lihua Wang", "Małgorzata Wójcik", "Ngozi Okafor", "Giorgos Papadakis", "Friedrich Möller", "Daniel Hughes"]) await says(first, name, "#targets");
  await says(first, "named to us as an attacker", "#why");
  await look(first, "quiet campaign");
});

await step("the partner's feed, and what was refused of it", async () => {
  await go(first, "/indicators");
  await says(first, "coastal-quarterly.example");
  const row = first.locator("main table tr", { hasText: "partner team" }).last();
  must((await row.locator("[data-label=Refused]").innerText()).trim() === "2", "what was refused is not counted: " + await row.innerText());
  await go(first, "/audit?kind=edit-indicators");
  must(/2 refused: parliament\.example would hit \d+ mails/.test(await words(first)), "the audit does not say what the refused indicator would hit: " + (await words(first)).slice(0, 500));
});

await step("a notice is approved, sent, and arrives", async () => {
  const anna = (await noticesOf(loud)).find((n) => n.person === "person:p0001");
  await go(first, "/notices/" + anna.id);
  const letter = await words(first, "article");
  must(letter.includes("Nobody has approved this yet"), "a draft does not say that it is one");
  await look(first, "notice");
  await press(first, "Approve this notice");
  await says(first, "The notice is approved");
  await press(first, /Send by mail/);
  await says(first, "The clock has stopped");
  const took = await (await fetch(job.post)).json();
  must(took.length === 1 && took[0].to === "anna.keller@parliament.example", "the mail server took: " + JSON.stringify(took.map((m) => m.to)));
  const mail = took[0].text.replaceAll(/=\r?\n/g, "");
  for (const text of ["Before we print: your part in the Ozmark hearing", "What to do now", "+999 555 0100"]) must(mail.includes(text), `the mail lacks “${text}”: ${mail.slice(0, 600)}`);
  must(!mail.includes("Nobody has approved"), "the mail says that it is a draft");
  const after = (await noticesOf(loud)).find((n) => n.id === anna.id);
  must(after.state === "sent" && after.told && !after.overdue, "the clock runs on: " + JSON.stringify(after.state));
});

await step("who knew what, when", async () => {
  await go(first, "/knew");
  const row = await first.locator("tbody tr", { hasText: "Anna Keller" }).first().innerText();
  must(/mail/.test(row) && /first officer/.test(row) && !/not told/.test(row), "the record says: " + row);
  await look(first, "who knew what");
});

await step("somebody without the role does not approve", async () => {
  const thomas = (await noticesOf(loud)).find((n) => n.person === "person:p0002");
  const answer = await program("POST", `/notices/${thomas.id}/approve`, { version: thomas.version });
  must(answer.status === 403 && /approver/.test(answer.text), `${answer.status} ${answer.text}`);
  const still = (await noticesOf(loud)).find((n) => n.id === thomas.id);
  must(still.state === "drafted", "it is " + still.state);
});

await step("two at once: the later one is told", async () => {
  const thomas = (await noticesOf(loud)).find((n) => n.person === "person:p0002");
  await go(first, "/notices/" + thomas.id);
  await first.evaluate(() => { document.querySelector("#approve input[name=version]").closest("form").dataset.seen = "1"; });
  const stale = await first.inputValue("#approve input[name=version]");
  await first.evaluate(() => document.querySelectorAll("[data-live]").forEach((e) => e.removeAttribute("data-live"))); // as if the line were slow
  await go(second, "/notices/" + thomas.id);
  await press(second, "Approve this notice");
  await says(second, "The notice is approved");
  await first.evaluate((version) => { document.querySelector("#approve input[name=version]").value = version; }, stale);
  await press(first, "Approve this notice");
  await says(first, "Somebody else was faster", ".govuk-error-summary");
  await says(first, "second officer", ".govuk-error-summary");
});

await step("one is told by telephone", async () => {
  const thomas = (await noticesOf(loud)).find((n) => n.person === "person:p0002");
  await go(first, "/notices/" + thomas.id);
  await fold(first, "They were told in another way");
  await first.getByLabel("telephone").check();
  await first.fill("#told-note", "Spoke with him at ten.");
  await press(first, "Record that they were told");
  await says(first, "It is recorded that the person was told");
});

await step("one is delayed, with a reason and an end", async () => {
  const olena = (await noticesOf(loud)).find((n) => n.person === "person:p0003");
  await go(first, "/notices/" + olena.id);
  await fold(first, "Delay it");
  await first.fill("#delay-until", "2026-01-20T09:00");
  await press(first, /^Delay$/);
  await says(first, "Say why", ".govuk-error-summary");
  await first.fill("#delay-until", "2026-06-20T09:00");
  await first.fill("#delay-why", "The police ask for a fortnight.");
  await press(first, /^Delay$/);
  await says(first, "within 121 days", ".govuk-error-summary");
  await first.fill("#delay-until", "2026-01-20T09:00");
  await press(first, /^Delay$/);
  await says(first, "delayed until 20 January 2026".replace("January", "Jan"));
  await says(first, "The police ask for a fortnight.");
});

await step("no mail to an account that may be in other hands", async () => {
  const bjoern = (await noticesOf(loud)).find((n) => n.person === "person:p0004");
  const marked = await program("POST", "/accounts/person:p0004/suspect", { why: "a sign-in from a strange network" });
  must(marked.status < 300, `${marked.status} ${marked.text}`);
  await go(first, "/notices/" + bjoern.id);
  await says(first, "Not by mail: the account may be in other hands (a sign-in from a strange network).");
  await press(first, "Approve this notice");
  must(await first.getByRole("button", { name: /Send by mail/ }).count() === 0, "the desk offers to send it");
  const now = (await noticesOf(loud)).find((n) => n.id === bjoern.id);
  const answer = await program("POST", `/notices/${now.id}/send`, { version: now.version });
  must(answer.status === 403, `a program may send: ${answer.status} ${answer.text}`); // whatever the account, a person has to
  must((await (await fetch(job.post)).json()).length === 1, "a mail left");
  await look(first, "notice that must not go by mail");
});

await step("privileged mail takes two people", async () => {
  await go(first, "/people/person:p0012");
  await look(first, "person");
  await first.locator("#received tbody th a").first().click();
  await first.waitForURL("**/findings/**");
  const finding = first.url();
  must(await first.locator("main mark").count() === 0, "privileged mail is shown");
  await first.getByRole("link", { name: "Ask for a second approval" }).click();
  await first.fill("#break-glass-why", "The register may be at risk; we have to see the link.");
  await press(first, "Ask for a second approval");
  await says(first, "somebody else has to decide");
  await go(second, "/");
  await says(second, "we have to see the link");
  await press(second, "Approve the look");
  await first.goto(finding);
  must(await first.locator("main mark").count() > 0, "two people agreed and the mail is still shut");
});

await step("an indicator added by hand searches all history", async () => {
  await go(first, "/indicators");
  await first.fill("#indicators-patterns", "reader-metrics.example\nparliament.example");
  await first.fill("#indicators-source", "house staff");
  await first.selectOption("#indicators-marking", "amber");
  await press(first, "Add and search all history");
  await says(first, "1 indicator added");
  await says(first, "11 sightings");
  const refused = first.locator("tr", { hasText: "parliament.example" }).filter({ has: first.locator("[data-label='Would hit']") });
  must(Number((await refused.locator("[data-label='Would hit']").innerText()).replaceAll(/\D/g, "")) > 50, "the refused one does not say what it would hit");
  await look(first, "indicators");
});

await step("a hunt for an address, by two people", async () => {
  await go(first, "/hunt?q=press@coastal-studies.example");
  await says(first, "This leads to people");
  await first.locator("#personal-why").fill("Exercise: whom else did this sender write to?");
  await look(first, "a hunt that needs two");
  await go(first, "/hunt?q=press@coastal-studies.example");
  await first.locator("#personal-why").fill("Exercise: whom else did this sender write to?");
  await press(first, "Ask for a second person");
  await says(first, "Somebody else has to agree");
  await go(second, "/");
  await look(second, "a hunt to agree to");
  await go(second, "/");
  await press(second, "Agree to the hunt");
  await go(first, "/hunt");
  await Promise.all([first.waitForNavigation(), first.getByRole("link", { name: "run it" }).click()]);
  await says(first, "searched in");
  await go(first, "/audit");
  await says(first, "hunt-person");
});

await step("a hunt", async () => {
  await go(first, "/hunt?q=coastal-studies.example");
  await says(first, "Friedrich Möller");
  await look(first, "hunt");
});

await step("merging, and taking it back", async () => {
  await go(second, "/campaigns/" + quiet); // stays open, with a box ticked, while the other one acts
  await second.waitForSelector("#live[data-state=on]");
  const ticked = second.locator("#evidence input[type=checkbox]").first();
  await ticked.check({ force: true });
  await go(first, "/campaigns/" + quiet);
  const mergeInto = async (id) => {
    if (!await first.locator("#merge").isVisible()) await fold(first, "Merge it into another campaign");
    await first.fill("#merge-other", id);
    await first.fill("#merge-why", "Both wrote to the same member.");
    await press(first, /^Merge$/);
  };
  await mergeInto(quiet);
  await says(first, "cannot be merged with itself", ".govuk-error-summary");
  await mergeInto(loud);
  await says(first, "The campaigns are one now");
  must((await campaigns()).length === 1, "there are still two");
  await second.waitForFunction(() => document.getElementById("live").textContent.includes("become another"));
  must(await ticked.isChecked(), "what was ticked is lost");
  await fold(second, "Split off the ticked events");
  await second.fill("#split-why", "Another hand.");
  await press(second, "Make them a campaign of their own");
  must(/was faster|merged into this one/.test(await words(second)), "the later one is not told: " + (await words(second)).slice(0, 300));
  const { json } = await program("GET", "/campaigns/" + loud);
  const merge = json.history.find((h) => h.what === "merged" && h.who === "first officer");
  const undone = await program("POST", `/campaigns/decisions/${merge.num}/undo`, { why: "They only shared a target." });
  must(undone.status < 300, `${undone.status} ${undone.text}`);
  await go(first, "/campaigns");
  must((await campaigns()).length === 2, "taking it back did not bring the second campaign back");
  must(await first.locator("tbody tr").count() === 2, "the page does not show both");
  await look(first, "campaigns");
});

await step("the score", async () => {
  await go(first, "/");
  await first.waitForFunction(() => /people missed\D*5 of 7/.test(document.querySelector(".pc-exercise").textContent));
  const score = await words(first, ".pc-exercise");
  for (const text of ["time to detect", "time to tell", "people missed"]) must(score.split(text).length === 3, `the score does not name “${text}” of both operations: ${score}`);
  await look(first, "situation with the score");
});

await step("the audit", async () => {
  await go(first, "/audit");
  await says(first, "The chain of entries is whole");
  for (const text of ["approve", "send", "break-glass", "token helpdesk", "accounts/person:p0004/suspect"]) must((await words(first)).includes(text), `the audit lacks “${text}”`);
  await look(first, "audit");
  await go(first, "/notices?state=all");
  await look(first, "notices");
  await go(first, "/people");
  await look(first, "people");
});

await browser.close();
console.log(`THE END after ${((Date.now() - began) / 1000).toFixed(0)} s`);
