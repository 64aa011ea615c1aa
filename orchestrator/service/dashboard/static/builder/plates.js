// The plates of a round: labware, and the wells in use, painted on a drawing of one of them.
import { remove, set } from "./campaign-text.js";
import { Text } from "./controls.js";
import { Field } from "./fields.js";
import { resolve } from "./schema.js";
import { store } from "./store.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.min.js";

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
  return store.vocabulary.labware[labware] ?? null;
}

const corners = (wells) => { const ends = String(wells ?? "").split(":").map(place); return ends.length === 2 && ends.every(Boolean) ? ends : null; };

// The names of the wells in use on one plate.
export function wellsInUse(plates) {
  const known = labwareOf(plates);
  if (!known) return [];
  const [first, last] = corners(plates.wells) ?? [{ row: 0, column: 0 }, { row: known.rows - 1, column: known.columns - 1 }];
  const found = [];
  for (let row = first.row; row <= last.row; row++) for (let column = first.column; column <= last.column; column++) found.push(wellName(row, column));
  return found.filter((name) => !known.absent.includes(name));
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
      ${field("order", false)}${field("wells", false)}
    </div>
    ${known && html`<${Drawing} known=${known} used=${used} own=${!byName} />
    <p class="in-words">${gettext("{used} of {all} wells of a plate are in use, {round} wells a round. Which condition, standard or control is in which of them is drawn by lot; the preview shows it.", { used: used.length, all: known.rows * known.columns - known.absent.length, round: wellsOfRound(store.data) })}</p>`}`;
}

const rectangle = (from, to) => [
  { row: Math.min(from.row, to.row), column: Math.min(from.column, to.column) },
  { row: Math.max(from.row, to.row), column: Math.max(from.column, to.column) },
];

// A plate on which the rectangle of wells is drawn by mouse or finger, or by arrow keys with Shift; of labware that the
// campaign defines also the places without a well.
function Drawing({ known, used, own }) {
  const { rows, columns, absent } = known;
  const [marking, setMarking] = useState(false);
  const toggle = ({ row, column }) => {
    const name = wellName(row, column), path = ["plates", "labware", "absent"];
    const next = absent.includes(name) ? absent.filter((other) => other !== name) : [...absent, name];
    store.edit(next.length ? set(path, next) : remove(path));
  };
  const [begin, setBegin] = useState(null);
  const [here, setHere] = useState({ row: 0, column: 0 });
  const [drawn, setDrawn] = useState(null);
  const grid = useRef(null);
  const inUse = new Set(used);
  const take = (from, to) => {
    const [first, last] = rectangle(from, to);
    const whole = first.row === 0 && first.column === 0 && last.row === rows - 1 && last.column === columns - 1;
    store.edit(whole ? remove(["plates", "wells"]) : set(["plates", "wells"], `${wellName(first.row, first.column)}:${wellName(last.row, last.column)}`));
  };
  useEffect(() => {
    const end = () => { if (begin && drawn) take(begin, drawn); setBegin(null); setDrawn(null); };
    window.addEventListener("pointerup", end);
    return () => window.removeEventListener("pointerup", end);
  });
  const wellUnder = (event) => document.elementFromPoint(event.clientX, event.clientY)?.closest?.("[data-row]")?.dataset;
  const over = (event) => { const well = begin && wellUnder(event); if (well) setDrawn({ row: Number(well.row), column: Number(well.column) }); };
  const key = (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (steps) {
      event.preventDefault();
      const next = { row: Math.min(rows - 1, Math.max(0, here.row + steps[0])), column: Math.min(columns - 1, Math.max(0, here.column + steps[1])) };
      if (event.shiftKey) { const from = begin ?? here; setBegin(from); setDrawn(next); } else { setBegin(null); setDrawn(null); }
      setHere(next);
      grid.current.querySelector(`[data-row="${next.row}"][data-column="${next.column}"]`)?.focus();
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (marking) toggle(here); else take(begin ?? here, drawn ?? here);
      setBegin(null); setDrawn(null);
    } else if (event.key === "Escape") { setBegin(null); setDrawn(null); }
  };
  const chosen = begin && drawn ? rectangle(begin, drawn) : null;
  const marked = (row, column) => chosen && row >= chosen[0].row && row <= chosen[1].row && column >= chosen[0].column && column <= chosen[1].column;
  const inner = rows > 2 && columns > 2;
  return html`<div class="painted">
    <p class="hint" id="painted-how">${marking ? gettext("Mark the places that have no well: click them, or go with the arrow keys and press Enter.") : gettext("Draw the wells in use: drag over them, or go with the arrow keys, hold Shift to extend, and press Enter.")}</p>
    <div class=${`drawing ${columns > 12 ? "dense" : ""} ${marking ? "marking-absent" : ""}`} role="grid" aria-label=${gettext("Wells in use")} aria-describedby="painted-how" ref=${grid} onKeyDown=${key} onPointerMove=${over}>
      ${Array.from({ length: rows }, (_, row) => html`<div role="row" class="drawing-row" key=${row}>${Array.from({ length: columns }, (__, column) => {
        const name = wellName(row, column);
        const there = !absent.includes(name);
        const state = !there ? "absent" : (chosen ? marked(row, column) : inUse.has(name)) ? "used" : "free";
        return html`<span key=${column} role="gridcell" class=${`drawn ${state}`} data-row=${row} data-column=${column} tabindex=${here.row === row && here.column === column ? 0 : -1} aria-selected=${state === "used"} aria-label=${`${name}, ${there ? (state === "used" ? gettext("in use") : gettext("not in use")) : gettext("no well")}`}
          onPointerDown=${(event) => { event.preventDefault(); event.currentTarget.releasePointerCapture?.(event.pointerId); event.currentTarget.focus(); setHere({ row, column }); if (marking) toggle({ row, column }); else { setBegin({ row, column }); setDrawn({ row, column }); } }}>${columns <= 12 ? name : ""}</span>`;
      })}</div>`)}
    </div>
    <div class="row"><button type="button" onClick=${() => store.edit(remove(["plates", "wells"]))}>${gettext("All wells")}</button>
      ${inner && html`<button type="button" onClick=${() => take({ row: 1, column: 1 }, { row: rows - 2, column: columns - 2 })}>${gettext("Without wells at the edge")}</button>`}
      ${own && html`<label class="flag"><input type="checkbox" checked=${marking} onChange=${(event) => setMarking(event.target.checked)} /> ${gettext("mark places without a well")}</label>`}</div>
  </div>`;
}
