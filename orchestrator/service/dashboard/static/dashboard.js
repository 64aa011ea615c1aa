"use strict";
// What people do goes through the API; what they see is rendered by the server and brought up to date when events come.

const body = document.body;
const main = document.getElementById("main");
const byId = (id) => document.getElementById(id);
const prefix = body.dataset.prefix; // the path at which a proxy serves this, or nothing

const newKey = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
const silence = () => Object.assign(new Error(gettext("The service does not answer. Nothing was done as far as this page knows: look again in a moment.")), { unanswered: true });

// Sent again with the same key, a change whose answer was lost is made once.
async function send(method, url, content, key = newKey()) {
  const headers = { "X-CSRF-Token": body.dataset.csrf, "Idempotency-Key": key };
  if (content !== undefined) headers["Content-Type"] = "application/json";
  let response, answer;
  try {
    response = await fetch(url, { method, headers, body: content === undefined ? undefined : JSON.stringify(content) });
    if (response.status === 204) return null;
    answer = await response.json();
  } catch {
    throw silence();
  }
  if (!response.ok) throw Object.assign(new Error(answer.detail), { problems: answer.problems ?? [] });
  return answer;
}

// A finding of an answer, in words; its line is one of a table that a person wrote.
const inWords = ({ message, expected, line }) => (line ? gettext("Line {line}: ", { line }) : "") + message + (expected ? gettext(" (expected {expected})", { expected }) : "");

const unreadable = (file) => new Error(gettext("{file} cannot be read.", { file: file.name }));
const asDataUrl = (file) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result);
  reader.onerror = () => reject(unreadable(file));
  reader.readAsDataURL(file);
});

// A table goes as its text; a workbook or a Parquet file as a data URL.
const tableOf = (file) => (/\.(xlsx|xlsm|parquet)$/i.test(file.name) ? asDataUrl(file) : file.text().catch(() => { throw unreadable(file); }));

function setText(place, text) {
  place.hidden = !text;
  place.textContent = text;
}

// What is held down (a slow finger, a list that is open, a drag) is not moved away: it is let go of first, or held for very long.

const held = new Set();
const MOST_HELD_MS = 10_000;
const AFTER_CLICK_MS = 50; // the click of a finger comes a moment after it is gone
function untouched() {
  return held.size ? new Promise((resolve) => { addEventListener("untouched", resolve, { once: true }); setTimeout(resolve, MOST_HELD_MS); }) : null;
}
const letGo = ({ pointerId }) => { if (held.delete(pointerId)) setTimeout(() => held.size || dispatchEvent(new Event("untouched")), AFTER_CLICK_MS); };
addEventListener("pointerdown", (event) => { if (event.button === 0) held.add(event.pointerId); }, true);
addEventListener("pointermove", (event) => { if (!event.buttons) letGo(event); }, true);
for (const type of ["pointerup", "pointercancel"]) addEventListener(type, letGo, true);

// Live: one stream of events; whatever comes makes the page ask for its content again, at most once a second.

let waiting = null;
let last = Number(body.dataset.last || 0);
const received = (window.wellwiseReceived = []);
const MOST_WAITED_MS = 60_000;

// One is under way at a time, and whoever asks meanwhile gets the next: so no answer is older than what it was asked after, and
// none is thrown away because the service takes longer than the next news.
let going = null, next = null;
function refresh() {
  if (!going) return (going = update().finally(() => { going = null; }));
  return (next ??= going.catch(() => null).then(() => { next = null; return refresh(); }));
}

async function update() {
  let text, response;
  try {
    response = await fetch(location.href, { headers: { "X-Part": "1" }, signal: AbortSignal.timeout(MOST_WAITED_MS) });
    if (response.redirected || response.status === 401) return location.reload();
    if (!response.ok) return;
    text = await response.text();
  } catch {
    return; // the stream shows that the service is not reachable
  }
  await untouched();
  const news = document.createElement("div");
  news.innerHTML = text;
  for (const fresh of news.querySelectorAll("[data-lazy]")) {
    const there = lazy(fresh.dataset.lazy);
    if (!there?.dataset.loaded) continue;
    fresh.innerHTML = there.innerHTML;
    fresh.dataset.loaded = there.dataset.loaded;
  }
  for (const details of news.querySelectorAll("details[data-keep-open]")) {
    const there = main.querySelector(`details[data-keep-open="${details.dataset.keepOpen}"]`);
    if (there) details.open = there.open;
  }
  // What a person is writing stays; a button that has the focus is brought up to date like any other.
  const writing = Boolean(document.activeElement?.matches("input, textarea, select"));
  const callbacks = {
    beforeAttributeUpdated: (name) => name !== "checked", // nor is a tick undone
    beforeNodeMorphed: (node) => node.dataset?.own === undefined, // of this the server knows nothing
  };
  Idiomorph.morph(main, news.innerHTML, { morphStyle: "innerHTML", ignoreActiveValue: writing, callbacks });
  main.dispatchEvent(new CustomEvent("refreshed", { detail: response.headers }));
  load();
}

const soon = () => { waiting ??= setTimeout(() => { waiting = null; refresh(); }, 1000); };

function listen() {
  const link = byId("link");
  const campaign = body.dataset.live === "*" ? "" : `&campaign=${body.dataset.live}`;
  const source = new EventSource(`${prefix}/api/v1/events/stream?after=${last}${campaign}`);
  const show = (state, text) => { link.dataset.state = state; link.textContent = text; };
  source.onopen = () => { show("live", gettext("live")); soon(); };
  source.onmessage = (message) => {
    const event = JSON.parse(message.data);
    if (event.id <= last) return;
    last = event.id;
    received.push(event.id);
    soon();
  };
  source.onerror = () => {
    show("lost", gettext("connection lost, trying again"));
    if (source.readyState === EventSource.CLOSED) {
      source.close();
      setTimeout(listen, 2000);
    }
  };
}

// What takes the model seconds is asked for when the page is there, and again when there are new results, or none came.

const lazy = (url) => [...main.querySelectorAll("[data-lazy]")].find((place) => place.dataset.lazy === url);

function load() {
  for (const place of main.querySelectorAll("[data-lazy]")) if (place.dataset.key !== "0" && place.dataset.loaded !== place.dataset.key) fill(place);
}

async function fill(place) {
  const { lazy: url, key } = place.dataset;
  place.dataset.loaded = key;
  const text = await fetch(url).then((response) => (response.ok ? response.text() : null)).catch(() => null);
  const now = lazy(url); // the page may have been brought up to date meanwhile
  if (now?.dataset.loaded !== key) return;
  if (text === null) delete now.dataset.loaded;
  else now.innerHTML = text;
}

// What was done, for eyes and ears, until the next thing or for a while.
const say = (() => {
  const said = body.appendChild(document.createElement("p"));
  said.id = "form-said";
  said.setAttribute("role", "status");
  let quiet = null;
  return (text) => {
    said.textContent = text;
    clearTimeout(quiet);
    quiet = setTimeout(() => { said.textContent = ""; }, 6000);
  };
})();

// A well, over the page that leads to it: the one that was asked for last, unless it was closed meanwhile.

let looked = 0;
async function openDetail(url) {
  const mine = ++looked, detail = byId("detail"), again = detail.open;
  const overtaken = () => mine !== looked || (again && !detail.open);
  try {
    const response = await fetch(url, { headers: { "X-Part": "1" } });
    const text = await response.text();
    if (overtaken()) return;
    if (!response.ok) { location.href = url; return; } // the page of its own says why
    byId("detail-body").innerHTML = text;
  } catch {
    if (!overtaken()) say(silence().message);
    return;
  }
  detail.dataset.url = url;
  if (!detail.open) detail.showModal();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (button) return ask(button);
  const link = event.target.closest("a.well, a[data-detail]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    openDetail(link.href);
  }
});
byId("detail-close").onclick = () => byId("detail").close();
byId("sign-out").onclick = async () => {
  await fetch(`${prefix}/logout`, { method: "POST", headers: { "X-CSRF-Token": body.dataset.csrf } });
  location.href = `${prefix}/login`;
};

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

// Access: tokens.

function tokens() {
  byId("token-project-more").onclick = () => {
    byId("token-projects").append(byId("token-project").content.cloneNode(true));
    byId("token-projects").lastElementChild.querySelector("input").focus();
  };
  byId("token-projects").onclick = (event) => {
    if (event.target.closest("[data-project-away]")) event.target.closest(".row").remove();
  };
  let making = false;
  byId("token-form").onsubmit = async (event) => {
    event.preventDefault();
    if (making) return; // a double click
    making = true;
    setText(byId("token-problem"), "");
    try {
      const projects = Object.fromEntries([...byId("token-projects").children].map((row) => [row.querySelector("[data-project]").value, row.querySelector("[data-project-role]").value]));
      const wish = { person: byId("token-person").value, role: byId("token-role").value, projects, days: Number(byId("token-days").value) };
      const token = await send("POST", `${prefix}/api/v1/tokens`, wish);
      const made = byId("token-made");
      made.hidden = false;
      made.className = "good";
      made.replaceChildren(gettext("Give this to {person}; it is not shown again:", { person: token.person }), " ", element("code", token.secret));
      const response = await fetch(location.href, { headers: { "X-Part": "1" } });
      const next = element("div");
      next.innerHTML = await response.text();
      main.querySelector("section").replaceWith(next.querySelector("section"));
    } catch (error) {
      setText(byId("token-problem"), error.message);
    } finally {
      making = false;
    }
  };
  main.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-revoke]");
    if (!button) return;
    if (!button.dataset.sure) {
      button.dataset.sure = "yes";
      button.textContent = gettext("Really revoke {token}?", { token: button.dataset.revoke });
      return;
    }
    try {
      await send("DELETE", `${prefix}/api/v1/tokens/${button.dataset.revoke}`);
      location.reload();
    } catch (error) {
      setText(byId("token-problem"), error.message);
    }
  });
}

if (body.dataset.live) listen();
if (byId("token-form")) tokens();
load();
