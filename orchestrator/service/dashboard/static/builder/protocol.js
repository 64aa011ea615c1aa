// The protocol: steps in order, each with when it occurs, which robots do it, and what is done.
import { remove, set } from "./campaign-text.js";
import { Choice, idOf, problemsAt, Problems } from "./controls.js";
import { Field, Items, More } from "./fields.js";
import { Name } from "./parameters.js";
import { blank, describe, resolve, retagged } from "./schema.js";
import { freshName, store, THINGS } from "./store.js";
import { html } from "../vendor/preact.min.js";

const TIMES = ["days", "at", "after", "every", "for", "until", "tolerance"];
const STEPS = ["protocol", "steps"];

const stepSchema = (root) => resolve(resolve(root.properties.protocol, root).properties.steps.items, root);
const operationKinds = (root) => describe(stepSchema(root).properties.operations.items, root);

function freshOperation(root) {
  const { tag, choices } = operationKinds(root);
  const [name] = Object.keys(choices);
  return retagged({}, tag, name, choices[name], root);
}

export function Protocol() {
  const root = store.vocabulary.schema;
  const { properties } = resolve(root.properties.protocol, root);
  const fresh = () => {
    const last = THINGS.steps.of(store.data).at(-1)?.name;
    const robot = THINGS.robots.of(store.data, store.vocabulary)[0]?.name ?? "";
    return { name: freshName("steps", "step"), robot, ...(last ? { after: { step: last } } : { days: 0 }), operations: [freshOperation(root)] };
  };
  return html`<div class="fields"><${Field} schema=${properties.name} root=${root} path=${["protocol", "name"]} required=${true} /></div>
    <${Problems} found=${problemsAt(["protocol"])} id="protocol-said" />
    <${Items} path=${STEPS} root=${root} label="steps" item=${properties.steps.items} fresh=${fresh} Inside=${Step} />`;
}

function Step({ path, value }) {
  const root = store.vocabulary.schema;
  const { properties } = stepSchema(root);
  const plan = store.preview?.steps.find((step) => step.step === value?.name);
  const field = (name, beside = {}) => html`<${Field} key=${name} schema=${properties[name]} root=${root} path=${[...path, name]} hint=${false} ...${beside} />`;
  return html`<div class="fields"><${Name} kind="steps" path=${[...path, "name"]} schema=${properties.name} root=${root} />${field("title")}${field("robot", { required: true, label: gettext("robots") })}</div>
    <${When} ...${{ path, value: value ?? {}, root, properties }} />
    ${plan && html`<p class="in-words">${plan.days.length > 1 ? gettext("Days {first} to {last}", { first: plan.days[0], last: plan.days.at(-1) }) : gettext("Day {day}", { day: plan.days[0] })}: ${plan.when}; ${ngettext("{number} job a round", "{number} jobs a round", plan.jobs)}.</p>`}
    <h3 id=${`${idOf(path)}-operations`}>${gettext("What is done")}</h3>
    <${Problems} found=${problemsAt([...path, "operations"])} id=${`${idOf(path)}-operations-said`} />
    <${Items} path=${[...path, "operations"]} root=${root} label="operations" item=${properties.operations.items} title=${(it, index) => `${index + 1} (${it?.do ?? ""})`} fresh=${() => freshOperation(root)} Inside=${Operation} cards=${false} />`;
}

// When it begins, whether it comes again, and how late it may be: one choice each, and the fields of what was chosen.
function When({ path, value, root, properties }) {
  const begins = value.after !== undefined ? "after" : "days";
  const again = value.until !== undefined ? "until" : value.every !== undefined || value.for !== undefined ? "every" : "once";
  const others = THINGS.steps.of(store.data).map((step) => step.name).slice(0, path.at(-1));
  const gone = (...keys) => keys.filter((key) => value[key] !== undefined).map((key) => remove([...path, key]));
  const begin = (event) => store.edit(...(event.target.value === "after"
    ? [...gone("days", "at"), set([...path, "after"], { step: others.at(-1) ?? "" })]
    : [...gone("after"), set([...path, "days"], 0)]));
  const repeat = (event) => {
    const chosen = event.target.value;
    const outcome = THINGS.outcomes.of(store.data)[0]?.name ?? "";
    store.edit(...gone("every", "for", "until"), ...(chosen === "every" ? [set([...path, "every"], "1 hour"), set([...path, "for"], "4 hour")] : []),
      ...(chosen === "until" ? [set([...path, "until"], { ...blank(properties.until, root), outcome, at_least: 0 })] : []));
  };
  const field = (name, required) => html`<${Field} key=${name} schema=${properties[name]} root=${root} path=${[...path, name]} required=${required} hint=${name === "tolerance"} />`;
  const id = (name) => `${idOf(path)}-${name}`;
  return html`<div class="fields when">
    <div class="field"><label for=${id("begins")}>${gettext("it begins")}</label><select id=${id("begins")} value=${begins} onChange=${begin}>
      <option value="days">${gettext("on days of the round")}</option><option value="after" disabled=${others.length === 0}>${gettext("after another step")}</option></select></div>
    ${begins === "days" ? html`${field("days", true)}${field("at", false)}` : html`<${Field} schema=${properties.after} root=${root} path=${[...path, "after"]} label=${gettext("after")} required=${true} hint=${false} replace=${{ step: { control: html`<${Choice} path=${[...path, "after", "step"]} choices=${others} required=${true} />` } }} />`}
    <div class="field"><label for=${id("again")}>${gettext("it comes")}</label><select id=${id("again")} value=${again} onChange=${repeat}>
      <option value="once">${gettext("once")}</option><option value="every">${gettext("again and again, for a time")}</option><option value="until">${gettext("until an outcome has a value")}</option></select></div>
    ${again === "every" && html`${field("every", true)}${field("for", true)}`}
    ${again === "until" && field("until", true)}
    ${field("tolerance", false)}
    ${TIMES.filter((name) => ["days", "at", "after", "every", "for", "until"].includes(name) && value[name] === undefined).map((name) => problemsAt([...path, name]).length > 0 && !(begins === "days" && ["days", "at"].includes(name)) && html`<${Problems} found=${problemsAt([...path, name])} id=${`${idOf([...path, name])}-alone`} />`)}
  </div>`;
}

function Operation({ path, value }) {
  const root = store.vocabulary.schema;
  const { tag, choices } = operationKinds(root);
  const choice = choices[value?.[tag]];
  const change = (name) => name && store.edit(set(path, retagged(value ?? {}, tag, name, choices[name], root)));
  const { required = [], properties = {} } = choice ? resolve(choice, root) : {};
  const more = Object.keys(properties).filter((name) => name !== tag && !required.includes(name));
  const field = (name) => html`<${Field} key=${name} schema=${properties[name]} root=${root} path=${[...path, name]} required=${required.includes(name)} hint=${!required.includes(name)} />`;
  return html`<div class="fields line wide">
      <div class="field"><label for=${idOf([...path, tag])}>${gettext("operation")}</label><${Choice} path=${[...path, tag]} choices=${Object.keys(choices)} required=${true} onChoose=${change} />
        <p class="hidden" id=${`${idOf([...path, tag])}-hint`}>${gettext(store.vocabulary.operations[value?.[tag]]?.summary ?? "")}</p><${Problems} found=${problemsAt([...path, tag])} id=${`${idOf([...path, tag])}-said`} /></div>
      ${required.filter((name) => name !== tag).map(field)}
    </div>
    ${more.length > 0 && html`<${More} names=${more} path=${path}><div class="fields">${more.map(field)}</div><//>`}`;
}

