// Parameters, one a row, and what may not come together.
import { set } from "./campaign-text.js";
import { Text } from "./controls.js";
import { Field, Form, Items, Tagged } from "./fields.js";
import { describe, meaning, resolve, retagged } from "./schema.js";
import { freshName, renames, store, THINGS } from "./store.js";
import { Choice } from "./controls.js";
import { html } from "../vendor/preact.min.js";

// A name is taken over wherever it is referred to, in one step.
export function Name({ kind, path, schema, root }) {
  const rename = (old, name) => store.edit(...(old && name ? renames(kind, old, name) : []), set(path, name));
  return html`<${Field} schema=${schema} root=${root} path=${path} required=${true} hint=${false} control=${html`<${Text} path=${path} kind=${{ kind: "text" }} onName=${rename} />`} />`;
}

export function Parameters() {
  const root = store.vocabulary.schema;
  const list = root.properties.parameters;
  const step = THINGS.steps.of(store.data)[0]?.name ?? "";
  const [kind] = Object.keys(describe(list.items, root).choices);
  const fresh = () => retagged({ name: freshName("parameters", "parameter"), step, kind, low: 0, high: 1 }, "kind", kind, describe(list.items, root).choices[kind], root);
  return html`<${Items} path=${["parameters"]} root=${root} label="parameters" item=${list.items} fresh=${fresh} Inside=${Parameter} cards=${false} />
    <h3>${gettext("Constraints")}</h3>
    <p class="hint">${meaning(root.properties.constraints)}: ${gettext("sums, mixtures, ratios, how many at most, combinations.")}</p>
    <${Permitted} />
    <${Items} path=${["constraints"]} root=${root} label="constraints" item=${root.properties.constraints.items} title=${(it, index) => `${index + 1}`} Inside=${Constraint} />`;
}

function Parameter({ path, value }) {
  const root = store.vocabulary.schema;
  const { choices } = describe(root.properties.parameters.items, root);
  const schema = choices[value?.kind];
  const { properties = {}, required = [] } = schema ? resolve(schema, root) : {};
  const own = required.filter((name) => !["name", "step", "kind"].includes(name));
  const common = ["name", "title", "kind", "unit", ...own, "standard", "step"];
  const change = (kind) => kind && store.edit(set(path, retagged(value ?? {}, "kind", kind, choices[kind], root)));
  const field = (name) => properties[name] && html`<${Field} key=${name} schema=${properties[name]} root=${root} path=${[...path, name]} required=${required.includes(name)} hint=${false} />`;
  return html`<div class="fields line">
      <${Name} kind="parameters" path=${[...path, "name"]} schema=${properties.name ?? {}} root=${root} />
      ${field("title")}
      <${Field} schema=${{}} root=${root} path=${[...path, "kind"]} required=${true} control=${html`<${Choice} path=${[...path, "kind"]} choices=${Object.keys(choices)} required=${true} onChoose=${change} />`} />
      ${["unit", ...own, "standard", "step"].map(field)}
    </div>
    ${schema && html`<${Form} schema=${{ ...resolve(schema, root), required: [] }} root=${root} path=${path} main=${["-"]} hide=${common} />`}`;
}

function Constraint({ path }) {
  const root = store.vocabulary.schema;
  return html`<${Tagged} root=${root} path=${path} found=${describe(root.properties.constraints.items, root)} main=${["terms", "parts", "parameters", "numerator", "denominator", "when", "at_least", "at_most", "equal", "total", "reason"]} />`;
}

// How much of the space is left, drawn and said.
function Permitted() {
  const space = store.preview?.space;
  if (!space?.constraints.length) return null;
  const percent = (share) => (share > 0 && share < 0.01 ? gettext("less than 1 %") : `${Math.round(100 * share)} %`);
  return html`<div class="card permitted" aria-live="polite">
    <p>${gettext("{percent} of all combinations are permitted", { percent: percent(space.share) })} <span class="hint">(${gettext("estimated from {number} random ones", { number: space.samples })})</span></p>
    <meter min="0" max="1" value=${space.share} aria-label=${gettext("Share of combinations that are permitted")}></meter>
    <ul class="plain">${space.constraints.map((rule) => html`<li><code>${rule.constraint}</code> ${rule.exact ? gettext("by itself: {percent} of the combinations of the others", { percent: percent(rule.share) }) : gettext("by itself: {percent}", { percent: percent(rule.share) })}</li>`)}</ul>
  </div>`;
}
