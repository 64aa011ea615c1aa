// The one state of the page: a text. All else, the data, what is wrong with it and what it would do, follows from it.
import { all, edited, places, read, renameKey, set } from "./campaign-text.js";

const STEPS_BACK = 200;
const TOGETHER_MS = 1500; // edits of one field in this time are undone together

export const store = {
  text: "", data: {}, fault: null,
  problems: [], preview: null, state: "empty", // empty, checking, valid, wrong, unreachable
  vocabulary: null,
  back: [], forth: [],
  listeners: new Set(),
  last: { field: null, at: 0 },

  tell() { for (const listener of this.listeners) listener(); },

  // Another text; `field`: the field that is being written into, so that it is one step back.
  write(text, field = null) {
    if (text === this.text) return;
    const now = Date.now();
    if (!field || field !== this.last.field || now - this.last.at > TOGETHER_MS) this.back = [...this.back, this.text].slice(-STEPS_BACK);
    this.last = { field, at: now };
    this.forth = [];
    this.show(text);
  },

  show(text) {
    this.text = text;
    const { data, fault } = read(text);
    this.fault = fault;
    if (data) this.data = data;
    this.tell();
  },

  edit(...changes) { this.write(edited(this.text, all(...changes))); },
  type(field, ...changes) { this.write(edited(this.text, all(...changes)), field); },

  undo() { if (this.back.length) { this.forth.push(this.text); this.last.field = null; this.show(this.back.pop()); } },
  redo() { if (this.forth.length) { this.back.push(this.text); this.last.field = null; this.show(this.forth.pop()); } },
};

// Names: what a key refers to, so that fields offer what there is and a new name is taken over everywhere.

const named = (list) => (Array.isArray(list) ? list : []).filter((it) => it?.name !== undefined && it?.name !== null).map((it) => ({ name: String(it.name), title: it.title || "" }));

const summaries = (plugins) => Object.keys(plugins ?? {}).map((name) => ({ name, title: "" }));

export const THINGS = {
  parameters: { of: (data) => named(data.parameters), keys: ["parameter", "numerator", "denominator"], lists: ["parts", "parameters"], mappings: ["terms", "when", "fixed", "condition", "columns"] },
  steps: { of: (data) => named(data.protocol?.steps), keys: ["step"], lists: [], mappings: [] },
  covariates: { of: (data) => named(data.covariates), keys: [], lists: [], mappings: [] },
  outcomes: { of: (data) => named(data.outcomes), keys: ["outcome"], lists: [], mappings: ["columns"] },
  robots: {
    of: (data, vocabulary) => [...new Set([...Object.keys(data.robots ?? {}), ...Object.keys(vocabulary?.robots ?? {})])].map((name) => ({ name, title: "" })),
    keys: ["robot"], lists: ["robot"], mappings: [],
  },
  scorers: { of: (_, vocabulary) => summaries(vocabulary?.scorers), keys: ["scorer"], lists: [], mappings: [] },
  strategies: { of: (_, vocabulary) => (vocabulary?.strategies ?? []).map((name) => ({ name, title: "" })), keys: ["strategy"], lists: [], mappings: [] },
  drivers: { of: (_, vocabulary) => summaries(vocabulary?.drivers), keys: ["driver"], lists: [], mappings: [] },
};

// What a field at a path refers to; `place` is keys, lists or mappings.
export function thingsAt(path, place = "keys") {
  const key = path.at(-1);
  const found = Object.values(THINGS).find((thing) => thing[place].includes(key));
  if (!found || (place === "lists" && key === "parameters" && path.length === 1)) return null;
  return found.of(store.data, store.vocabulary);
}

// The edits that give a thing another name wherever it is referred to.
export function renames(kind, old, name) {
  const thing = THINGS[kind];
  const changes = [];
  for (const [path, value] of places(store.data)) {
    const [key, parent] = [path.at(-1), path.at(-2)];
    if (value === old && (thing.keys.includes(key) || (typeof key === "number" && thing.lists.includes(parent)))) changes.push(set(path, name));
    if (key === old && thing.mappings.includes(parent)) changes.push(renameKey(path, name));
    if (kind === "robots" && key === old && parent === "robots") changes.push(renameKey(path, name));
  }
  // Keys come last: paths through them hold until then.
  return changes.reverse();
}

// A new thing that names the first parameters that there are, where it has to name some.
export function withNames(value) {
  const names = THINGS.parameters.of(store.data).map((it) => it.name);
  const { keys, lists, mappings } = THINGS.parameters;
  const blank = (given) => given === "" || (typeof given === "object" && given !== null && Object.values(given).every((inside) => inside === ""));
  let next = 0;
  return Object.fromEntries(Object.entries(value).map(([key, given]) => {
    if (!names.length || !blank(given)) return [key, given];
    if (lists.includes(key)) return [key, names.slice(0, 2)];
    if (key === "terms" && mappings.includes(key)) return [key, { [names[0]]: 1 }];
    return [key, keys.includes(key) ? names[next++ % names.length] : given];
  }));
}

// A name that nothing has yet, such as parameter_3.
export function freshName(kind, stem) {
  const taken = new Set(THINGS[kind].of(store.data, store.vocabulary).map((it) => it.name));
  for (let number = 1; ; number++) if (!taken.has(`${stem}_${number}`)) return `${stem}_${number}`;
}
