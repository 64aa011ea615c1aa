// Beside the form: what is wrong, and what the campaign would do.
import { said } from "./controls.js";
import { words } from "./schema.js";
import { labwareOf, SIGNS, wellName } from "./plates.js";
import { store } from "./store.js";
import { html } from "../vendor/preact.min.js";

export function Findings({ goTo }) {
  const { state, problems, fault } = store;
  if (state === "empty") return html`<p class="hint">${gettext("Choose an example or bring a file: it is checked while you write.")}</p>`;
  if (state === "checking" && !problems.length) return html`<p class="hint">${gettext("Checking…")}</p>`;
  if (state === "valid") return html`<p class="good">${gettext("The file is valid.")}</p>`;
  const many = problems.length;
  return html`<p class="problem">${state === "unreachable" ? problems[0].message : `${ngettext("{number} problem", "{number} problems", many)}${fault ? `: ${gettext("the text cannot be read as YAML")}` : ""}`}</p>
    ${state !== "unreachable" && html`<ul>${problems.map((problem) => html`<li>
      <button type="button" class="small" onClick=${() => goTo(problem)}>${problem.line ? gettext("line {line}", { line: problem.line }) : gettext("go to it")}</button>${" "}
      <b>${problem.key ? `${problem.key}: ` : ""}</b>${said(problem)}</li>`)}</ul>`}`;
}

const short = (value) => (typeof value === "number" ? String(Number(value.toPrecision(4))) : value ?? "–");
const moment = (text) => text.slice(0, 16).replace("T", " ");
const days = (list) => (list.length > 1 ? gettext("{first} to {last} ({number})", { first: list[0], last: list.at(-1), number: list.length }) : String(list[0]));

function lasting(from, to) {
  const hours = (new Date(to) - new Date(from)) / 3_600_000;
  const rough = (value) => Number(value.toPrecision(2));
  return hours >= 48 ? gettext("{number} days", { number: rough(hours / 24) }) : hours >= 1 ? gettext("{number} hours", { number: rough(hours) }) : gettext("{number} minutes", { number: rough(hours * 60) });
}

function Table({ caption, heads, rows }) {
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${caption}><table><caption class="hidden">${caption}</caption>
    <thead><tr>${heads.map(([text, kind]) => html`<th scope="col" class=${kind}>${text}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${row.map((cell, index) => html`<td class=${heads[index][1]}>${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}

export function Preview() {
  const plan = store.preview;
  if (!plan || store.state === "empty") return null;
  const old = store.state !== "valid";
  return html`<section class=${`card ${old ? "old" : ""}`} id="preview" aria-labelledby="preview-title">
    <h2 id="preview-title">${gettext("What it would do")}</h2>
    ${old && html`<p class="hint">${gettext("As it was when the file was last valid.")}</p>`}
    <p>${plan.title}: ${[ngettext("{number} round", "{number} rounds", plan.rounds), ngettext("{number} well each", "{number} wells each", plan.wells), ngettext("{number} day each", "{number} days each", plan.days)].join(", ")}. ${gettext("The first begins on {day}.", { day: moment(plan.first_day) })}${plan.past_results ? ` ${gettext("It starts from {number} past results.", { number: plan.past_results })}` : ""}</p>
    <dl class="facts">
      <div><dt>${gettext("first round takes")}</dt><dd>${lasting(plan.first_day, plan.ends_at)}</dd></div>
      <div><dt>${gettext("wells in all, at most")}</dt><dd>${plan.rounds * plan.wells}</dd></div>
      ${plan.costs.map((cost) => html`<div><dt>${gettext("{cost}, first round", { cost: cost.cost })}</dt><dd>${short(cost.total)} ${cost.unit}</dd></div>`)}
    </dl>
    ${plan.notices.map((text) => html`<p class="hint">${text}</p>`)}
    <${Layout} plan=${plan} />
    <h3>${gettext("Schedule of a round")}</h3>
    <${Table} caption=${gettext("Schedule")} heads=${[[gettext("step")], [gettext("robots")], [gettext("days")], [gettext("when")], [gettext("jobs"), "num"]]} rows=${plan.steps.map((step) => [step.title ? `${step.step} ${step.title}` : step.step, step.robots.join(", "), days(step.days), step.when, step.jobs])} />
    <p class="hint">${gettext("Work of the first round, by nominal times: {robots}.", { robots: Object.entries(plan.robot_hours).map(([robot, hours]) => `${robot} ${Number(hours.toPrecision(2))} h`).join(", ") })}</p>
    ${plan.liquids.length > 0 && html`<h3>${gettext("Volumes of a round, without dead volumes")}</h3>
    <${Table} caption=${gettext("Volumes")} heads=${[[gettext("liquid")], ["mL", "num"]]} rows=${plan.liquids.map((it) => [it.liquid, (it.volume_ul / 1000).toFixed(1)])} />`}
    <h3>${gettext("Loading list")}</h3>
    <ul class="plain">${plan.loads.map((it) => html`<li><b>${it.day}</b>: ${load(it).filter(Boolean).join("; ")}</li>`)}</ul>
  </section>`;
}

// What a day takes, in words.
const load = (it) => [
  Object.entries(it.plates).map(([name, count]) => `${count} ${name}`).join(", "),
  Object.entries(it.liquids_ul).map(([name, volume]) => `${short(volume / 1000)} mL ${name}`).join(", "),
  it.substances.map((found) => `${short(found.amount)} ${found.unit} ${found.substance}`).join(", "),
  Object.entries(it.tips).map(([size, count]) => ngettext("{number} tip of {size} uL", "{number} tips of {size} uL", count, { size })).join(", "),
];

const ROLES = { standard: [SIGNS.standard, gettext("standard")], control: [SIGNS.control, gettext("control")], chosen: ["P", gettext("chosen by a person")] };

// The first layout: the first plate as a drawing, and all wells as a table.
function Layout({ plan }) {
  const [first] = plan.layout;
  if (!first) return null;
  const names = Object.keys(first.condition);
  const known = labwareOf(store.data.plates);
  const roles = new Map(plan.layout.filter((well) => well.plate === 1).map((well) => [well.well, well.role]));
  const cell = (row, column) => {
    const name = wellName(row, column), role = roles.get(name);
    return html`<span key=${name} class=${`drawn ${role ? `used ${role}` : known.absent.includes(name) ? "absent" : "free"}`} title=${role ? `${name}: ${words(role)}` : name}>${ROLES[role]?.[0] ?? ""}</span>`;
  };
  return html`<h3>${gettext("Layout of round 1")}</h3>
    ${known && known.columns <= 24 && html`<div class=${`drawing small-drawing ${known.columns > 12 ? "dense" : ""}`} role="img" aria-label=${gettext("Plate 1: {number} standards, controls and chosen conditions among {wells} wells", { number: [...roles.values()].filter((role) => role in ROLES).length, wells: roles.size })}>
      ${Array.from({ length: known.rows }, (_, row) => html`<div class="drawing-row">${Array.from({ length: known.columns }, (__, column) => cell(row, column))}</div>`)}</div>
    <p class="legend">${Object.keys(ROLES).filter((role) => [...roles.values()].includes(role)).map((role) => html`<span>${ROLES[role].join(" ")}</span>`)}</p>`}
    <details><summary>${plan.layout.length === 1 ? gettext("Condition of the well") : gettext("Conditions of {number} wells", { number: plan.layout.length })}</summary>
    <${Table} caption=${gettext("Layout")} heads=${[[gettext("well")], [gettext("role")], ...names.map((name) => [words(name), "num"])]} rows=${plan.layout.map((well) => [`${well.plate} ${well.well}`, words(well.role), ...names.map((name) => short(well.condition[name]))])} /></details>`;
}
