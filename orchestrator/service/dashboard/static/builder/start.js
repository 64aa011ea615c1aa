// Where a campaign begins: an example, a file, an earlier campaign, nothing at all, or what was kept.
import { read } from "./campaign-text.js";
import { drafts, forget } from "./drafts.js";
import { ask } from "./service.js";
import { words } from "./schema.js";
import { store } from "./store.js";
import { html, useEffect, useState } from "../vendor/preact.min.js";

export function Start({ examples, empty, begin, beginWith, draftId }) {
  const [earlier, setEarlier] = useState([]);
  const [kept, setKept] = useState(drafts());
  const [fault, setFault] = useState("");
  useEffect(() => { ask("GET", "campaigns?limit=100").then((page) => setEarlier(page.items), () => setEarlier([])); }, []);
  const from = async (asked) => { try { setFault(""); await beginWith(asked); } catch (error) { setFault(error.message); } };
  const fromFile = (event) => { const [file] = event.target.files; if (file) from(file.text().catch(() => { throw new Error(gettext("{file} cannot be read.", { file: file.name })); })); event.target.value = ""; };
  const fromEarlier = (event) => { const { value: id } = event.target; if (id) from(ask("GET", `campaigns/${id}/exports/campaign.yaml`)); };
  const others = kept.filter((draft) => draft.id !== draftId);
  return html`<section class="card start" aria-label=${gettext("Begin")}>
    <div class="row">
      <label for="example">${gettext("Begin with")}</label>
      <select id="example" value="" onChange=${(event) => event.target.value && begin(examples[event.target.value])}>
        <option value="">${gettext("an example…")}</option>${Object.keys(examples).map((name) => html`<option value=${name}>${words(name)}</option>`)}
      </select>
      <label class="button" for="upload">${gettext("or a file…")}</label><input type="file" id="upload" accept=".yaml,.yml,text/yaml" class="hidden" onChange=${fromFile} />
      ${earlier.length > 0 && html`<label for="earlier">${gettext("or as")}</label><select id="earlier" value="" onChange=${fromEarlier}>
        <option value="">${gettext("an earlier campaign…")}</option>${earlier.map((it) => html`<option value=${it.id}>${it.title} (${it.id})</option>`)}</select>`}
      <button type="button" onClick=${() => begin(empty)}>${gettext("or empty")}</button>
    </div>
    ${fault && html`<p class="problem" role="alert">${fault}</p>`}
    ${others.length > 0 && html`<details open=${!store.text}><summary>${ngettext("Kept in this browser: {number} draft", "Kept in this browser: {number} drafts", others.length)}</summary><ul class="plain">${others.map((draft) => html`<li class="row">
      <span>${draft.title || gettext("without a name")} <span class="hint">${new Date(draft.at).toLocaleString(document.documentElement.lang)}</span></span>
      <button type="button" onClick=${() => begin(draft.text, draft.id)}>${gettext("Go on with it")}</button>
      <button type="button" class="quiet" onClick=${() => { forget(draft.id); setKept(drafts()); }}>${gettext("Throw away")}</button></li>`)}</ul></details>`}
  </section>
  ${!store.text && html`<${Examples} examples=${examples} begin=${begin} />`}`;
}

// What each example is about, by its own title.
function Examples({ examples, begin }) {
  return html`<p class="hint">${gettext("Take what is most like your study and change it, bring a file of your own, or begin with nothing. What you write is kept in this browser; nothing is launched before you say so.")}</p>
    <div class="cards">${Object.entries(examples).map(([name, text]) => html`<section class="card example" key=${name} aria-label=${words(name)}>
      <h2>${read(text).data?.title ?? words(name)}</h2>
      <p class="hint">${(/^#\s*(.*(?:\n#.*)*)/.exec(text)?.[1] ?? "").replaceAll(/\n#\s*/g, " ")}</p>
      <button type="button" onClick=${() => begin(text)}>${gettext("Begin with it")}</button></section>`)}</div>`;
}
