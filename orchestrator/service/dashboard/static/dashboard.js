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
    throw new Error("The service does not answer. Nothing was done as far as this page knows: look again in a moment.");
  }
  if (response.status === 204) return null;
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.detail), { problems: answer.problems ?? [] });
  return answer;
}

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
  const callbacks = { beforeAttributeUpdated: (name) => name !== "checked" }; // nor is a tick undone
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
  source.onopen = () => { show("live", "live"); soon(); };
  source.onmessage = (message) => {
    const event = JSON.parse(message.data);
    if (event.id <= last) return;
    last = event.id;
    received.push(event.id);
    soon();
  };
  source.onerror = () => {
    show("lost", "connection lost, trying again");
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

// Acts: a dialog with what will happen, the reason, and a confirmation.

const act = byId("act");

// The fields of a dialog are those of the act's model, but for what its button decides.
const acts = JSON.parse(byId("acts")?.textContent ?? "{}");
const asNumber = (text) => (text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text);
const words = (text) => text.split(/[\s,;]+/).filter(Boolean);

function entry(kind, spec) {
  let input;
  if (kind === "choice") {
    input = element("select");
    for (const choice of spec.choices) input.add(new Option(choice, choice));
  } else if (kind === "long text") {
    input = element("textarea");
    input.rows = 6;
  } else {
    input = element("input");
    if (kind === "flag") input.type = "checkbox";
    if (kind === "integer" || kind === "number") {
      input.type = "number";
      input.step = kind === "integer" ? "1" : "any";
      if (spec.minimum !== undefined) input.min = spec.minimum;
      if (spec.maximum !== undefined) input.max = spec.maximum;
    }
  }
  input.required = Boolean(spec.required) && kind !== "flag";
  return input;
}

function wellOf(text) {
  const found = text.match(/^(?:[^/]+\/)?r(\d+)\/p(\d+)\/([A-P]\d+)$/);
  if (!found) throw new Error(`${text} is no well (expected such as r1/p3/B2)`);
  return { round: Number(found[1]), plate: Number(found[2]), well: found[3] };
}

function valueOf(kind, input) {
  if (kind === "flag") return input.checked;
  const text = input.value.trim();
  if (kind === "integer" || kind === "number") return text === "" ? null : Number(text);
  if (kind === "list") return words(text);
  if (kind === "wells") return words(text).map(wellOf);
  return kind === "long text" ? input.value : text;
}

function place(label, input, id) {
  const shown = element("label", label);
  input.id = shown.htmlFor = id;
  byId("act-fields").append(shown, input);
  return input;
}

// A workbook or a Parquet file goes as a data URL.
const tableOf = (file) => (/\.(xlsx|xlsm|parquet)$/i.test(file.name) ? new Promise((resolve) => {
  const reader = Object.assign(new FileReader(), { onload: () => resolve(reader.result) });
  reader.readAsDataURL(file);
}) : file.text());

function field(spec, choices) {
  if (spec.kind !== "mapping") {
    const label = spec.help.replace(/\.$/, "") + (spec.required || spec.kind === "flag" ? "" : " (may be left out)");
    const input = place(label, entry(spec.kind, spec), `act-${spec.name}`);
    if (spec.file) {
      const chosen = place("or a file", element("input"), `act-${spec.name}-file`);
      chosen.type = "file";
      chosen.onchange = async () => { if (chosen.files[0]) input.value = await tableOf(chosen.files[0]); };
    }
    return () => ({ [spec.name]: valueOf(spec.kind, input) });
  }
  const given = Object.entries(choices[spec.name] ?? {}), required = spec.required || given.length === 1;
  const inputs = given.map(([key, levels]) => {
    const input = entry(levels ? "choice" : "text", { choices: levels && !required ? ["", ...levels] : levels, required });
    return [key, place(`New value of ${key.replaceAll("_", " ")}`, input, `act-${spec.name}-${key}`)];
  });
  return () => ({ [spec.name]: Object.fromEntries(inputs.map(([key, input]) => [key, asNumber(input.value.trim())]).filter((pair) => pair[1] !== "")) });
}

function ask(button) {
  const data = button.dataset;
  byId("act-title").textContent = data.title;
  byId("act-note").textContent = data.note;
  byId("act-fields").replaceChildren();
  byId("act-why").value = "";
  setText(byId("act-problem"), "");
  const preset = JSON.parse(data.preset || "{}");
  const choices = JSON.parse(data.choices || "{}");
  const asked = (acts[data.act] ?? []).filter((spec) => !(spec.name in preset)).map((spec) => field(spec, choices));
  const confirm = byId("act-confirm");
  confirm.className = button.classList.contains("danger") ? "danger solid" : "strong";
  confirm.textContent = button.textContent.trim().replace("…", "");
  byId("act-form").onsubmit = async (event) => {
    event.preventDefault();
    confirm.disabled = true;
    try {
      const content = Object.assign({ ...preset, why: byId("act-why").value }, ...asked.map((value) => value()));
      const answer = await send("POST", data.url, content);
      const silent = Object.entries(answer.not_stopped ?? {});
      if (silent.length) throw new Error(`NOT stopped: ${silent.map(([name, why]) => `${name} (${why})`).join(", ")}`);
      act.close();
      if (byId("detail").open) openDetail(byId("detail").dataset.url);
      refresh();
    } catch (error) {
      setText(byId("act-problem"), error.message);
    } finally {
      confirm.disabled = false;
    }
  };
  act.showModal();
  (byId("act-fields").querySelector("input, select, textarea") ?? byId("act-why")).focus();
}

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
byId("act-cancel").onclick = () => act.close();
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
  byId("token-form").onsubmit = async (event) => {
    event.preventDefault();
    setText(byId("token-problem"), "");
    try {
      const wish = { person: byId("token-person").value, role: byId("token-role").value, days: Number(byId("token-days").value) };
      const token = await send("POST", `${prefix}/api/v1/tokens`, wish);
      const made = byId("token-made");
      made.hidden = false;
      made.className = "good";
      made.replaceChildren(`Give this to ${token.person}; it is not shown again: `, element("code", token.secret));
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
      button.textContent = `Really revoke ${button.dataset.revoke}?`;
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
