// Fields: a part of a campaign as a form, made from its JSON Schema.
import { insert, move, pathText, remove, renameKey, set, valueAt } from "./campaign-text.js";
import { Choice, controlOf, idOf, List, Problems, problemsAt, problemsIn } from "./controls.js";
import { asParameter } from "./new-parameter.js";
import { blank, describe, meaning, resolve, retagged, variantName, variantOf, words } from "./schema.js";
import { store, thingsAt, withNames } from "./store.js";
import { html, useState } from "../vendor/preact.min.js";

const LABELLED_ITSELF = ["flag"];
const GROUPS = ["several", "some", "pair"];

// One key: its label, its control or its parts, what it means, and what is wrong with it.
export function Field({ schema: given, root, path, label = words(path.at(-1)), required = false, hint = true, control, replace = {} }) {
  const schema = resolve(given, root);
  const found = describe(schema, root);
  const made = control ?? controlOf({ schema, root, path, label, required });
  const help = schema.description && !schema.description.startsWith("a quantity with a unit") ? meaning(schema) : "";
  const problems = made ? problemsIn(path) : problemsAt(path);
  if (!made) {
    return html`<div class="field whole">
      <${Whole} ...${{ schema, root, path, label, required, found, help: hint ? help : "", replace }} />
      <${Problems} found=${problems} id=${`${idOf(path)}-said`} />
    </div>`;
  }
  const grouped = GROUPS.includes(found.kind) && !control && made.type !== List;
  return html`<div class=${`field ${problems.length ? "has-problem" : ""}`}>
    ${LABELLED_ITSELF.includes(found.kind) && !control ? null : html`<${Label} path=${grouped ? null : path} label=${label} required=${required} />`}
    ${made}
    <p class=${hint && help ? "hint" : "hidden"} id=${`${idOf(path)}-hint`}>${help}</p>
    <${Problems} found=${problems} id=${`${idOf(path)}-said`} />
  </div>`;
}

// What a field is called; a group of controls says it to readers itself.
function Label({ path, label, required }) {
  return html`<span class="label">${path ? html`<label for=${idOf(path)}>${label}</label>` : html`<b aria-hidden="true">${label}</b>`}${required ? "" : html` <span class="hint" aria-hidden="true">${gettext("optional")}</span>`}</span>`;
}

// What has parts: a form in a form, a list of things, names with values, or one of several forms.
function Whole({ schema, root, path, label, required, found, help, replace }) {
  const value = valueAt(store.data, path);
  const there = value !== undefined && value !== null;
  if (found.kind === "reference") return html`<${OrParameter} ...${{ root, path, label, required, inner: found.inner, help: schema.description && meaning(schema) }} />`;
  if (found.kind === "items" || found.kind === "mapping") {
    return html`<fieldset id=${idOf(path)} tabindex="-1"><legend>${label}</legend>${help && html`<p class="hint">${help}</p>`}
      ${found.kind === "items" ? html`<${Items} ...${{ root, path, label, item: found.item }} />` : html`<${Mapping} ...${{ root, path, label, value: found.value }} />`}</fieldset>`;
  }
  if (!there && !required) {
    return html`<div class="absent" id=${idOf(path)} tabindex="-1"><button type="button" onClick=${() => store.edit(set(path, blank(schema, root)))}>${gettext("Add {thing}", { thing: label })}</button> <span class="hint">${help}</span></div>`;
  }
  const removal = !required && html`<button type="button" class="quiet" onClick=${() => store.edit(remove(path))}>${gettext("Remove {thing}", { thing: label })}</button>`;
  if (found.kind === "variants") return html`<${Variants} ...${{ root, path, label, options: found.options, removal, required, help }} />`;
  return html`<fieldset id=${idOf(path)} tabindex="-1"><legend>${label}</legend>${help && html`<p class="hint">${help}</p>`}
    ${found.kind === "tagged" ? html`<${Tagged} ...${{ root, path, found }} />` : html`<${Form} ...${{ schema, root, path, replace }} />`}${removal}</fieldset>`;
}

// A value, or that of a parameter.
function OrParameter({ root, path, label, required, inner, help }) {
  const value = valueAt(store.data, path);
  const refers = value !== null && typeof value === "object" && "parameter" in value;
  const parameters = thingsAt([...path, "parameter"]) ?? [];
  const choose = (event) => {
    const { value: source } = event.target;
    if (source === "new") store.edit(...(asParameter(path, inner) ?? []));
    else store.edit(set(path, source === "parameter" ? { parameter: parameters[0]?.name ?? "" } : blank(inner, root)));
  };
  const problems = problemsIn(path);
  const own = refers
    ? html`<${Choice} path=${[...path, "parameter"]} choices=${parameters} required=${true} label=${gettext("{thing}: which parameter", { thing: label })} />`
    : controlOf({ schema: resolve(inner, root), root, path, label, required });
  return html`<div class=${`or-parameter ${problems.length ? "has-problem" : ""}`}>
    <${Label} path=${refers ? [...path, "parameter"] : path} label=${label} required=${required} />
    <span class="row nowrap">${own}
      <select aria-label=${gettext("{thing}: where it comes from", { thing: label })} value=${refers ? "parameter" : "value"} onChange=${choose}>
        <option value="value">${gettext("value")}</option><option value="parameter">${gettext("parameter")}</option><option value="new">${gettext("new parameter")}</option>
      </select></span>
    <p class=${help ? "hint" : "hidden"} id=${`${idOf(path)}-hint`}>${help ?? ""}</p>
    ${refers && html`<${Problems} found=${problems.filter((problem) => problem.key !== pathText(path))} id=${`${idOf([...path, "parameter"])}-said`} />`}
  </div>`;
}

function Variants({ root, path, label, options, removal, help }) {
  const which = variantOf(valueAt(store.data, path), options, root);
  const schema = resolve(options[which], root);
  const change = (event) => store.edit(set(path, blank(options[Number(event.target.value)], root)));
  return html`<div class="variants" id=${`${idOf(path)}-variants`}>
    <span class="row nowrap"><${Field} ...${{ schema: { ...schema, description: help }, root, path, label, required: true }} /></span>
    <select aria-label=${gettext("{thing}: how it is given", { thing: label })} value=${String(which)} onChange=${change}>${options.map((option, index) => html`<option value=${String(index)}>${variantName(resolve(option, root))}</option>`)}</select>
    ${removal}
  </div>`;
}

// A thing of several kinds: its kind, and the fields of that kind.
export function Tagged({ root, path, found, main, hide = [], replace }) {
  const value = valueAt(store.data, path) ?? {};
  const choice = found.choices[value[found.tag]];
  const change = (name) => name !== undefined && store.edit(set(path, withNames(retagged(value, found.tag, name, found.choices[name], root))));
  const lead = html`<div class="field"><label for=${idOf([...path, found.tag])}>${words(found.tag)}</label>
    <${Choice} path=${[...path, found.tag]} choices=${Object.keys(found.choices)} required=${true} onChoose=${change} />
    <${Problems} found=${problemsAt([...path, found.tag])} id=${`${idOf([...path, found.tag])}-said`} /></div>`;
  return choice ? html`<${Form} ...${{ schema: choice, root, path, main, hide: [found.tag, ...hide], replace, lead }} />` : html`<div class="fields">${lead}</div>`;
}

const SIMPLE = ["choice", "flag", "number", "text", "pair", "some", "list"];
const FEW = 8;

// The fields of an object: what is needed or said, of few fields all simple ones, and behind "More" what else may be.
export function Form({ schema: given, root, path, main = [], hide = [], replace = {}, hints = true, lead }) {
  const schema = resolve(given, root);
  const { properties = {}, required = [] } = describe(schema, root);
  const value = valueAt(store.data, path) ?? {};
  const names = Object.keys(properties).filter((name) => !hide.includes(name) && !properties[name].deprecated);
  const simple = (name) => names.length <= FEW && SIMPLE.includes(describe(properties[name], root).kind);
  const shown = names.filter((name) => main.includes(name) || required.includes(name) || (main.length === 0 && (value[name] !== undefined || simple(name))));
  const first = [...main.filter((name) => shown.includes(name)), ...shown.filter((name) => !main.includes(name))];
  const more = names.filter((name) => !first.includes(name));
  const field = (name) => html`<${Field} key=${name} schema=${properties[name]} root=${root} path=${[...path, name]} required=${required.includes(name)} hint=${hints} ...${replace[name] ?? {}} />`;
  return html`<div class="fields">${lead}${first.map(field)}</div>${more.length > 0 && html`<${More} names=${more} path=${path}><div class="fields">${more.map(field)}</div><//>`}`;
}

export function More({ names, path, children, title = gettext("More") }) {
  const [open, setOpen] = useState(false);
  const value = valueAt(store.data, path) ?? {};
  const said = names.filter((name) => value[name] !== undefined);
  const wrong = names.some((name) => problemsIn([...path, name]).length);
  return html`<details class="more-fields" open=${open || wrong} onToggle=${(event) => setOpen(event.currentTarget.open)}>
    <summary>${title}${said.length > 0 && html` <span class="hint">${said.map(words).join(", ")}</span>`}</summary>${children}</details>`;
}

// Things in an order: added, moved and taken away.
export function Items({ root, path, label, item, title = (it, index) => it?.name || `${index + 1}`, fresh, Inside, noun = gettext(label.replaceAll("_", " ").replace(/s$/, "")), cards = true }) {
  const items = valueAt(store.data, path);
  const list = Array.isArray(items) ? items : [];
  const found = item && describe(resolve(item, root), root);
  const make = fresh ?? (() => withNames(blank(item, root)));
  return html`<div class=${cards ? "items" : "items rows"}>
    ${list.map((it, index) => html`<${Item} key=${index} ...${{ path, index, count: list.length, noun, name: title(it, index) }}>
      ${Inside ? html`<${Inside} path=${[...path, index]} value=${it} index=${index} />` : found.kind === "tagged" ? html`<${Tagged} ...${{ root, path: [...path, index], found }} />` : html`<${Form} ...${{ schema: item, root, path: [...path, index] }} />`}
    <//>`)}
    <button type="button" class="add" onClick=${() => { store.edit(insert(path, list.length, make())); focusOn([...path, list.length]); }}>${gettext("Add {thing}", { thing: noun })}</button>
  </div>`;
}

// One of them: moved by its grip, with a mouse or a finger, or by its buttons.
export function Item({ path, index, count, noun, name, children }) {
  const [over, setOver] = useState(null);
  const at = [...path, index];
  // The focus stays on the button with which it is moved, so that it can be moved on.
  const go = (to, way) => { store.edit(move(path, index, to)); focusOn([...path, to], way && `:scope > .handles [data-way="${way}"]:not(:disabled)`); };
  const under = (event) => {
    for (let place = document.elementFromPoint(event.clientX, event.clientY); place; place = place.parentElement) {
      if (place.classList.contains("item") && place.dataset.list === pathText(path)) return place;
    }
    return null;
  };
  const mark = (place) => { if (place === over) return; over?.classList.remove("over"); place?.classList.add("over"); setOver(place); };
  const drag = (event) => { if (event.currentTarget.hasPointerCapture(event.pointerId)) mark(under(event)); };
  const drop = (event) => {
    const place = under(event);
    mark(null);
    if (place && Number(place.dataset.index) !== index) go(Number(place.dataset.index));
  };
  const wrong = problemsIn(at).length;
  return html`<div class=${`item ${wrong ? "has-problem" : ""}`} role="group" aria-label=${`${noun} ${name}`} id=${idOf(at)} tabindex="-1" data-list=${pathText(path)} data-index=${index}>
    <div class="inside">${children}<${Problems} found=${problemsAt(at)} id=${`${idOf(at)}-said`} /></div>
    <div class="handles">
      <span class="grip" aria-hidden="true" title=${gettext("drag to move")} onPointerDown=${(event) => { event.preventDefault(); event.currentTarget.setPointerCapture(event.pointerId); }} onPointerMove=${drag} onPointerUp=${drop} onPointerCancel=${() => mark(null)}>⠿</span>
      <button type="button" class="small" aria-label=${gettext("Move {thing} up", { thing: `${noun} ${name}` })} data-way="up" disabled=${index === 0} onClick=${() => go(index - 1, "up")}>↑</button>
      <button type="button" class="small" aria-label=${gettext("Move {thing} down", { thing: `${noun} ${name}` })} data-way="down" disabled=${index === count - 1} onClick=${() => go(index + 1, "down")}>↓</button>
      <button type="button" class="small" aria-label=${gettext("Remove {thing}", { thing: `${noun} ${name}` })} onClick=${() => { store.edit(remove(at)); focusOn([...path, Math.max(0, index - 1)]); }}>✕</button>
    </div>
  </div>`;
}

// Names with a value each.
function Mapping({ root, path, label, value }) {
  const given = valueAt(store.data, path);
  const entries = given && typeof given === "object" ? Object.keys(given) : [];
  const things = thingsAt(path, "mappings");
  const free = things?.find((thing) => !entries.includes(thing.name))?.name;
  const next = free ?? `${path.at(-1).replace(/s$/, "")}_${entries.length + 1}`;
  return html`<div class="mapping">${entries.map((key, index) => html`<div class="row nowrap" key=${index}>
      <${Key} ...${{ path: [...path, key], things, label }} />
      <${Field} schema=${value} root=${root} path=${[...path, key]} label=${words(key)} required=${true} hint=${false} />
      <button type="button" class="small" aria-label=${gettext("Remove {thing} from {list}", { thing: words(key), list: label })} onClick=${() => store.edit(remove([...path, key]))}>✕</button>
    </div>`)}
    <button type="button" class="add" disabled=${things && !free} onClick=${() => store.edit(set([...path, next], blank(value, root)))}>${gettext("Add to {list}", { list: label })}</button></div>`;
}

function Key({ path, things, label }) {
  const key = path.at(-1);
  const take = (event) => event.target.value.trim() && store.edit(renameKey(path, event.target.value.trim()));
  if (!things) return html`<input type="text" aria-label=${gettext("Name in {list}", { list: label })} value=${key} onChange=${take} />`;
  const names = things.map((thing) => thing.name);
  return html`<select aria-label=${gettext("Name in {list}", { list: label })} value=${key} onChange=${take}>${(names.includes(key) ? names : [key, ...names]).map((name) => html`<option value=${name}>${words(name)}</option>`)}</select>`;
}

// The focus goes to something that is on the page a moment later: to what is asked for in it, or its first control.
export function focusOn(path, wanted) {
  requestAnimationFrame(() => requestAnimationFrame(() => {
    const place = document.getElementById(idOf(path));
    const control = "input, select, textarea";
    const first = (wanted && place?.querySelector(wanted)) || (place?.matches(control) ? place : place?.querySelector(`${control}, button`)) || place;
    first?.focus();
    first?.scrollIntoView({ block: "center" });
  }));
}
