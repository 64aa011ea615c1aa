// Controls: one value of a campaign each, by the kind of its schema.
import { pathText, remove, set, valueAt } from "./campaign-text.js";
import { describe, fromText, words } from "./schema.js";
import { store, thingsAt } from "./store.js";
import { html, useState } from "../vendor/preact.min.js";

export const idOf = (path) => `f-${pathText(path)}`;

// What is wrong with exactly this, or with anything inside it.
export const problemsAt = (path) => store.problems.filter((problem) => problem.key === pathText(path));
export const problemsIn = (path) => store.problems.filter((problem) => problem.key === pathText(path) || problem.key.startsWith(`${pathText(path)}.`) || problem.key.startsWith(`${pathText(path)}[`));

export const said = (problem) => problem.message + (problem.expected ? gettext(" (expected {expected})", { expected: problem.expected }) : "");

export function Problems({ found, id }) {
  return html`<div id=${id} class="said">${found.map((problem) => html`<p class="wrong">${said(problem)}</p>`)}</div>`;
}

// What describes a control to a reader, and whether it is wrong.
const described = (path, found) => ({ "aria-describedby": `${idOf(path)}-hint ${idOf(path)}-said`, "aria-invalid": found.length ? "true" : undefined });

// A text is written at once; while it has the focus it stays as it was typed.
export function Text({ path, kind, onName, example, list, mode }) {
  const [typed, setTyped] = useState(null);
  const value = valueAt(store.data, path);
  const shown = value === undefined || value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  const take = (text) => {
    const next = fromText(text, kind);
    store.type(pathText(path), next === undefined ? remove(path) : set(path, next));
  };
  const input = (event) => { setTyped(event.target.value); if (!onName) take(event.target.value); };
  const leave = () => {
    if (onName && typed !== null && typed.trim() !== shown) onName(shown, typed.trim());
    setTyped(null);
  };
  const found = problemsIn(path);
  return html`<input id=${idOf(path)} type="text" inputmode=${mode ?? (kind.kind === "number" ? "decimal" : "text")} value=${typed ?? shown}
    placeholder=${example ? gettext("such as {example}", { example }) : undefined} autocomplete="off" spellcheck=${false} list=${list} ...${described(path, found)}
    onInput=${input} onBlur=${leave} onKeyDown=${(event) => { if (event.key === "Enter" && onName) leave(); }} />`;
}

// Several values in one field, with commas between them.
export function List({ path, item, one }) {
  const [typed, setTyped] = useState(null);
  const value = valueAt(store.data, path);
  const shown = value === undefined || value === null ? "" : [value].flat().map(asCell).join(", ");
  const take = (text) => {
    const cells = text.split(/[,;]/).map((cell) => fromText(cell, item)).filter((cell) => cell !== undefined);
    store.type(pathText(path), cells.length === 0 ? remove(path) : set(path, one && cells.length === 1 ? cells[0] : cells));
  };
  return html`<input id=${idOf(path)} type="text" value=${typed ?? shown} autocomplete="off" spellcheck=${false} placeholder=${gettext("with commas between them")}
    ...${described(path, problemsIn(path))} onInput=${(event) => { setTyped(event.target.value); take(event.target.value); }} onBlur=${() => setTyped(null)} />`;
}

const asCell = (value) => (value !== null && typeof value === "object" ? JSON.stringify(value) : String(value));

// One of several; what is there and is none of them stays to be seen.
export function Choice({ path, choices, required, onChoose, label, absent = "–" }) {
  const value = valueAt(store.data, path);
  const known = choices.map((choice) => (typeof choice === "object" ? choice : { name: choice, title: "" }));
  const strange = value !== undefined && value !== null && !known.some((choice) => choice.name === value);
  const choose = (event) => {
    const { value: chosen } = event.target;
    const next = known.find((choice) => String(choice.name) === chosen)?.name;
    if (onChoose) onChoose(next);
    else store.edit(next === undefined ? remove(path) : set(path, next));
  };
  return html`<select id=${idOf(path)} aria-label=${label} value=${value === undefined || value === null ? "" : String(value)} ...${described(path, problemsIn(path))} onChange=${choose}>
    ${(!required || value === undefined || value === null) && html`<option value="">${absent}</option>`}
    ${strange && html`<option value=${String(value)}>${gettext("{name} (not known)", { name: asCell(value) })}</option>`}
    ${known.map((choice) => html`<option value=${String(choice.name)}>${choice.title ? `${choice.title} (${choice.name})` : words(choice.name)}</option>`)}
  </select>`;
}

export function Flag({ path, label }) {
  const value = valueAt(store.data, path);
  return html`<label class="flag"><input id=${idOf(path)} type="checkbox" checked=${value === true} ...${described(path, problemsIn(path))}
    onChange=${(event) => store.edit(event.target.checked ? set(path, true) : remove(path))} /> ${label}</label>`;
}

// Lowest and highest.
export function Pair({ path, label }) {
  const value = valueAt(store.data, path);
  const ends = Array.isArray(value) ? value : [undefined, undefined];
  const [typed, setTyped] = useState({});
  const take = (index, text) => {
    setTyped({ ...typed, [index]: text });
    const next = [0, 1].map((end) => (end === index ? fromText(text, { kind: "number" }) : fromText(typed[end] ?? String(ends[end] ?? ""), { kind: "number" })));
    if (next.every((end) => end === undefined)) store.type(pathText(path), remove(path));
    else if (next.every((end) => end !== undefined)) store.type(pathText(path), set(path, next));
  };
  const end = (index, name) => html`<input id=${index ? `${idOf(path)}-to` : idOf(path)} type="text" inputmode="decimal" aria-label=${`${label}: ${name}`} placeholder=${name}
    value=${typed[index] ?? ends[index] ?? ""} ...${described(path, problemsIn(path))} onInput=${(event) => take(index, event.target.value)} />`;
  return html`<span class="pair" onFocusOut=${(event) => { if (!event.currentTarget.contains(event.relatedTarget) && Array.isArray(value)) setTyped({}); }}>${end(0, gettext("lowest"))}<span>${gettext("to")}</span>${end(1, gettext("highest"))}</span>`;
}

// Some of what there is, each with a box; one alone is written by itself where the schema has it so.
export function Several({ path, choices, one, label }) {
  const value = valueAt(store.data, path);
  const chosen = value === undefined || value === null ? [] : [value].flat();
  const known = [...choices.map((choice) => choice.name ?? choice), ...chosen.filter((name) => !choices.some((choice) => (choice.name ?? choice) === name))];
  const toggle = (name, there) => {
    const next = known.filter((other) => (other === name ? there : chosen.includes(other)));
    store.edit(next.length === 0 ? remove(path) : set(path, one && next.length === 1 ? next[0] : next));
  };
  return html`<span class="several" role="group" aria-label=${label} id=${idOf(path)} tabindex="-1">
    ${known.map((name) => html`<label class="flag"><input type="checkbox" checked=${chosen.includes(name)} onChange=${(event) => toggle(name, event.target.checked)} /> ${words(name)}</label>`)}
    ${known.length === 0 && html`<span class="hint">${gettext("there is none yet")}</span>`}
  </span>`;
}

// The control of a schema, if one does for it; null where it has parts of its own.
export function controlOf({ schema, root, path, label, required }) {
  const found = describe(schema, root);
  switch (found.kind) {
    case "choice": return html`<${Choice} path=${path} choices=${found.choices} required=${required} absent=${"default" in schema && schema.default !== null ? gettext("{value} (unless said)", { value: schema.default }) : "–"} />`;
    case "flag": return html`<${Flag} path=${path} label=${label} />`;
    case "pair": return html`<${Pair} path=${path} label=${label} />`;
    case "several": return html`<${Several} path=${path} choices=${found.choices} label=${label} />`;
    case "some": {
      const things = thingsAt(path, "lists");
      return things ? html`<${Several} path=${path} choices=${things} one=${true} label=${label} />` : html`<${List} path=${path} item=${{ kind: "text" }} one=${true} />`;
    }
    case "list": {
      const things = thingsAt(path, "lists");
      return things ? html`<${Several} path=${path} choices=${things} label=${label} />` : html`<${List} path=${path} item=${found.item} />`;
    }
    case "number": return html`<${Text} path=${path} kind=${found} example=${schema.default ?? undefined} />`;
    case "text": {
      const things = thingsAt(path);
      if (things) return html`<${Choice} path=${path} choices=${things} required=${required} />`;
      return html`<${Text} path=${path} kind=${found} example=${found.example ?? (found.examples?.length ? found.examples[0] : undefined)} />`;
    }
    default: return null;
  }
}
