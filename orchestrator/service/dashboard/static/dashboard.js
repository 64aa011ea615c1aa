"use strict";
// What people do goes through the API; what they see is rendered by the server and brought up to date when events come.

const body = document.body;
const main = document.getElementById("main");
const byId = (id) => document.getElementById(id);
const prefix = body.dataset.prefix; // the path at which a proxy serves this, or nothing

async function send(method, url, content) {
  const headers = { "X-CSRF-Token": body.dataset.csrf, "Idempotency-Key": crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}` };
  if (content !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(url, { method, headers, body: content === undefined ? undefined : JSON.stringify(content) });
  } catch {
    throw new Error(gettext("The service does not answer. Nothing was done as far as this page knows: look again in a moment."));
  }
  if (response.status === 204) return null;
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.detail), { problems: answer.problems ?? [] });
  return answer;
}

// A finding of an answer, in words; its line is one of a table that a person wrote.
const inWords = ({ message, expected, line }) => (line ? gettext("Line {line}: ", { line }) : "") + message + (expected ? gettext(" (expected {expected})", { expected }) : "");

const asDataUrl = (file) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result);
  reader.onerror = () => reject(new Error(gettext("{file} cannot be read.", { file: file.name })));
  reader.readAsDataURL(file);
});

// A table goes as its text; a workbook or a Parquet file as a data URL.
const tableOf = (file) => (/\.(xlsx|xlsm|parquet)$/i.test(file.name) ? asDataUrl(file) : file.text());

function setText(place, text) {
  place.hidden = !text;
  place.textContent = text;
}

// Live: one stream of events; whatever comes makes the page ask for its content again, at most once a second.

let asked = 0, waiting = null;
let last = Number(body.dataset.last || 0);
const received = (window.wellwiseReceived = []);

async function refresh() {
  const mine = ++asked;
  let text, response;
  try {
    response = await fetch(location.href, { headers: { "X-Part": "1" } });
    if (response.redirected || response.status === 401) return location.reload();
    if (!response.ok) return;
    text = await response.text();
  } catch {
    return; // the stream shows that the service is not reachable
  }
  if (mine !== asked) return;
  const next = document.createElement("div");
  next.innerHTML = text;
  const lazy = main.querySelector("[data-lazy]");
  const fresh = next.querySelector("[data-lazy]");
  if (lazy && fresh && lazy.dataset.loaded) {
    fresh.innerHTML = lazy.innerHTML;
    fresh.dataset.loaded = lazy.dataset.loaded;
  }
  for (const details of next.querySelectorAll("details[data-keep-open]")) {
    const there = main.querySelector(`details[data-keep-open="${details.dataset.keepOpen}"]`);
    if (there) details.open = there.open;
  }
  // What a person is writing stays; a button that has the focus is brought up to date like any other.
  const writing = Boolean(document.activeElement?.matches("input, textarea, select"));
  const callbacks = {
    beforeAttributeUpdated: (name) => name !== "checked", // nor is a tick undone
    beforeNodeMorphed: (node) => node.dataset?.own === undefined, // of this the server knows nothing
  };
  Idiomorph.morph(main, next.innerHTML, { morphStyle: "innerHTML", ignoreActiveValue: writing, callbacks });
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

// What takes the model seconds is asked for when the page is there, and again when there are new results.

async function load() {
  for (const place of main.querySelectorAll("[data-lazy]")) {
    if (place.dataset.key === "0" || place.dataset.loaded === place.dataset.key) continue;
    const key = (place.dataset.loaded = place.dataset.key);
    try {
      const response = await fetch(place.dataset.lazy);
      const now = main.querySelector("[data-lazy]");
      if (response.ok && now.dataset.key === key) now.innerHTML = await response.text();
    } catch {
      delete place.dataset.loaded;
    }
  }
}

// A well, over the page that leads to it.

async function openDetail(url) {
  const detail = byId("detail");
  const response = await fetch(url, { headers: { "X-Part": "1" } });
  if (!response.ok) return;
  byId("detail-body").innerHTML = await response.text();
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
  byId("token-form").onsubmit = async (event) => {
    event.preventDefault();
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
