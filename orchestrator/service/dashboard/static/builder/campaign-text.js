// The text of a campaign file, and edits of it by path: what is not edited stays as a person wrote it, comments included.
import { isMap, isScalar, isSeq, parseDocument } from "../vendor/yaml.min.js";

const WIDEST = 110; // characters of a value that is written on one line
const LOOKS_LIKE_A_DATE = /^\d{4}-\d\d?-\d\d?/;

const parsed = (text) => parseDocument(text, { keepSourceTokens: true, prettyErrors: true });
const written = (doc) => doc.toString({ lineWidth: 0, flowCollectionPadding: false });

// What a text says: its data, or why it cannot be read ({message, line}).
export function read(text) {
  const doc = parsed(text);
  const [error] = doc.errors;
  if (error) return { data: null, fault: { message: error.message.split("\n")[0], line: error.linePos?.[0].line } };
  const data = doc.toJS({ maxAliasCount: 100 });
  if (data !== null && (typeof data !== "object" || Array.isArray(data))) return { data: null, fault: { message: "not a campaign: a mapping of keys is expected", line: 1 } };
  return { data: data ?? {}, fault: null };
}

// The text after `change`, a function that edits the document; the same text where it cannot be edited so.
export function edited(text, change) {
  const doc = parsed(text);
  if (doc.errors.length) return text;
  const before = written(doc);
  try {
    change(doc);
  } catch {
    return text; // a value stands where a mapping would have to be
  }
  const after = written(doc);
  if (after === before) return text;
  if (before === text) return after;
  const kept = asWritten(text, before, after);
  return JSON.stringify(read(kept).data) === JSON.stringify(read(after).data) ? kept : after;
}

// Where the text was not written as the library would, every part that an edit left alone is taken from the text.
function asWritten(text, before, after) {
  const own = parts(text), old = parts(before), now = parts(after);
  if (own.length !== old.length) return after;
  const same = Array.from({ length: old.length + 1 }, () => new Array(now.length + 1).fill(0));
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) same[i][j] = old[i] === now[j] ? same[i + 1][j + 1] + 1 : Math.max(same[i + 1][j], same[i][j + 1]);
  }
  const found = [];
  for (let i = 0, j = 0; j < now.length; j++) {
    while (i < old.length && old[i] !== now[j] && same[i + 1][j] >= same[i][j + 1]) i++;
    found.push(i < old.length && old[i] === now[j] ? own[i++] : now[j]);
  }
  return found.map((part, index) => (part.endsWith("\n") || index === found.length - 1 ? part : `${part}\n`)).join("");
}

// A text cut where its keys begin and, within lists of blocks, where their items do.
function parts(text) {
  const doc = parsed(text);
  const cuts = new Set([0, text.length]);
  const lineOf = (offset) => text.lastIndexOf("\n", offset - 1) + 1;
  const cut = (node) => {
    if (isMap(node) && !node.flow) for (const pair of node.items) { cuts.add(lineOf(pair.key.range[0])); cut(pair.value); }
    if (isSeq(node) && !node.flow) for (const item of node.items) if (item?.range) { cuts.add(lineOf(item.range[0])); cut(item); }
  };
  cut(doc.contents);
  const at = [...cuts].sort((a, b) => a - b);
  return at.slice(1).map((end, index) => text.slice(at[index], end));
}

// Edits. A path is a list of keys and indices.

const short = (value) => JSON.stringify(value ?? null).length < WIDEST;
const plain = (value) => value === null || typeof value !== "object";
const flat = (value) => plain(value) || Object.values(value).every((inside) => plain(inside) || (short(inside) && Object.values(inside).every(plain)));

function node(doc, value) {
  const made = doc.createNode(value);
  style(made, value);
  return made;
}

function style(made, value) {
  if (isScalar(made)) {
    if (typeof value === "string" && LOOKS_LIKE_A_DATE.test(value)) made.type = "QUOTE_DOUBLE";
    return;
  }
  if (!isMap(made) && !isSeq(made)) return;
  // A short thing of few levels is on one line, as people write an operation; lists of such things are blocks.
  made.flow = short(value) && flat(value) && !(isSeq(made) && made.items.some((item) => isMap(item)));
  for (const item of made.items) {
    if (isMap(made)) style(item.value, value[item.key.value]);
    else style(item, value[made.items.indexOf(item)]);
  }
}

export const set = (path, value) => (doc) => {
  const there = doc.getIn(path, true);
  // A scalar keeps the node, and with it its comment.
  if (isScalar(there) && plain(value)) {
    if (there.value === value) return;
    there.value = value;
    delete there.source;
    if (typeof value !== "string") delete there.type;
    delete there.format;
    delete there.minFractionDigits;
    if (typeof value === "string" && LOOKS_LIKE_A_DATE.test(value)) there.type = "QUOTE_DOUBLE";
    return;
  }
  // Nothing but a parent without a value is in the way: `stop:` and nothing behind it.
  for (let length = 1; length < path.length; length++) {
    const parent = doc.getIn(path.slice(0, length), true);
    if (isScalar(parent) && parent.value === null) { doc.deleteIn(path.slice(0, length)); break; }
  }
  if (!isMap(doc.contents)) { doc.contents = doc.createNode({}); doc.contents.flow = false; }
  const made = node(doc, value);
  if (there?.comment) made.comment = there.comment;
  if (there?.commentBefore) made.commentBefore = there.commentBefore;
  if (there?.spaceBefore) made.spaceBefore = true;
  doc.setIn(path, made);
  open(doc, path);
};

export const remove = (path) => (doc) => { if (doc.hasIn(path)) doc.deleteIn(path); };

export const insert = (path, index, value) => (doc) => {
  const list = doc.getIn(path, true);
  const made = node(doc, value);
  if (!isSeq(list)) return set(path, [value])(doc);
  const [sibling] = list.items;
  if (list.flow && !plain(value)) list.flow = false;
  if (isMap(sibling) && isMap(made)) made.flow = sibling.flow ? made.flow : false;
  list.items.splice(index, 0, made);
  open(doc, [...path, index]);
};

export const move = (path, from, to) => (doc) => {
  const list = doc.getIn(path, true);
  if (!isSeq(list) || to < 0 || to >= list.items.length) return;
  list.items.splice(to, 0, ...list.items.splice(from, 1));
};

// A key gets another name, which no key beside it has, and keeps its place and its comments.
export const renameKey = (path, name) => (doc) => {
  const parent = doc.getIn(path.slice(0, -1), true);
  const pair = isMap(parent) ? parent.items.find((item) => String(item.key.value) === String(path.at(-1))) : null;
  if (pair && !parent.has(name)) { pair.key.value = name; delete pair.key.source; }
};

// A collection on one line that grew too long, or holds blocks, is written as a block.
function open(doc, path) {
  for (let length = path.length - 1; length > 0; length--) {
    const parent = doc.getIn(path.slice(0, length), true);
    if (!parent?.flow) continue;
    const value = parent.toJS(doc);
    if (!short(value) || !flat(value)) parent.flow = false;
  }
}

// Every place at which a value stands, with the keys and indices that lead to it.
export function* places(value, path = []) {
  if (value === null || typeof value !== "object") { yield [path, value]; return; }
  yield [path, value];
  for (const [key, inside] of Array.isArray(value) ? value.entries() : Object.entries(value)) yield* places(inside, [...path, key]);
}

export const all = (...changes) => (doc) => { for (const change of changes) change(doc); };
export const pathText = (path) => path.reduce((text, part) => text + (typeof part === "number" ? `[${part}]` : `${text ? "." : ""}${part}`), "");
export const valueAt = (data, path) => path.reduce((value, part) => (value === null || value === undefined ? undefined : value[part]), data);
