// The campaign builder: one text, a form for each part of it, and beside it what it would do.
import { valueAt } from "./campaign-text.js";
import { changedElsewhere, draft, forget, keep } from "./drafts.js";
import { focusOn } from "./fields.js";
import { Launch } from "./launch.js";
import { Outcomes } from "./outcomes.js";
import { Parameters } from "./parameters.js";
import { Plates } from "./plates.js";
import { Findings, Preview } from "./preview.js";
import { Protocol } from "./protocol.js";
import { Further, Identity, Robots, Rounds } from "./sections.js";
import { ask, ASKED_AGAIN_MS, checking, newKey, prefix } from "./service.js";
import { Start } from "./start.js";
import { store } from "./store.js";
import { html, render, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact.min.js";

const place = document.getElementById("builder");
const examples = JSON.parse(document.getElementById("examples").textContent);
const empty = JSON.parse(document.getElementById("empty").textContent);

const SECTIONS = [
  ["campaign", gettext("Campaign"), Identity, ["name", "title", "start", "seed"]],
  ["parameters", gettext("Parameters"), Parameters, ["parameters", "constraints"]],
  ["outcomes", gettext("Outcomes and objectives"), Outcomes, ["outcomes", "objectives", "outcome_constraints", "objective", "measurements"]],
  ["protocol", gettext("Protocol"), Protocol, ["protocol"]],
  ["plates", gettext("Plates"), Plates, ["plates"]],
  ["rounds", gettext("Rounds and their end"), Rounds, ["rounds", "stop", "strategy"]],
  ["robots", gettext("Robots"), Robots, ["robots"]],
  ["further", gettext("Further"), Further, []],
];

const firstKey = (problem) => /^\w*/.exec(problem.key)[0];
const sectionOf = (problem) => (SECTIONS.find(([, , , keys]) => keys.includes(firstKey(problem))) ?? SECTIONS.at(-1))[0];

// The draft that this page writes: the address names it, so that a reload comes back to it.
let draftId = new URLSearchParams(location.hash.slice(1)).get("draft") || newKey();
let begun = null; // the text with which it began: as long as nobody changed it, no other page needs a draft of it
let over = false; // it was launched
let begins = 0;
let saved = ""; // what the browser has of it, as far as this page knows

function save() {
  if (over) return true;
  saved = store.text;
  return keep(draftId, store.text, store.data.title || store.data.name);
}

// Tabs of one draft show the same; what is being written here stays.
changedElsewhere((id, text) => {
  if (id !== draftId || over || store.text !== saved) return;
  saved = text;
  store.write(text);
});

// What has to be asked for first; nothing comes of it if another campaign was begun meanwhile.
async function beginWith(asked) {
  const mine = begins, text = await asked;
  if (mine === begins) begin(text);
}

function begin(text, id = newKey()) {
  begins++;
  if (store.text === begun) forget(draftId);
  else save();
  [draftId, begun] = [id, text];
  history.replaceState(null, "", `${location.pathname}#draft=${id}`);
  store.write(text);
  store.back = [];
  store.tell();
}

// What was written, or begun, after it was sent stays a draft.
function launched(id, text) {
  if (store.text === text) {
    over = true;
    forget(draftId);
  }
  location.href = `${prefix}/campaigns/${id}`;
}

function App() {
  const [, redraw] = useState(0);
  const [shown, setShown] = useState("form");
  const [line, setLine] = useState(null);
  const [kept, setKept] = useState(true);
  // Before anybody can click: what is written before an effect ran would never be drawn.
  useLayoutEffect(() => {
    const check = checking(store);
    let timer = null;
    const now = () => { clearTimeout(timer); setKept(save()); };
    const leave = () => { document.activeElement?.blur(); now(); }; // a name that is being written is taken when its field is left
    const changed = () => { check(); redraw((count) => count + 1); clearTimeout(timer); timer = setTimeout(now, 300); };
    store.listeners.add(changed);
    addEventListener("pagehide", leave);
    document.addEventListener("visibilitychange", now);
    const keys = (event) => {
      if (shadowed(event) || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || event.target.closest("input, textarea")) return;
      event.preventDefault();
      if (event.shiftKey) store.redo(); else store.undo();
    };
    addEventListener("keydown", keys);
    return () => store.listeners.delete(changed);
  }, []);
  const goTo = (problem) => {
    if (shown === "text" || store.fault || !problem.key) { setShown("text"); setLine({ number: problem.line ?? 1 }); return; }
    const path = problem.key.split(/[.[\]]+/).filter(Boolean).map((part) => (/^\d+$/.test(part) ? Number(part) : part));
    while (path.length > 1 && !document.getElementById(`f-${pathId(path)}`)) path.pop();
    focusOn(path);
    if (!document.getElementById(`f-${pathId(path)}`)) document.getElementById(sectionOf(problem))?.scrollIntoView();
  };
  return html`<div class="head"><h1>${gettext("New campaign")}</h1>
      <div class="row" role="group" aria-label=${gettext("Edit")}>
        <button type="button" disabled=${!store.back.length} onClick=${() => store.undo()}>${gettext("Undo")}</button>
        <button type="button" disabled=${!store.forth.length} onClick=${() => store.redo()}>${gettext("Redo")}</button>
        <button type="button" disabled=${!store.text} onClick=${download}>${gettext("Save the file")}</button>
      </div></div>
    <${Start} key=${draftId} ...${{ examples, empty, begin, beginWith, draftId }} />
    ${!kept && html`<p class="problem" role="alert">${gettext("This browser keeps no draft: save the file before you leave the page.")}</p>`}
    ${store.text && html`<div class="builder">
      <div class="edit">
        <div class="tabs" role="tablist" aria-label=${gettext("How to edit")}>
          ${[["form", gettext("Form")], ["text", gettext("Text")]].map(([name, label]) => html`<button type="button" role="tab" id=${`tab-${name}`} aria-controls="edited" aria-selected=${shown === name} tabindex=${shown === name ? 0 : -1} onClick=${() => setShown(name)}
            onKeyDown=${(event) => { if (event.key === "ArrowLeft" || event.key === "ArrowRight") { const next = shown === "form" ? "text" : "form"; setShown(next); document.getElementById(`tab-${next}`).focus(); } }}>${label}</button>`)}
        </div>
        <div id="edited" role="tabpanel" aria-labelledby=${`tab-${shown}`}>${shown === "text" ? html`<${TextEditor} line=${line} />` : html`<${Sections} />`}</div>
      </div>
      <aside class="beside" aria-label=${gettext("Check and preview")}>
        <section class="card" aria-labelledby="findings-title"><h2 id="findings-title">${gettext("Check")}</h2><div id="findings" role="status"><${Findings} goTo=${goTo} /></div>
          <${Launch} launched=${launched} /></section>
        <${Preview} />
      </aside>
    </div>
    <a class=${`at-hand ${store.state}`} href="#findings-title" onClick=${(event) => { event.preventDefault(); document.getElementById("findings-title").scrollIntoView(); }}>${{ checking: gettext("Checking…"), valid: gettext("Valid: see what it would do, launch"), wrong: ngettext("{number} problem: see which", "{number} problems: see which", store.problems.length) }[store.state] ?? gettext("Not checked")}</a>`}`;
}

const pathId = (path) => path.reduce((text, part) => text + (typeof part === "number" ? `[${part}]` : `${text ? "." : ""}${part}`), "");
const shadowed = (event) => Boolean(event.target.shadowRoot);

function download() {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob([store.text], { type: "application/yaml" })), download: `${store.data.name || "campaign"}.yaml` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function Sections() {
  if (!store.vocabulary) return html`<p class="hint">${gettext("Loading…")}</p>`;
  if (store.fault) return html`<p class="problem">${store.fault.line ? gettext("Line {line}: ", { line: store.fault.line }) : ""}${gettext("The text cannot be read as YAML: {why}. Mend it under Text, or undo.", { why: store.fault.message })}</p>`;
  const count = (name) => store.problems.filter((problem) => sectionOf(problem) === name).length;
  return html`<nav class="sections" aria-label=${gettext("Parts of the campaign")}>${SECTIONS.map(([name, label]) => html`<a class="button" href=${`#${name}`} onClick=${(event) => { event.preventDefault(); document.getElementById(name).scrollIntoView(); document.getElementById(name).focus({ preventScroll: true }); }}>${label}${count(name) > 0 && html` <span class="count" aria-label=${gettext("problems")}>${count(name)}</span>`}</a>`)}</nav>
    ${isEarlier() && html`<${Earlier} />`}
    ${SECTIONS.map(([name, label, Part]) => html`<section class="card" id=${name} key=${name} tabindex="-1" aria-labelledby=${`${name}-title`}><h2 id=${`${name}-title`}>${label}</h2>${name === "outcomes" && isEarlier() ? html`<p class="hint">${gettext("In this file they are written in the earlier form.")}</p>` : html`<${Part} />`}</section>`)}`;
}

const isEarlier = () => ["objective", "measurements"].some((key) => valueAt(store.data, [key]) !== undefined) || !["outcomes", "objectives"].some((key) => key in store.data);

function Earlier() {
  const [fault, setFault] = useState("");
  // What was written while it was on its way is rewritten as well.
  const rewrite = async () => {
    const mine = begins, { text } = store;
    try {
      const { file } = await ask("POST", "campaigns/migrate", { file: text });
      if (mine !== begins) return;
      if (store.text === text) store.write(file);
      else await rewrite();
    } catch (error) { setFault(error.message); }
  };
  return html`<div class="card warn-card"><p>${gettext("This file says its outcome in the earlier form. To edit outcomes here, have them written as outcomes and objectives: the campaign stays the same, and so do comments.")}</p>
    <button type="button" onClick=${rewrite}>${gettext("Rewrite outcomes")}</button>${fault && html`<p class="problem" role="alert">${fault}</p>`}</div>`;
}

function TextEditor({ line }) {
  const where = useRef(null);
  const editor = useRef(null);
  useEffect(() => {
    let there = true;
    import("./editor.js").then(({ editorIn }) => { if (there) { editor.current = editorIn(where.current, store); if (line) editor.current.goTo(line.number); } });
    return () => { there = false; editor.current?.end(); editor.current = null; };
  }, []);
  useEffect(() => { if (line) editor.current?.goTo(line.number); }, [line]);
  return html`<div class="text-editor" ref=${where}></div>`;
}

async function open() {
  place.replaceChildren();
  render(html`<${App} />`, place);
  learn();
  const { from } = place.dataset;
  if (from) {
    try { await beginWith(ask("GET", `campaigns/${from}/exports/campaign.yaml`)); } catch { /* its page says that there is none */ }
  } else {
    saved = draft(draftId).text ?? "";
    store.write(saved);
    store.back = [];
  }
}

// What a campaign may say, without which there is no form: asked for until it is there.
async function learn() {
  try {
    store.vocabulary = await ask("GET", "vocabulary");
    store.tell();
  } catch {
    setTimeout(learn, ASKED_AGAIN_MS);
  }
}
open();
