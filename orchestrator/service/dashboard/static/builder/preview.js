// Beside the form: what is wrong, and what the campaign would do.
import { said } from "./controls.js";
import { words } from "./schema.js";
import { labwareOf, wellName } from "./plates.js";
import { store } from "./store.js";
import { html } from "../vendor/preact.min.js";

export function Findings({ goTo }) {
  const { state, problems, fault } = store;
  if (state === "empty") return html`<p class="hint">Choose an example or bring a file: it is checked while you write.</p>`;
  if (state === "checking" && !problems.length) return html`<p class="hint">Checking…</p>`;
  if (state === "valid") return html`<p class="good">The file is valid.</p>`;
  const many = problems.length;
  return html`<p class="problem">${state === "unreachable" ? problems[0].message : `${many} ${many === 1 ? "problem" : "problems"}${fault ? ": the text cannot be read as YAML" : ""}`}</p>
    ${state !== "unreachable" && html`<ul>${problems.map((problem) => html`<li>
      <button type="button" class="small" onClick=${() => goTo(problem)}>${problem.line ? `line ${problem.line}` : "go to it"}</button>${" "}
      <b>${problem.key ? `${problem.key}: ` : ""}</b>${said(problem)}</li>`)}</ul>`}`;
}

const short = (value) => (typeof value === "number" ? String(Number(value.toPrecision(4))) : value ?? "–");
const moment = (text) => text.slice(0, 16).replace("T", " ");
const days = (list) => (list.length > 1 ? `${list[0]} to ${list.at(-1)} (${list.length})` : String(list[0]));

function lasting(from, to) {
  const hours = (new Date(to) - new Date(from)) / 3_600_000;
  const rough = (value) => Number(value.toPrecision(2));
  return hours >= 48 ? `${rough(hours / 24)} days` : hours >= 1 ? `${rough(hours)} hours` : `${rough(hours * 60)} minutes`;
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
    <h2 id="preview-title">What it would do</h2>
    ${old && html`<p class="hint">As it was when the file was last valid.</p>`}
    <p>${plan.title}: ${plan.rounds} ${plan.rounds === 1 ? "round" : "rounds"} of ${plan.wells} ${plan.wells === 1 ? "well" : "wells"}, ${plan.days} ${plan.days === 1 ? "day" : "days"} each; the first begins on ${moment(plan.first_day)}.${plan.past_results ? ` It starts from ${plan.past_results} past results.` : ""}</p>
    <dl class="facts">
      <div><dt>first round takes</dt><dd>${lasting(plan.first_day, plan.ends_at)}</dd></div>
      <div><dt>wells in all, at most</dt><dd>${plan.rounds * plan.wells}</dd></div>
      ${plan.costs.map((cost) => html`<div><dt>${cost.cost}, first round</dt><dd>${short(cost.total)} ${cost.unit}</dd></div>`)}
    </dl>
    ${plan.notices.map((text) => html`<p class="hint">${text}</p>`)}
    <${Layout} plan=${plan} />
    <h3>Schedule of a round</h3>
    <${Table} caption="Schedule" heads=${[["step"], ["robots"], ["days"], ["when"], ["jobs", "num"]]} rows=${plan.steps.map((step) => [step.title ? `${step.step} ${step.title}` : step.step, step.robots.join(", "), days(step.days), step.when, step.jobs])} />
    <p class="hint">Work of the first round, by nominal times: ${Object.entries(plan.robot_hours).map(([robot, hours]) => `${robot} ${Number(hours.toPrecision(2))} h`).join(", ")}.</p>
    ${plan.liquids.length > 0 && html`<h3>Volumes of a round, without dead volumes</h3>
    <${Table} caption="Volumes" heads=${[["liquid"], ["mL", "num"]]} rows=${plan.liquids.map((it) => [it.liquid, (it.volume_ul / 1000).toFixed(1)])} />`}
    <h3>Loading list</h3>
    <ul class="plain">${plan.loads.map((it) => html`<li><b>${it.day}</b>: ${load(it).filter(Boolean).join("; ")}</li>`)}</ul>
  </section>`;
}

// What a day takes, in words.
const load = (it) => [
  Object.entries(it.plates).map(([name, count]) => `${count} ${name}`).join(", "),
  Object.entries(it.liquids_ul).map(([name, volume]) => `${short(volume / 1000)} mL ${name}`).join(", "),
  it.substances.map((found) => `${short(found.amount)} ${found.unit} ${found.substance}`).join(", "),
  Object.entries(it.tips).map(([size, count]) => `${count} ${count === 1 ? "tip" : "tips"} of ${size} uL`).join(", "),
];

const ROLES = { standard: ["S", "standard"], control: ["C", "control"], chosen: ["P", "chosen by a person"] };

// The first layout: the first plate as a drawing, and all wells as a table.
function Layout({ plan }) {
  const [first] = plan.layout;
  if (!first) return null;
  const names = Object.keys(first.condition);
  const known = labwareOf(store.data.plates);
  const roles = new Map(plan.layout.filter((well) => well.plate === 1).map((well) => [well.well, well.role]));
  const cell = (row, column) => {
    const name = wellName(row, column), role = roles.get(name);
    return html`<span key=${name} class=${`drawn ${role ? `used ${role}` : known.absent.includes(name) ? "absent" : "free"}`} title=${role ? `${name}: ${role}` : name}>${ROLES[role]?.[0] ?? ""}</span>`;
  };
  return html`<h3>Layout of round 1</h3>
    ${known && known.columns <= 24 && html`<div class=${`drawing small-drawing ${known.columns > 12 ? "dense" : ""}`} role="img" aria-label=${`Plate 1: ${[...roles.values()].filter((role) => role in ROLES).length} standards, controls and chosen conditions among ${roles.size} wells`}>
      ${Array.from({ length: known.rows }, (_, row) => html`<div class="drawing-row">${Array.from({ length: known.columns }, (__, column) => cell(row, column))}</div>`)}</div>
    <p class="legend">${Object.keys(ROLES).filter((role) => [...roles.values()].includes(role)).map((role) => html`<span>${ROLES[role].join(" ")}</span>`)}</p>`}
    <details><summary>${plan.layout.length === 1 ? "Condition of the well" : `Conditions of ${plan.layout.length} wells`}</summary>
    <${Table} caption="Layout" heads=${[["well"], ["role"], ...names.map((name) => [words(name), "num"])]} rows=${plan.layout.map((well) => [`${well.plate} ${well.well}`, well.role, ...names.map((name) => short(well.condition[name]))])} /></details>`;
}
