// Outcomes, what is wanted of them, and within which bounds they are to be kept.
import { all, remove, set } from "./campaign-text.js";
import { Choice, idOf } from "./controls.js";
import { Field, Form, Items } from "./fields.js";
import { Name } from "./parameters.js";
import { meaning, resolve, words } from "./schema.js";
import { freshName, store, THINGS } from "./store.js";
import { html } from "../vendor/preact.min.js";

export function Outcomes() {
  const root = store.vocabulary.schema;
  const { outcomes, objectives, outcome_constraints: bounds } = root.properties;
  const first = () => THINGS.outcomes.of(store.data)[0]?.name ?? "";
  return html`<${Items} path=${["outcomes"]} root=${root} label="outcomes" item=${outcomes.items} fresh=${() => ({ name: freshName("outcomes", "outcome"), by_hand: true })} Inside=${Outcome} cards=${false} />
    <h3>${gettext("Objectives")}</h3><p class="hint">${meaning(objectives)}</p>
    <${Items} path=${["objectives"]} root=${root} label="objectives" item=${objectives.items} title=${(it) => it?.outcome ?? ""} fresh=${() => ({ outcome: first(), direction: "maximise" })} Inside=${Objective} cards=${false} />
    <h3>${gettext("Bounds of outcomes")}</h3><p class="hint">${meaning(bounds)}</p>
    <${Items} path=${["outcome_constraints"]} root=${root} label="bounds" noun=${gettext("bound")} item=${bounds.items} title=${(it) => it?.outcome ?? ""} fresh=${() => ({ outcome: first(), at_least: 0 })} Inside=${Bound} cards=${false} />`;
}

const MEASURED = ["scorer", "by_hand", "step", "options"];

function Outcome({ path, value }) {
  const root = store.vocabulary.schema;
  const { properties } = resolve(root.properties.outcomes.items, root);
  const field = (name, beside = {}) => html`<${Field} key=${name} schema=${properties[name]} root=${root} path=${[...path, name]} hint=${false} ...${beside} />`;
  return html`<div class="fields line wide">
      <${Name} kind="outcomes" path=${[...path, "name"]} schema=${properties.name} root=${root} />
      ${field("title")}${field("unit")}${field("range")}
      <${How} path=${path} value=${value} schema=${properties.scorer} root=${root} />
      ${value?.by_hand !== true && html`<${Reading} path=${path} value=${value} schema=${properties.step} root=${root} />`}
    </div>
    ${value?.scorer && html`<p class="in-words">${gettext(store.vocabulary.scorers[value.scorer]?.summary ?? "")}</p>`}
    <${Options} path=${path} value=${value} />
    <${Form} schema=${{ ...resolve(root.properties.outcomes.items, root), required: [] }} root=${root} path=${path} main=${["-"]} hide=${["name", "title", "unit", "range", ...MEASURED]} />`;
}

// By hand, or by one of the scorers that there are.
function How({ path, value, schema, root }) {
  const choose = (name) => {
    const without = (...keys) => keys.filter((key) => value?.[key] !== undefined).map((key) => remove([...path, key]));
    if (name === "by hand") store.edit(all(...without("scorer", "options", "step")), set([...path, "by_hand"], true));
    else store.edit(all(...without("by_hand", "options")), set([...path, "scorer"], name));
  };
  const at = [...path, "scorer"];
  const scorers = THINGS.scorers.of(store.data, store.vocabulary);
  const chosen = value?.by_hand === true ? "by hand" : value?.scorer;
  const control = html`<select id=${idOf(at)} value=${chosen ?? ""} onChange=${(event) => choose(event.target.value)} aria-describedby=${`${idOf(at)}-said`}>
    ${chosen === undefined && html`<option value="">–</option>`}<option value="by hand">${gettext("a person enters it")}</option>
    ${scorers.map(({ name }) => html`<option value=${name}>${words(name)}</option>`)}
    ${chosen && chosen !== "by hand" && !scorers.some(({ name }) => name === chosen) && html`<option value=${chosen}>${gettext("{name} (not known)", { name: chosen })}</option>`}</select>`;
  return html`<${Field} schema=${schema} root=${root} path=${at} label=${gettext("measured by")} required=${true} hint=${false} control=${control} />`;
}

// The steps with an operation that leaves a reading.
function Reading({ path, schema, root }) {
  const { operations } = store.vocabulary;
  const reading = (store.data.protocol?.steps ?? []).filter((step) => (step?.operations ?? []).some((operation) => operations[operation?.do]?.reads));
  const at = [...path, "step"];
  const control = html`<${Choice} path=${at} choices=${reading.map((step) => ({ name: step.name, title: step.title ?? "" }))} absent=${gettext("every step that reads")} />`;
  return html`<${Field} schema=${schema} root=${root} path=${at} label=${gettext("read in")} hint=${false} control=${control} />`;
}

function Options({ path, value }) {
  const schema = store.vocabulary.scorers[value?.scorer]?.options;
  if (!schema || !Object.keys(schema.properties ?? {}).length) return null;
  return html`<details class="more-fields" open=${Boolean(schema.required?.length)}><summary>${gettext("Options of {name}", { name: words(value.scorer) })}</summary><${Form} schema=${schema} root=${schema} path=${[...path, "options"]} /></details>`;
}

function Objective({ path, value }) {
  const root = store.vocabulary.schema;
  const { properties } = resolve(root.properties.objectives.items, root);
  const field = (name, required) => html`<${Field} schema=${properties[name]} root=${root} path=${[...path, name]} required=${required} hint=${false} />`;
  const turn = (name) => name && store.edit(set([...path, "direction"], name), ...(name === "match" ? [set([...path, "target"], value.target ?? 0)] : [remove([...path, "target"])]));
  return html`<div class="fields line wide">${field("outcome", true)}
    <${Field} schema=${properties.direction} root=${root} path=${[...path, "direction"]} required=${true} control=${html`<${Choice} path=${[...path, "direction"]} choices=${properties.direction.enum} required=${true} onChoose=${turn} />`} />
    ${value?.direction === "match" && field("target", true)}${(store.data.objectives?.length ?? 0) > 1 && field("threshold", false)}</div>`;
}

function Bound({ path }) {
  const root = store.vocabulary.schema;
  const { properties } = resolve(root.properties.outcome_constraints.items, root);
  return html`<div class="fields line wide">${Object.keys(properties).map((name) => html`<${Field} schema=${properties[name]} root=${root} path=${[...path, name]} required=${name === "outcome"} hint=${false} />`)}</div>`;
}
