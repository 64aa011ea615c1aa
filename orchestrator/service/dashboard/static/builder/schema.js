// What a JSON Schema says of a value: which kind of field it is, and a value to begin with.
// Nothing here knows a parameter kind, an operation or a scorer by name: they come with the schema.

const isReference = (schema) => schema.$ref?.endsWith("/ParameterRef");
const isScalar = (schema) => ["string", "number", "integer", "boolean"].includes(schema.type) || "const" in schema || "enum" in schema;

// A schema without `$ref` and without "or null"; what stands beside the reference wins.
export function resolve(schema, root) {
  let found = schema;
  while (found.$ref) {
    const { $ref, ...beside } = found;
    found = { ...root.$defs[$ref.split("/").at(-1)], ...beside };
  }
  const options = found.anyOf;
  if (!options?.some((option) => option.type === "null")) return found;
  const left = options.filter((option) => option.type !== "null");
  const { anyOf, ...beside } = found;
  if (left.length !== 1) return { ...beside, anyOf: left };
  const own = Object.fromEntries(Object.entries(beside).filter(([key]) => key !== "title"));
  return resolve({ ...left[0], ...own }, root);
}

// The kind of a schema's field: {kind, ...what that kind needs}.
export function describe(given, root) {
  const schema = resolve(given, root);
  const options = schema.oneOf ?? (schema.properties ? null : schema.anyOf);
  if (schema.discriminator) {
    const { propertyName, mapping } = schema.discriminator;
    return { kind: "tagged", tag: propertyName, choices: Object.fromEntries(Object.entries(mapping).map(([name, $ref]) => [name, { $ref }])) };
  }
  if (options) return ofOptions(schema, options, root);
  if ("const" in schema) return { kind: "choice", choices: [schema.const] };
  if (schema.enum) return { kind: "choice", choices: schema.enum };
  if (schema.type === "boolean") return { kind: "flag" };
  if (schema.type === "number" || schema.type === "integer") return { kind: "number", whole: schema.type === "integer" };
  if (schema.type === "array") return ofArray(schema, root);
  if (schema.properties) return { kind: "object", properties: schema.properties, required: schema.required ?? [] };
  if (schema.type === "object") return { kind: "mapping", value: valueOfMapping(schema) };
  return { kind: "text", number: false, example: schema.examples?.[0], examples: schema.examples };
}

function ofOptions(schema, options, root) {
  const reference = options.find(isReference);
  if (reference) {
    const others = options.filter((option) => option !== reference);
    const inner = others.length === 1 ? { ...others[0], description: undefined } : { anyOf: others };
    return { kind: "reference", inner };
  }
  const resolved = options.map((option) => resolve(option, root));
  if (resolved.every(isScalar)) {
    // A choice of a date or the word `now` is a text like any other; suggestions are its fixed words.
    const fixed = resolved.flatMap((option) => ("const" in option ? [option.const] : option.enum ?? []));
    const example = resolved.find((option) => option.examples)?.examples[0];
    return { kind: "text", number: resolved.some((option) => ["number", "integer"].includes(option.type)), examples: fixed, example, flag: resolved.some((option) => option.type === "boolean") };
  }
  const [first, second] = resolved;
  if (resolved.length === 2 && first.type === "string" && second.type === "array") return { kind: "some", item: second.items };
  return { kind: "variants", options: resolved };
}

function ofArray(schema, root) {
  if (schema.prefixItems) return { kind: "pair" };
  const item = resolve(schema.items ?? {}, root);
  const inside = describe(item, root);
  if (inside.kind === "choice") return { kind: "several", choices: inside.choices };
  return ["text", "number", "flag"].includes(inside.kind) ? { kind: "list", item: inside } : { kind: "items", item: schema.items };
}

const valueOfMapping = (schema) => (typeof schema.additionalProperties === "object" ? schema.additionalProperties : Object.values(schema.patternProperties ?? {})[0] ?? {});

// A value to begin with, as small as the schema allows.
export function blank(given, root, place = 0) {
  const schema = resolve(given, root);
  if ("const" in schema) return schema.const;
  const found = describe(schema, root);
  switch (found.kind) {
    case "tagged": { const [name, choice] = Object.entries(found.choices)[0]; return { [found.tag]: name, ...without(blank(choice, root), found.tag) }; }
    case "reference": return blank(found.inner, root, place);
    case "variants": return blank(found.options[0], root, place);
    case "choice": return found.choices[0];
    case "flag": return false;
    case "number": return Math.max(place, schema.minimum ?? place, schema.exclusiveMinimum === undefined ? place : schema.exclusiveMinimum + 1);
    case "pair": return [0, 1];
    case "list": case "items": case "several": return Array.from({ length: schema.minItems ?? (found.kind === "items" ? 1 : 0) }, (_, index) => blank(schema.items, root, index));
    case "object": return Object.fromEntries(found.required.map((name) => [name, blank(found.properties[name], root)]));
    case "mapping": return {};
    default: return found.example ?? (found.number ? "AB"[place] ?? "C" : "");
  }
}

// The same thing as another of its kinds: what both have stays.
export function retagged(value, tag, name, choice, root) {
  const found = describe(choice, root);
  const kept = Object.fromEntries(Object.entries(value).filter(([key]) => key in found.properties && key !== tag));
  const fresh = Object.fromEntries(found.required.filter((key) => !(key in kept) && key !== tag).map((key) => [key, blank(found.properties[key], root)]));
  const { name: own, ...rest } = kept;
  return { ...(own === undefined ? {} : { name: own }), ...(tag === "do" ? { [tag]: name, ...rest, ...fresh } : { ...rest, [tag]: name, ...fresh }) };
}

const without = (value, key) => Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));

// The form in which a value of several is written.
export function variantOf(value, options, root) {
  const fits = (option) => {
    if (Array.isArray(value)) return option.type === "array";
    if (value !== null && typeof value === "object") return option.type === "object";
    if (typeof value === "number") return option.type === "number" || option.type === "integer";
    return option.type === typeof value;
  };
  const found = options.map((option) => resolve(option, root)).findIndex(fits);
  return found < 0 ? 0 : found;
}

export function variantName(option) {
  if (option.type === "array") return gettext("a list");
  if (option.type === "object") return option.properties?.from ? gettext("a range") : option.properties?.rows ? gettext("a definition of its own") : gettext("with details");
  return option.type === "string" ? gettext("a name") : gettext("one");
}

// What a person wrote, as the value that the schema has for it; undefined: nothing.
export function fromText(text, { kind, number }) {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const isNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed);
  if ((kind === "number" || number) && isNumber) return Number(trimmed);
  return kind === "number" && /^[+-]?\d+,\d+$/.test(trimmed) ? Number(trimmed.replace(",", ".")) : trimmed;
}

// A name of the file or of a vocabulary, as people say it.
export const words = (name) => gettext(String(name).replaceAll("_", " "));

// What a key means, in a line.
export const meaning = ({ description = "" }) => gettext(description.split("\n")[0]).replaceAll("`", "");
