// The plates of a round: labware, the wells in use, and those of standards and controls, painted on a drawing of one.
import { remove, set } from "./campaign-text.js";
import { Text } from "./controls.js";
import { Field } from "./fields.js";
import { resolve, words } from "./schema.js";
import { store } from "./store.js";
import { html, useLayoutEffect, useRef, useState } from "../vendor/preact.min.js";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
export const wellName = (row, column) => (row >= 26 ? LETTERS[Math.floor(row / 26) - 1] : "") + LETTERS[row % 26] + (column + 1);

function place(name) {
  const found = /^([A-Z]{1,2})0*(\d+)$/.exec(String(name).trim().toUpperCase());
  if (!found) return null;
  const row = [...found[1]].reduce((sum, letter) => 26 * sum + LETTERS.indexOf(letter) + 1, 0) - 1;
  return { row, column: Number(found[2]) - 1 };
}

// Rows, columns and missing wells of the labware that is chosen; null where it is not known.
export function labwareOf(plates) {
  const { labware } = plates ?? {};
  if (labware && typeof labware === "object") {
    const { rows, columns, absent } = labware;
    return rows > 0 && columns > 0 && rows * columns <= 4000 ? { rows, columns, absent: [absent ?? []].flat().map((name) => String(name).toUpperCase()) } : null;
  }
  return store.vocabulary?.labware[labware] ?? null; // a preview may be there before the vocabulary
}

export const corners = (wells) => { const ends = String(wells ?? "").split(":").map(place); return ends.length === 2 && ends.every(Boolean) ? ends : null; };

function within([first, last]) {
  const found = [];
  for (let row = first.row; row <= last.row; row++) for (let column = first.column; column <= last.column; column++) found.push(wellName(row, column));
  return found;
}

// The names of the wells that a text or a list of wells and rectangles means.
function wellsNamed(given) {
  const ends = [given ?? []].flat().flatMap((text) => String(text).split(/[,;]/)).map((text) => corners(text.includes(":") ? text : `${text}:${text}`));
  return [...new Set(ends.filter(Boolean).flatMap(within))];
}

// The names of the wells in use on one plate.
export function wellsInUse(plates) {
  const known = labwareOf(plates);
  if (!known) return [];
  const used = corners(plates.wells) ?? [{ row: 0, column: 0 }, { row: known.rows - 1, column: known.columns - 1 }];
  return within(used).filter((name) => !known.absent.includes(name));
}

// The blocks of a campaign: covariates whose label the plate, or the part of it, decides.
const blocks = () => (Array.isArray(store.data.covariates) ? store.data.covariates : []).filter((it) => it && typeof it === "object" && (it.plates ?? it.wells) && typeof (it.plates ?? it.wells) === "object");

// Well -> the labels of its blocks, with the number of the first one's for its drawing.
function blocksOfWells() {
  const found = new Map();
  blocks().filter((block) => block.wells).forEach((block, first) => Object.entries(block.wells).forEach(([label, rectangle], index) => {
    const ends = corners(rectangle);
    for (const name of ends ? within(ends) : []) {
      const known = found.get(name) ?? { index: first === 0 ? index : null, said: [] };
      found.set(name, { ...known, said: [...known.said, `${block.title || words(block.name)} ${label}`] });
    }
  }));
  return found;
}

// What the drawing means: the labels with their plates or wells.
function Blocks() {
  const drawn = blocks().find((block) => block.wells);
  return html`${blocks().map((block) => html`<p class="in-words" key=${block.name}><b>${block.title || words(block.name)}</b>: ${Object.entries(block.plates ?? block.wells).map(([label, places], index) => html`${index > 0 && "; "}${block === drawn && html`<span class=${`drawn sample block-${index % 4}`} aria-hidden="true"></span> `}${label} (${block.plates ? gettext("plates {numbers}", { numbers: [places].flat().join(", ") }) : places})`)}</p>`)}`;
}

export const wellsOfRound = (data) => (data.plates?.count ?? 0) * wellsInUse(data.plates).length;

export function Plates() {
  const root = store.vocabulary.schema;
  const { properties } = resolve(root.properties.plates, root);
  const { plates } = store.data;
  const known = labwareOf(plates);
  const used = wellsInUse(plates);
  const field = (name, required, beside = {}) => html`<${Field} schema=${properties[name]} root=${root} path=${["plates", name]} required=${required} ...${beside} />`;
  const byName = typeof (plates?.labware ?? "") === "string";
  const named = html`<${Text} path=${["plates", "labware"]} kind=${{ kind: "text" }} list="labware-names" example="96-well" /><datalist id="labware-names">${Object.keys(store.vocabulary.labware).map((name) => html`<option value=${name}></option>`)}</datalist>`;
  return html`<div class="fields">
      ${field("count", true)}
      ${byName ? html`${field("labware", true, { control: named })}<button type="button" class="quiet" onClick=${() => store.edit(set(["plates", "labware"], { name: "vials", rows: 2, columns: 4, capacity: "20 mL" }))}>${gettext("Define other labware")}</button>` : field("labware", true)}
      ${field("order", false)}${field("wells", false)}${field("standards_in", false)}${field("controls_in", false)}
    </div>
    <${Blocks} />
    ${known && html`<${Drawing} known=${known} used=${used} own=${!byName} />
    <p class="in-words">${gettext("{used} of {all} wells of a plate are in use, {round} wells a round. What is in which of them is drawn by lot, but for standards and controls whose wells are painted; the preview shows it.", { used: used.length, all: known.rows * known.columns - known.absent.length, round: wellsOfRound(store.data) })}</p>`}`;
}

const rectangle = (from, to) => [
  { row: Math.min(from.row, to.row), column: Math.min(from.column, to.column) },
  { row: Math.max(from.row, to.row), column: Math.max(from.column, to.column) },
];

// What is painted: the wells in use, or where standards or controls are; of labware that the campaign defines also the
// places without a well.
const KEYS = { standard: "standards_in", control: "controls_in" };
export const SIGNS = { standard: "S", control: "C" };
const brushes = (own) => ({ wells: gettext("wells in use"), standard: gettext("standard condition"), control: gettext("controls"), ...(own ? { absent: gettext("places without a well") } : {}) });

function paint(role, names) {
  const now = Object.fromEntries(Object.entries(KEYS).map(([other, key]) => [other, wellsNamed(store.data.plates[key])]));
  const whole = names.every((name) => now[role].includes(name));
  const without = (list) => list.filter((name) => !names.includes(name));
  const next = Object.keys(KEYS).map((other) => [other, other === role && !whole ? [...now[role], ...names.filter((name) => !now[role].includes(name))] : without(now[other])]);
  store.edit(...next.filter(([other, list]) => list.length !== now[other].length).map(([other, list]) => (list.length ? set(["plates", KEYS[other]], list) : remove(["plates", KEYS[other]]))));
}

// A plate that is painted by mouse or finger, or by arrow keys with Shift.
function Drawing({ known, used, own }) {
  const { rows, columns, absent } = known;
  const [brush, setBrush] = useState("wells");
  const marking = brush === "absent";
  const roles = new Map(Object.entries(KEYS).flatMap(([role, key]) => wellsNamed(store.data.plates[key]).map((name) => [name, role])));
  const inBlocks = blocksOfWells();
  const toggle = ({ row, column }) => {
    const name = wellName(row, column), path = ["plates", "labware", "absent"];
    const next = absent.includes(name) ? absent.filter((other) => other !== name) : [...absent, name];
    store.edit(next.length ? set(path, next) : remove(path));
  };
  // From where to where it is drawn just now; kept apart from what is shown, which a quick click is ahead of.
  const span = useRef(null);
  const [, show] = useState(0);
  const draw = (next) => { span.current = next; show((number) => number + 1); };
  const [here, setHere] = useState({ row: 0, column: 0 });
  const grid = useRef(null);
  const inUse = new Set(used);
  const take = (from, to) => {
    const [first, last] = rectangle(from, to);
    if (brush in KEYS) { paint(brush, within([first, last]).filter((name) => inUse.has(name))); return; }
    const whole = first.row === 0 && first.column === 0 && last.row === rows - 1 && last.column === columns - 1;
    store.edit(whole ? remove(["plates", "wells"]) : set(["plates", "wells"], `${wellName(first.row, first.column)}:${wellName(last.row, last.column)}`));
  };
  useLayoutEffect(() => {
    const end = () => { if (span.current?.held) { take(span.current.from, span.current.to); draw(null); } };
    const stop = () => { if (span.current?.held) draw(null); };
    window.addEventListener("pointerup", end);
    window.addEventListener("pointercancel", stop);
    return () => { window.removeEventListener("pointerup", end); window.removeEventListener("pointercancel", stop); };
  });
  const wellUnder = (event) => document.elementFromPoint(event.clientX, event.clientY)?.closest?.("[data-row]")?.dataset;
  const over = (event) => { const well = span.current?.held && wellUnder(event); if (well) draw({ ...span.current, to: { row: Number(well.row), column: Number(well.column) } }); };
  const key = (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (steps) {
      event.preventDefault();
      const next = { row: Math.min(rows - 1, Math.max(0, here.row + steps[0])), column: Math.min(columns - 1, Math.max(0, here.column + steps[1])) };
      draw(event.shiftKey ? { from: span.current?.from ?? here, to: next } : null);
      setHere(next);
      grid.current.querySelector(`[data-row="${next.row}"][data-column="${next.column}"]`)?.focus();
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (marking) toggle(here); else take(span.current?.from ?? here, span.current?.to ?? here);
      draw(null);
    } else if (event.key === "Escape") draw(null);
  };
  const chosen = span.current ? rectangle(span.current.from, span.current.to) : null;
  const marked = (row, column) => chosen && row >= chosen[0].row && row <= chosen[1].row && column >= chosen[0].column && column <= chosen[1].column;
  const inner = rows > 2 && columns > 2;
  return html`<div class="painted">
    <fieldset class="brushes"><legend>${gettext("Paint")}</legend>${Object.entries(brushes(own)).map(([name, label]) => html`<label class="flag"><input type="radio" name="brush" checked=${brush === name} onChange=${() => setBrush(name)} /> ${SIGNS[name] ? html`<span class=${`drawn used ${name} sample`} aria-hidden="true">${SIGNS[name]}</span> ` : ""}${label}</label>`)}</fieldset>
    <p class="hint" id="painted-how">${marking ? gettext("Mark the places that have no well: click them, or go with the arrow keys and press Enter.") : brush in KEYS ? gettext("Drag over wells, or go with the arrow keys, hold Shift to extend, and press Enter; once more takes them back.") : gettext("Draw the wells in use: drag over them, or go with the arrow keys, hold Shift to extend, and press Enter.")}</p>
    <div class=${`drawing ${columns > 12 ? "dense" : ""} ${marking ? "marking-absent" : ""}`} role="grid" aria-label=${gettext("Wells in use")} aria-describedby="painted-how" ref=${grid} onKeyDown=${key} onPointerMove=${over}>
      ${Array.from({ length: rows }, (_, row) => html`<div role="row" class="drawing-row" key=${row}>${Array.from({ length: columns }, (__, column) => {
        const name = wellName(row, column);
        const there = !absent.includes(name);
        const state = !there ? "absent" : (chosen && brush === "wells" ? marked(row, column) : inUse.has(name)) ? "used" : "free";
        const role = state === "used" ? roles.get(name) : undefined;
        const block = state === "used" ? inBlocks.get(name) : undefined;
        return html`<span key=${column} role="gridcell" class=${`drawn ${state} ${role ?? ""} ${block && block.index !== null ? `block-${block.index % 4}` : ""} ${brush in KEYS && marked(row, column) ? "marked" : ""}`} data-row=${row} data-column=${column} tabindex=${here.row === row && here.column === column ? 0 : -1} aria-selected=${state === "used"} aria-label=${`${name}, ${there ? (state === "used" ? gettext("in use") : gettext("not in use")) : gettext("no well")}${role ? `, ${brushes(own)[role]}` : ""}${block ? `, ${block.said.join(", ")}` : ""}`}
          onFocus=${() => setHere({ row, column })} onPointerDown=${(event) => { event.preventDefault(); event.currentTarget.releasePointerCapture?.(event.pointerId); event.currentTarget.focus(); setHere({ row, column }); if (marking) toggle({ row, column }); else draw({ from: { row, column }, to: { row, column }, held: true }); }}>${role ? SIGNS[role] : columns <= 12 ? name : ""}</span>`;
      })}</div>`)}
    </div>
    <div class="row"><button type="button" onClick=${() => store.edit(remove(["plates", "wells"]))}>${gettext("All wells")}</button>
      ${inner && html`<button type="button" onClick=${() => take({ row: 1, column: 1 }, { row: rows - 2, column: columns - 2 })}>${gettext("Without wells at the edge")}</button>`}
    </div>
  </div>`;
}
