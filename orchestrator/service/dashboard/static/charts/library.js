// Vega, drawn as SVG without eval (its interpreter) and in the colours of the page. Fetched with the first chart.

const at = (path) => new URL(path, import.meta.url).href;

const script = (path) => new Promise((resolve, reject) => {
  const made = document.createElement("script");
  made.src = at(path);
  made.onload = resolve;
  made.onerror = () => reject(new Error(gettext("The charts could not be loaded: load the page again.")));
  document.head.append(made);
});

let loaded = null;

async function library() {
  loaded ??= (async () => {
    await script("../vendor/vega.min.js");
    await script("../vendor/vega-lite.min.js");
    const { expressionInterpreter } = await import("../vendor/vega-interpreter.js");
    return { vega: globalThis.vega, vegaLite: globalThis.vegaLite, expressionInterpreter };
  })();
  try {
    return await loaded;
  } catch (error) {
    loaded = null;
    throw error;
  }
}

// Distinct to colour-blind people, and told apart by shape as well.
export const ROLES = {
  initial: { shape: "circle", light: "#4477aa", dark: "#7fb2e5" },
  proposed: { shape: "triangle-up", light: "#0b7a4b", dark: "#67d49a" },
  standard: { shape: "square", light: "#16202c", dark: "#e8edf3" },
  control: { shape: "diamond", light: "#cc5500", dark: "#ff9a52" },
  requeued: { shape: "triangle-down", light: "#6f4aa0", dark: "#c7a0e8" },
  edited: { shape: "cross", light: "#aa3377", dark: "#f28cc0" },
  chosen: { shape: "triangle-right", light: "#806500", dark: "#e0c341" },
};

const scheme = matchMedia("(prefers-color-scheme: dark)");

// Calls `act` when the page becomes dark or light, until what it returns is called.
export function whenColoursChange(act) {
  scheme.addEventListener("change", act);
  return () => scheme.removeEventListener("change", act);
}

export function colours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["ink", "soft", "line", "sheet", "calm-ground", "accent", "working", "done", "late", "doubt", "failed"];
  const found = Object.fromEntries(names.map((name) => [name.replace("-ground", ""), style.getPropertyValue(`--${name}`).trim()]));
  const roles = Object.fromEntries(Object.entries(ROLES).map(([role, look]) => [role, scheme.matches ? look.dark : look.light]));
  return { ...found, roles, dark: scheme.matches };
}

function config(page) {
  const text = { labelColor: page.soft, titleColor: page.ink, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 600 };
  return {
    background: page.sheet,
    font: getComputedStyle(document.body).fontFamily,
    axis: { ...text, gridColor: page.line, domainColor: page.soft, tickColor: page.soft, titlePadding: 8 },
    legend: { ...text, labelLimit: 240, symbolSize: 80 },
    title: { color: page.ink, fontSize: 13, anchor: "start" },
    text: { color: page.ink, fontSize: 12 },
    view: { stroke: page.line },
    aria: true,
  };
}

// Draws a specification into an element; `tell` is asked to show or hide what the pointer is on.
export async function drawn(place, spec, title, tell) {
  const { vega, vegaLite, expressionInterpreter } = await library();
  const compiled = vegaLite.compile({ description: title, ...spec }, { config: config(colours()) }).spec;
  const view = new vega.View(vega.parse(compiled, null, { ast: true }), {
    renderer: "svg",
    container: place,
    expr: expressionInterpreter,
    tooltip: (_, event, item) => tell(item?.datum?.said ? item.datum : null, event),
  });
  await view.runAsync();
  return view;
}
