// Covariates: what is recorded of wells, and blocks, whose label the place decides.
import { remove, set } from "./campaign-text.js";
import { idOf } from "./controls.js";
import { Field, Items } from "./fields.js";
import { Name } from "./parameters.js";
import { corners, labwareOf, wellName } from "./plates.js";
import { meaning, resolve, words } from "./schema.js";
import { freshName, store } from "./store.js";
import { html } from "../vendor/preact.min.js";

export function Covariates() {
  const root = store.vocabulary.schema;
  const list = root.properties.covariates;
  return html`<fieldset id=${idOf(["covariates"])} tabindex="-1"><legend>${words("covariates")}</legend><p class="hint">${meaning(list)}</p>
    <${Items} path=${["covariates"]} root=${root} label="covariates" item=${list.items} fresh=${() => ({ name: freshName("covariates", "covariate") })} Inside=${Covariate} /></fieldset>`;
}

function Covariate({ path, value }) {
  const root = store.vocabulary.schema;
  const { properties } = resolve(root.properties.covariates.items, root);
  const by = value?.plates ? "plates" : value?.wells ? "wells" : "";
  const own = by ? [by] : ["kind", value?.kind === labelled(properties) ? "levels" : "unit"];
  const at = `${idOf(path)}-decided`;
  return html`<div class="fields">
    <${Field} schema=${properties.name} root=${root} path=${[...path, "name"]} required=${true} hint=${false} />
    <${Field} schema=${properties.title} root=${root} path=${[...path, "title"]} hint=${false} />
    <div class="field"><label for=${at}>${gettext("who says it")}</label><select id=${at} value=${by} onChange=${(event) => decide(path, value ?? {}, event.target.value, labelled(properties))}>
      <option value="">${gettext("a person records it")}</option><option value="plates">${gettext("the plate (a block)")}</option><option value="wells">${gettext("the part of the plate (a block)")}</option></select></div>
    ${own.map((name) => html`<${Field} key=${name} schema=${properties[name]} root=${root} path=${[...path, name]} label=${words(name)} />`)}
  </div>`;
}

// The kind of covariate that has labels: the other one is a number.
const labelled = ({ kind }) => kind.enum.find((name) => name !== kind.default);

// A block begins with two halves: of the plates, or of the wells in use.
function decide(path, value, by, kind) {
  const gone = ["plates", "wells", ...(by ? ["unit", "levels"] : [])].filter((name) => name !== by && value[name] !== undefined);
  const edits = gone.map((name) => remove([...path, name]));
  if (by) edits.push(set([...path, "kind"], kind), set([...path, by], by === "plates" ? halvesOfPlates() : halvesOfWells()));
  store.edit(...edits);
}

function halvesOfPlates() {
  const numbers = Array.from({ length: Math.max(2, store.data.plates?.count ?? 2) }, (_, index) => index + 1);
  const middle = Math.ceil(numbers.length / 2);
  return { first: numbers.slice(0, middle), second: numbers.slice(middle) };
}

function halvesOfWells() {
  const known = labwareOf(store.data.plates) ?? { rows: 8, columns: 12 };
  const [from, to] = corners(store.data.plates?.wells) ?? [{ row: 0, column: 0 }, { row: known.rows - 1, column: known.columns - 1 }];
  const middle = Math.floor((from.column + to.column) / 2);
  return { left: `${wellName(from.row, from.column)}:${wellName(to.row, middle)}`, right: `${wellName(from.row, middle + 1)}:${wellName(to.row, to.column)}` };
}
