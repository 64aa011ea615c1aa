// Completion in the text: the keys and values that the schema has at a place, by the indentation of what stands above.
import { describe, meaning, resolve } from "./schema.js";
import { store, thingsAt } from "./store.js";

const KEY = /^(\s*)((?:- +)*)(?:"?([A-Za-z_][\w]*)"?\s*:)?(.*)$/;

// The keys and list marks that lead to a line, innermost last, and the keys that stand beside it.
export function pathAt(lines, number) {
  let indent = columnOf(lines[number]);
  const path = [];
  for (let line = number - 1; line >= 0; line--) {
    const text = lines[line];
    if (!text.trim() || text.trim().startsWith("#")) continue;
    const [, space, dashes, key, rest] = KEY.exec(text);
    const own = space.length + dashes.length;
    if (key && own < indent && (!rest.trim() || rest.trim().startsWith("#"))) { path.unshift(key); indent = own; }
    else if (dashes && space.length < indent && own >= indent) indent = Math.min(indent, own);
    if (dashes && space.length < indent) { indent = Math.min(indent, space.length + 0.5); }
  }
  return path;
}

const columnOf = (text) => { const [, space, dashes] = KEY.exec(text); return space.length + dashes.length || 0; };

// The schemas that a path leads to: of lists their items, of things of several kinds every kind.
export function schemasAt(path, root) {
  let here = [root];
  for (const key of path) {
    here = here.flatMap((schema) => branches(schema, root)).flatMap((schema) => (schema.properties?.[key] ? [schema.properties[key]] : mappingOf(schema))).flatMap((schema) => items(schema, root));
  }
  return here.flatMap((schema) => branches(schema, root));
}

const mappingOf = (schema) => [schema.additionalProperties, ...Object.values(schema.patternProperties ?? {})].filter((found) => found && typeof found === "object");

function items(given, root) {
  const schema = resolve(given, root);
  return schema.type === "array" && schema.items ? [resolve(schema.items, root)] : [schema];
}

function branches(given, root) {
  const schema = resolve(given, root);
  const options = schema.oneOf ?? (schema.properties ? null : schema.anyOf);
  return options ? options.flatMap((option) => items(option, root)).flatMap((option) => branches(option, root)) : [schema];
}

const unique = (options) => [...new Map(options.map((option) => [option.label, option])).values()];

export function completions(context) {
  const root = store.vocabulary?.schema;
  if (!root) return null;
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const lines = context.state.doc.toString().split("\n").slice(0, line.number);
  const word = context.matchBefore(/[\w.-]*/);
  if (word.from === word.to && !context.explicit) return null;
  const flow = before.lastIndexOf("{") > before.lastIndexOf("}");
  const path = pathAt(lines, line.number - 1);
  const [, , , key] = KEY.exec(line.text);
  if (flow && key && !before.slice(0, before.indexOf("{")).includes("- {")) path.push(key);
  const valueOf = /([A-Za-z_]\w*)\s*:\s*[\w.-]*$/.exec(before)?.[1];
  const schemas = schemasAt(path, root);
  const options = valueOf ? values(schemas, [...path, valueOf], valueOf, root) : keys(schemas, root);
  return options.length ? { from: word.from, options: unique(options), validFor: /^[\w.-]*$/ } : null;
}

const keys = (schemas, root) => schemas.flatMap((schema) => Object.entries(schema.properties ?? {}).filter(([, of]) => !of.deprecated).map(([name, of]) => ({
  label: name, type: "property", apply: `${name}: `, info: meaning(resolve(of, root)), boost: schema.required?.includes(name) ? 1 : 0,
})));

function values(schemas, path, key, root) {
  const things = thingsAt(path) ?? (key === "labware" ? Object.keys(store.vocabulary.labware).map((name) => ({ name, title: "" })) : []);
  const named = things.map((thing) => ({ label: thing.name, detail: thing.title, type: "variable" }));
  const fixed = schemas.flatMap((schema) => (schema.properties?.[key] ? branches(schema.properties[key], root) : [])).flatMap((schema) => {
    const found = describe(schema, root);
    if (found.kind === "choice") return found.choices;
    if (found.kind === "flag") return [true, false];
    return found.examples ?? [];
  });
  return [...named, ...fixed.map((value) => ({ label: String(value), type: "constant" }))];
}
