// The other sections: what the campaign is, rounds and their end, robots, and what else there may be.
import { remove, set, valueAt } from "./campaign-text.js";
import { Choice, idOf, problemsAt, Problems } from "./controls.js";
import { Covariates } from "./covariates.js";
import { Field, Form } from "./fields.js";
import { wellsOfRound } from "./plates.js";
import { resolve } from "./schema.js";
import { freshName, renames, store } from "./store.js";
import { html } from "../vendor/preact.min.js";

export function Identity() {
  const root = store.vocabulary.schema;
  return html`<${Form} schema=${{ ...root, anyOf: undefined, properties: only(root, ["name", "title", "start", "seed"]), required: ["name"] }} root=${root} path=${[]} main=${["name", "title", "start", "seed"]} />`;
}

const only = (root, names) => Object.fromEntries(names.map((name) => [name, root.properties[name]]));

export function Rounds() {
  const root = store.vocabulary.schema;
  const { rounds, stop, strategy } = root.properties;
  const whole = { required: true, hint: false };
  return html`<${Wells} />
    <${Field} schema=${rounds} root=${root} path=${["rounds"]} ...${whole} />
    <${Field} schema=${stop} root=${root} path=${["stop"]} label=${gettext("when it ends")} ...${whole} />
    <${Field} schema=${strategy} root=${root} path=${["strategy"]} label=${gettext("strategy")} />`;
}

const number = (value) => (typeof value === "number" ? value : 0);

// Each round has to fill its wells: whether it does, and a way to let it.
function Wells() {
  const there = wellsOfRound(store.data);
  if (!there) return null;
  const { first = {}, later = {} } = store.data.rounds ?? {};
  const chosen = (Array.isArray(first?.chosen) ? first.chosen : []).reduce((sum, it) => sum + number(it?.wells ?? 1), 0);
  const one = number(first?.initial) + number(first?.standard) + chosen, next = number(later?.proposed) + number(later?.controls) + number(later?.standard);
  const fill = () => store.edit(
    set(["rounds", "first", "initial"], Math.max(0, there - number(first?.standard) - chosen)),
    set(["rounds", "later", "proposed"], Math.max(1, there - number(later?.controls) - number(later?.standard))),
  );
  const fits = one > 0 && one % there === 0 && next === there;
  return html`<p class=${fits ? "in-words" : "in-words warn"}>${ngettext("A round has {number} well.", "A round has {number} wells.", there)} ${gettext("The first fills {first}, each later one {later}.", { first: one, later: next })} ${!fits && html`<button type="button" onClick=${fill}>${gettext("Fill them")}</button>`}</p>`;
}

export function Robots() {
  const root = store.vocabulary.schema;
  const { robots } = store.data;
  const names = robots && typeof robots === "object" ? Object.keys(robots) : [];
  const { drivers } = store.vocabulary;
  const lab = Object.entries(store.vocabulary.robots);
  const rename = (old, name) => name && !names.includes(name) && store.edit(...renames("robots", old, name));
  const add = () => store.edit(set(["robots", freshName("robots", "robot")], { driver: Object.keys(drivers).find((name) => drivers[name].simulated) ?? Object.keys(drivers)[0] }));
  return html`${lab.length > 0 && html`<p class="hint">${gettext("Of the lab, and used by their names: {robots}.", { robots: lab.map(([name, driver]) => `${name} (${driver})`).join(", ") })}</p>`}
    <${Problems} found=${problemsAt(["robots"])} id="robots-said" />
    <div class="items">${names.map((name, index) => html`<div class="item" key=${index} role="group" aria-label=${`${gettext("robot")} ${name}`} id=${idOf(["robots", name])} tabindex="-1"><div class="inside"><${Robot} name=${name} root=${root} rename=${rename} /></div>
      <div class="handles"><button type="button" class="small" aria-label=${gettext("Remove {thing}", { thing: `${gettext("robot")} ${name}` })} onClick=${() => store.edit(remove(["robots", name]))}>✕</button></div></div>`)}
    <button type="button" class="add" onClick=${add}>${gettext("Add robot")}</button></div>`;
}

function Robot({ name, root, rename }) {
  const path = ["robots", name];
  const schema = resolve(root.properties.robots, root);
  const [config] = Object.values(schema.patternProperties);
  const { properties } = resolve(config, root);
  const { drivers } = store.vocabulary;
  const driver = valueAt(store.data, [...path, "driver"]);
  const choose = (chosen) => chosen && store.edit(...(valueAt(store.data, [...path, "options"]) ? [remove([...path, "options"])] : []), set([...path, "driver"], chosen));
  const options = drivers[driver]?.options;
  return html`<div class="fields line wide">
      <div class="field"><label for=${`robot-name-${name}`}>${gettext("name")}</label><input id=${`robot-name-${name}`} type="text" value=${name} onChange=${(event) => rename(name, event.target.value.trim())} /></div>
      <${Field} schema=${properties.driver} root=${root} path=${[...path, "driver"]} required=${true} control=${html`<${Choice} path=${[...path, "driver"]} choices=${Object.keys(drivers)} required=${true} onChoose=${choose} />`} /></div>
    <p class="in-words">${gettext(drivers[driver]?.summary ?? "")}</p>
    ${options && Object.keys(options.properties ?? {}).length > 0 && html`<details class="more-fields"><summary>${gettext("Options of {name}", { name: driver })}</summary><${Form} schema=${options} root=${options} path=${[...path, "options"]} main=${Object.keys(options.properties).slice(0, 2)} /></details>`}
    <${Form} schema=${{ ...resolve(config, root), required: [] }} root=${root} path=${path} main=${["-"]} hide=${["driver", "options"]} />`;
}

const ELSEWHERE = ["name", "title", "start", "seed", "parameters", "constraints", "outcomes", "objectives", "outcome_constraints", "protocol", "plates", "rounds", "stop", "strategy", "robots"];

// Whatever else the schema has.
export function Further() {
  const root = store.vocabulary.schema;
  const names = Object.keys(root.properties).filter((name) => !ELSEWHERE.includes(name) && !root.properties[name].deprecated);
  return html`${names.map((name) => name === "covariates" ? html`<${Covariates} key=${name} />` : html`<${Field} key=${name} schema=${root.properties[name]} root=${root} path=${[name]} />`)}`;
}

