// Pages that follow what happens. The server says that something changed, never
// what; the page then asks for itself again, as a document (which runs and loads
// nothing of it), and takes over the parts that are marked for it.

const quietly = 400; // ms to wait after a change, so that a burst is one request

function say(text: string, state: string): void {
  const at = document.getElementById("live");
  if (!at) return;
  at.textContent = text;
  at.dataset.state = state;
}

function follow(): void {
  const { at, topics, subject } = document.body.dataset;
  if (!at) return;
  const address = "/live?" + new URLSearchParams({ at, topics: topics ?? "", subject: subject ?? "" });
  let wait = 0;
  let tries = 0;
  const connect = () => {
    const source = new EventSource(address);
    source.addEventListener("hello", () => { tries = 0; say("Live", "on"); });
    source.addEventListener("change", () => {
      window.clearTimeout(wait);
      wait = window.setTimeout(refresh, quietly);
    });
    source.addEventListener("error", () => {
      say("Not live", "off");
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      tries += 1;
      window.setTimeout(connect, Math.min(60_000, 5_000 * tries));
    });
  };
  connect();
}

function refresh(): void {
  const request = new XMLHttpRequest();
  request.open("GET", location.pathname + location.search.replace(/([?&])(done|n)=[^&]*/g, "$1"));
  request.responseType = "document";
  request.addEventListener("load", () => {
    const next = request.responseXML;
    if (request.status !== 200 || !next || !next.getElementById("main")) { say("Reload the page", "off"); return; }
    if (new URL(request.responseURL).pathname !== location.pathname) { leave(request.responseURL); return; } // merged meanwhile
    take(next);
  });
  request.addEventListener("error", () => say("Not live", "off"));
  request.send();
}

// leave opens the page that this one has become. What somebody has ticked or typed here would be
// lost, so then the page only says so: what is sent from it is answered as somebody having been faster.
function leave(where: string): void {
  if (!held && !busy(document.body)) { location.assign(where); return; }
  say("This page has become another: reload it when you are done", "off");
}

// held is whether a mouse button or finger is down: what is replaced then is not clicked.
let held = false;

// take replaces what differs, leaves alone where somebody is typing, and keeps
// what was folded open and where the focus was.
function take(next: Document): void {
  if (held) { window.setTimeout(() => take(next), quietly); return; }
  let changed = false;
  for (const old of document.querySelectorAll<HTMLElement>("[data-live]")) {
    const now = next.getElementById(old.id);
    if (!now) { if (!old.contains(document.activeElement)) { old.hidden = true; changed = true; } continue; }
    const plain = fingerprint(now);
    if (old.dataset.was === undefined) old.dataset.was = fingerprint(old);
    if (plain === old.dataset.was || busy(old)) continue;
    const were = folds(old);
    const focus = (document.activeElement instanceof HTMLElement && old.contains(document.activeElement)) ? document.activeElement.getAttribute("href") : null;
    const fresh = document.importNode(now, true);
    fresh.dataset.was = plain;
    for (const [name, d] of folds(fresh)) d.open = were.get(name)?.open ?? d.open;
    old.replaceWith(fresh);
    if (focus !== null) [...fresh.querySelectorAll<HTMLElement>("a[href]")].find((a) => a.getAttribute("href") === focus)?.focus();
    fresh.classList.add("pc-fresh");
    changed = true;
  }
  for (const fresh of next.querySelectorAll<HTMLElement>("[data-live]")) {
    if (document.getElementById(fresh.id)) continue;
    if (!busy(document.body)) location.reload();
    else say("There is more: reload the page when you are done", "off");
    return;
  }
  if (changed) {
    document.title = next.title;
    const time = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    say("Live, updated " + time, "on");
    document.dispatchEvent(new CustomEvent("desk:updated"));
  }
}

// fingerprint is what a part says, and the versions that its forms carry.
function fingerprint(e: HTMLElement): string {
  const versions = [...e.querySelectorAll<HTMLInputElement>("input[name=version]")].map((v) => v.value);
  return (e.textContent ?? "") + versions.join(" ");
}

// folds are the folded parts by what they say, wherever they stand after a change.
function folds(e: HTMLElement): Map<string, HTMLDetailsElement> {
  const all = new Map<string, HTMLDetailsElement>();
  for (const d of e.querySelectorAll("details")) {
    let name = d.querySelector("summary")?.textContent ?? "";
    while (all.has(name)) name += "+"; // the second of that name
    all.set(name, d);
  }
  return all;
}

// busy is whether somebody is typing within e, or has ticked, chosen or typed what is not sent yet.
function busy(e: HTMLElement): boolean {
  const a = document.activeElement;
  if (a && e.contains(a) && a.matches("input, textarea, select")) return true;
  return [...e.querySelectorAll<HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement>("input:not([type=hidden]), textarea, select")].some(differs);
}

function differs(f: HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement): boolean {
  if (f instanceof HTMLSelectElement) return [...f.options].some((o, i, all) => o.selected !== (all.some((x) => x.defaultSelected) ? o.defaultSelected : i === 0));
  return f.value !== f.defaultValue || (f instanceof HTMLInputElement && f.checked !== f.defaultChecked);
}

// A link to a place inside a folded part opens it.
function unfold(): void {
  const target = location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
  for (let e: HTMLElement | null = target; e; e = e.parentElement) if (e instanceof HTMLDetailsElement) e.open = true;
  if (target instanceof HTMLDetailsElement) target.open = true;
}

// Sending a form twice by a double click would be told as a conflict.
function once(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    window.setTimeout(() => { delete form.dataset.sent; }, 5_000);
  });
}

document.addEventListener("pointerdown", () => { held = true; });
for (const end of ["pointerup", "pointercancel", "blur"]) window.addEventListener(end, () => { window.setTimeout(() => { held = false; }); });
window.addEventListener("hashchange", unfold);
unfold();
once();
follow();
