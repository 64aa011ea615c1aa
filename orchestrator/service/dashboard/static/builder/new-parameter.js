// A field's value becomes a parameter: from half to double of it where it is a number, itself and another one where it is a text.
import { insert, set, valueAt } from "./campaign-text.js";
import { blank, describe, resolve } from "./schema.js";
import { freshName, store } from "./store.js";

const QUANTITY = /^([+-]?\d+\.?\d*(?:e[+-]?\d+)?)\s*(.*)$/i;

// The kind of parameter that has what is asked for: a range of numbers, or levels that may be texts.
function kindWith(needed, fits, root) {
  const { choices } = describe(root.properties.parameters.items, root);
  return Object.keys(choices).find((name) => {
    const { required = [], properties } = resolve(choices[name], root);
    return needed.every((key) => required.includes(key)) && fits(describe(properties[needed[0]], root));
  });
}

// The edits that put a new parameter in the place of the value at a path inside a step; null if no kind would do.
export function asParameter(path, inner) {
  const root = store.vocabulary.schema;
  const value = valueAt(store.data, path) ?? blank(inner, root);
  const step = valueAt(store.data, path.slice(0, 3))?.name ?? "";
  const name = freshName("parameters", String(path.at(-1)));
  const found = QUANTITY.exec(String(value));
  const amount = found && Number(found[1]);
  const range = kindWith(["low", "high"], (it) => it.kind === "number" && !it.whole, root);
  const levels = kindWith(["levels"], (it) => it.kind === "list" && it.item.kind === "text", root);
  let made = null;
  if (found && range) {
    const low = amount > 0 ? amount / 2 : amount, high = amount > 0 ? amount * 2 : amount + 1;
    made = { name, step, kind: range, ...(found[2] ? { unit: found[2] } : {}), low, high };
  } else if (!found && levels) made = { name, step, kind: levels, levels: [String(value) || "A", "B"] };
  if (!made) return null;
  return [insert(["parameters"], (store.data.parameters ?? []).length, made), set(path, { parameter: name })];
}
