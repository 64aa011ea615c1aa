// Launching: once, however often the button is pressed, and asked about where the same campaign was launched already.
import { ask, newKey, prefix } from "./service.js";
import { store } from "./store.js";
import { html, useRef, useState } from "../vendor/preact.min.js";

const place = document.getElementById("builder").dataset;
const projects = JSON.parse(place.projects); // in which this person may launch, beside anywhere

const day = (text) => text.slice(0, 16).replace("T", " ");

export function Launch({ launched }) {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const dialog = useRef(null);
  const [simulated, setSimulated] = useState(false);
  const [project, setProject] = useState(place.anywhere || projects.length !== 1 ? "" : projects[0]);
  const key = useRef({ wish: null, key: null });
  const going = useRef(false);
  const earlier = store.state === "valid" ? store.preview.launched : [];
  const same = simulated ? [] : earlier.filter((it) => it.same);

  const send = async (again) => {
    if (going.current) return;
    going.current = true;
    setBusy(true);
    setFault("");
    // The same text and wish are one launch: sent again, they get the first answer again.
    const { text } = store;
    const wish = `${again} ${simulated} ${project} ${text}`;
    if (key.current.wish !== wish) key.current = { wish, key: newKey() };
    try {
      const campaign = await ask("POST", "campaigns", { file: text, again: again || simulated, simulated_people: simulated, project }, key.current.key);
      launched(campaign.id, text);
    } catch (error) {
      setFault(error.message);
      setBusy(false);
      going.current = false;
    }
  };
  const press = () => { if (same.length) dialog.current.showModal(); else send(false); };
  return html`<div class="row end"><label class="flag"><input type="checkbox" checked=${simulated} onChange=${(event) => setSimulated(event.target.checked)} /> ${gettext("People are simulated, for training")}</label> ${projects.length > 0 && html`<label>${gettext("Project")} <select id="project" value=${project} onChange=${(event) => setProject(event.target.value)}><option value="">${place.anywhere ? gettext("in no project") : gettext("choose one")}</option>${projects.map((name) => html`<option value=${name}>${name}</option>`)}</select></label>`} <button type="button" class="strong operator" id="launch" disabled=${busy || store.state !== "valid" || !(project || place.anywhere)} onClick=${press}>${busy ? gettext("Launching…") : gettext("Launch")}</button></div>
    ${earlier.length > 0 && !same.length && !simulated && html`<p class="hint">${gettext("Another campaign has this name: this one gets a number behind it.")}</p>`}
    ${fault && html`<p class="problem" id="launch-problem" role="alert">${fault}</p>`}
    <dialog ref=${dialog} aria-labelledby="again-title"><h2 id="again-title">${gettext("Launch it once more?")}</h2>
      <p>${gettext("The same campaign was launched already:")}</p>
      <ul>${same.map((it) => html`<li><a href=${`${prefix}/campaigns/${it.id}`}>${it.id}</a>, ${gettext(it.status)}, ${gettext("launched {day}", { day: day(it.started_at) })}</li>`)}</ul>
      <div class="row end"><button type="button" class="quiet" onClick=${() => dialog.current.close()}>${gettext("Cancel")}</button>
      <button type="button" class="strong" onClick=${() => { dialog.current.close(); send(true); }}>${gettext("Launch once more")}</button></div></dialog>`;
}
