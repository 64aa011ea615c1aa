// <campaign-charts>: charts with tabs, drawn when they come into view. In a shadow tree, which updates of the page leave alone.

import { Chosen, inside, pageOf } from "./chosen.js";
import { COMPARISON, KINDS, TIMELINE, TRACE } from "./kinds.js";
import { drawn, whenColoursChange } from "./library.js";
import { csv, drawnTable } from "./tables.js";

const MOST_IMAGES = 24;
const prefix = document.body.dataset.prefix;

function made(name, properties = {}, ...inside) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...inside);
  return element;
}

function labelled(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function download(blob, name) {
  const link = made("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const later = (act, wait) => {
  let timer = null;
  return (...given) => { clearTimeout(timer); timer = setTimeout(() => act(...given), wait); };
};

class CampaignCharts extends HTMLElement {
  static observedAttributes = ["data-key"];

  #asked = 0;
  #answers = new Map();
  #choices = {};
  #ends = [];
  #view = null;
  #drawing = null;

  connectedCallback() {
    this.campaign = this.dataset.campaign;
    this.kinds = this.campaign ? KINDS.filter((kind) => !kind.objectives || Number(this.dataset.objectives) >= kind.objectives) : this.dataset.timeline ? TIMELINE : this.dataset.trace ? TRACE : COMPARISON;
    if (!this.kinds.includes(this.kind)) [this.kind] = this.kinds;
    if (this.campaign) {
      this.chosen = new Chosen(this.campaign);
      this.chosen.addEventListener("change", () => this.#show());
      this.#ends.push(this.chosen.markOn(document.getElementById("main")));
    }
    if (!this.shadowRoot) this.#build();
    const redraw = later(async () => { await globalThis.untouched(); if (this.#seen && this.isConnected) this.draw(); }, 200); // not under a drag
    this.redraw = redraw;
    const watch = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting || this.#seen) return;
      this.#seen = true;
      this.draw();
    }, { rootMargin: "200px" });
    watch.observe(this);
    let width = this.clientWidth;
    const size = new ResizeObserver(() => { if (Math.abs(this.clientWidth - width) > 4) { width = this.clientWidth; redraw(); } });
    size.observe(this);
    this.#ends.push(() => watch.disconnect(), () => size.disconnect(), whenColoursChange(redraw));
    redraw();
  }

  #seen = false;

  disconnectedCallback() {
    for (const end of this.#ends.splice(0)) end();
    this.#view?.finalize();
  }

  // New results: what was asked before does not count any more.
  attributeChangedCallback(_, before, now) {
    if (before === null || before === now) return;
    this.#answers.clear();
    this.redraw?.();
  }

  #build() {
    const root = this.attachShadow({ mode: "open" });
    const sheet = made("link", { rel: "stylesheet", href: new URL("../dashboard.css", import.meta.url).href });
    this.tabs = labelled(made("div", { className: "tabs" }), { role: "tablist", "aria-label": gettext("Charts") });
    for (const kind of this.kinds) {
      const tab = labelled(made("button", { type: "button", id: `tab-${kind.id}`, textContent: kind.title }), { role: "tab", "aria-controls": "panel" });
      tab.onclick = () => this.#turn(kind);
      this.tabs.append(tab);
    }
    this.tabs.onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const now = this.kinds.indexOf(this.kind);
      this.#turn(this.kinds.at((now + step) % this.kinds.length));
      this.tabs.querySelector('[aria-selected="true"]').focus();
    };
    this.tabs.hidden = this.kinds.length === 1;
    this.selects = made("div", { className: "row selects" });
    this.said = made("p", { className: "hint" });
    this.figure = labelled(made("div", { className: "figure" }), { role: "group" });
    this.tip = labelled(made("div", { className: "tip", hidden: true }), { "aria-hidden": "true" }); // what has the focus says the same
    this.files = made("div", { className: "row files" });
    for (const [name, act] of [["SVG", () => this.#svg()], ["PNG", () => this.#png()], ["CSV", () => this.#csv()]]) {
      this.files.append(made("button", { type: "button", textContent: name, ariaLabel: gettext("Save the chart as {format}", { format: name }), onclick: act }));
    }
    this.list = made("details", {}, made("summary", { textContent: gettext("The same as a table") }), labelled(made("div", { className: "scroll" }), { tabindex: "0", role: "group", "aria-label": gettext("The chart as a table") }));
    this.list.ontoggle = () => this.#table();
    this.picked = labelled(made("section", { className: "picked-wells", hidden: true }), { "aria-label": gettext("Chosen wells") });
    this.problem = labelled(made("p", { className: "problem", hidden: true }), { role: "alert" });
    const panel = labelled(made("div", { id: "panel" }, this.selects, this.said, this.problem, this.figure, this.files, this.picked, this.list), this.kinds.length > 1 ? { role: "tabpanel" } : {});
    root.append(sheet, this.tabs, panel, this.tip);
    this.panel = panel;
    this.#mark();
  }

  // What was drawn is taken away at once: the model of the next chart may take seconds.
  #turn(kind) {
    this.kind = kind;
    this.#mark();
    this.#view?.finalize();
    this.#view = null;
    this.figure.replaceChildren();
    this.selects.replaceChildren();
    this.offered = "";
    this.files.hidden = this.list.hidden = true;
    this.said.textContent = gettext("It is being computed…");
    this.draw();
  }

  #mark() {
    for (const tab of this.tabs.children) {
      const here = tab.id === `tab-${this.kind.id}`;
      tab.setAttribute("aria-selected", String(here));
      tab.tabIndex = here ? 0 : -1;
      if (here && this.kinds.length > 1) this.panel.setAttribute("aria-labelledby", tab.id);
    }
  }

  // Data of a chart, asked for once until there are new results.
  ask = (name, query = {}) => {
    const asked = this.dataset.timeline ? { round: this.dataset.round } : query;
    const words = new URLSearchParams(asked).toString();
    const address = name === "trace" ? prefix + this.dataset.trace : name === "comparison"
      ? `${prefix}/api/v1/charts/comparison?${new URLSearchParams(this.dataset.campaigns.split(" ").map((one) => ["campaign", one]))}`
      : `${prefix}/api/v1/campaigns/${this.campaign ?? this.dataset.timeline}/charts/${name}${words ? `?${words}` : ""}`;
    if (!this.#answers.has(address)) {
      const answer = fetch(address).then(async (response) => {
        const found = await response.json();
        if (!response.ok) throw new Error(found.detail);
        return found;
      });
      answer.catch(() => this.#answers.delete(address));
      this.#answers.set(address, answer);
    }
    return this.#answers.get(address);
  };

  draw() {
    return (this.#drawing = this.#draw());
  }

  // What is to be saved is what is being drawn, once it is.
  async #whenDrawn() {
    for (let seen = null; seen !== this.#drawing; ) await (seen = this.#drawing);
  }

  async #draw() {
    const mine = ++this.#asked;
    const kind = this.kind;
    this.figure.ariaBusy = "true";
    try {
      const wells = this.campaign ? await this.ask("wells") : null;
      const before = kind.choices && kind.load.length > 1 ? this.#choice(kind, kind.choices(null, wells)) : {};
      const data = await kind.load(this.ask, before);
      if (mine !== this.#asked) return;
      const wanted = kind.choices ? kind.choices(kind.load.length > 1 ? null : data, wells) : [];
      const choice = this.#choice(kind, wanted);
      this.#offer(kind, wanted, choice);
      this.problem.hidden = true;
      const empty = kind.empty(data);
      this.said.textContent = empty || kind.said(data);
      this.files.hidden = this.list.hidden = Boolean(empty);
      this.data = { kind, data, choice, wells };
      this.#view?.finalize();
      this.#view = null;
      const focused = this.shadowRoot.activeElement?.__data__?.datum?.said;
      this.figure.replaceChildren();
      labelled(this.figure, { "aria-label": `${kind.title}. ${this.said.textContent}${empty || this.dataset.trace ? "" : ` ${gettext("Tab enters the chart, arrow keys go from one value to the next.")}`}` });
      if (!empty) await this.#drawn(kind, data, choice, wells, mine, focused);
      this.#table();
      this.#show();
    } catch (error) {
      if (mine !== this.#asked) return;
      this.said.textContent = "";
      this.problem.hidden = false;
      this.problem.textContent = error.message;
    } finally {
      if (mine === this.#asked) this.figure.ariaBusy = "false";
    }
  }

  async #drawn(kind, data, choice, wells, mine, focused) {
    const place = made("div");
    this.figure.append(place);
    const width = Math.max(230, this.figure.clientWidth - 90);
    const view = await drawn(place, kind.spec(data, width, choice, wells), kind.title, (datum, event) => this.#tell(datum, event?.clientX, event?.clientY));
    if (mine !== this.#asked) return view.finalize();
    this.#view = view;
    view.addEventListener("click", (_, item) => item?.datum?.id && this.#open(item.datum.id));
    if (this.chosen && kind.wells) {
      const choose = later((ranges) => {
        const ids = inside(ranges, view.data("wells"), kind.id);
        if (ids) this.chosen.set(ids);
      }, 120);
      view.addSignalListener("brush", (_, ranges) => choose(ranges));
    }
    this.#keys(place, focused);
    return view;
  }

  #choice(kind, wanted) {
    const known = (this.#choices[kind.id] ??= {});
    return Object.fromEntries(wanted.map(([name, , options, first]) => [name, options.some(([value]) => value === known[name]) ? known[name] : first]));
  }

  #offer(kind, wanted, choice) {
    const shown = wanted.filter(([, , options]) => options.length > 1);
    const same = this.offered === JSON.stringify([kind.id, shown]);
    this.offered = JSON.stringify([kind.id, shown]);
    if (same) return;
    this.selects.replaceChildren(...shown.map(([name, title, options]) => {
      const select = made("select");
      for (const [value, text] of options) select.add(new Option(text, value, false, value === choice[name]));
      select.onchange = () => { this.#choices[kind.id] = { ...choice, ...this.#choices[kind.id], [name]: select.value }; this.draw(); };
      return made("label", {}, `${title} `, select);
    }));
  }

  // The points of a chart are one stop of the tab key; arrows go from one to the next, Enter opens its well, space chooses it.
  #keys(place, focused) {
    for (const mark of place.querySelectorAll('[role="graphics-symbol"]:not([aria-label])')) {
      if (!mark.querySelector("[aria-label]")) labelled(mark, { "aria-hidden": "true" }).removeAttribute("role"); // the brush
    }
    const marks = [...place.querySelectorAll('[role="graphics-symbol"]')].filter((mark) => mark.__data__?.datum?.said);
    marks.sort((a, b) => a.__data__.x - b.__data__.x || b.__data__.y - a.__data__.y);
    marks.forEach((mark, index) => {
      mark.tabIndex = index === 0 ? 0 : -1;
      const datum = mark.__data__.datum;
      if (datum.id) mark.setAttribute("aria-roledescription", this.dataset.timeline ? gettext("job") : gettext("well"));
      mark.addEventListener("focus", () => { const box = mark.getBoundingClientRect(); this.#tell(datum, box.right, box.bottom); });
      mark.addEventListener("blur", () => this.#tell(null));
      mark.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        const next = event.key === "Home" ? 0 : event.key === "End" ? marks.length - 1 : step ? index + step : null;
        if (next !== null && marks[next]) { mark.tabIndex = -1; marks[next].tabIndex = 0; marks[next].focus(); }
        else if (event.key === "Enter" && datum.id) this.#open(datum.id);
        else if (event.key === " " && datum.id && this.chosen) this.chosen.toggle(datum.id);
        else if (event.key === "Escape") this.#tell(null);
        else return;
        event.preventDefault();
      });
    });
    // Who was on a value when new results came stays on it.
    const again = focused && document.activeElement === document.body && marks.find((mark) => mark.__data__.datum.said === focused);
    if (again) { marks[0].tabIndex = -1; again.tabIndex = 0; again.focus({ preventScroll: true }); }
  }

  #tell(datum, x = 0, y = 0) {
    this.tip.hidden = !datum;
    if (!datum) return;
    this.tip.replaceChildren(...(datum.image ? [made("img", { src: prefix + datum.image, alt: "", loading: "lazy" })] : []), datum.said);
    const box = this.tip.getBoundingClientRect();
    this.tip.style.left = `${Math.max(8, Math.min(x + 14, document.documentElement.clientWidth - box.width - 8))}px`;
    this.tip.style.top = `${y + 14 + box.height > innerHeight ? Math.max(8, y - box.height - 14) : y + 14}px`;
  }

  #well(id) {
    const well = this.data?.wells?.wells.find((one) => one.id === id);
    return well && { ...well, campaign: this.campaign };
  }

  #open(id) {
    const well = this.#well(id);
    if (well) globalThis.openDetail(pageOf(prefix, well));
    else if (this.dataset.timeline) globalThis.openDetail(`${prefix}/campaigns/${this.dataset.timeline}/jobs/${id}`);
  }

  #link(well, text) {
    const link = made("a", { href: pageOf(prefix, well), textContent: text });
    link.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.#open(well.id);
    };
    return link;
  }

  #rows() {
    const { kind, data, choice } = this.data;
    return kind.table(data, choice);
  }

  #table() {
    if (!this.list.open || !this.data || this.list.hidden) return;
    const box = (well) => {
      const input = labelled(made("input", { type: "checkbox", checked: this.chosen.ids.has(well.id) }), { "aria-label": gettext("choose {well}", { well: well.id }), "data-id": well.id });
      input.onchange = () => this.chosen.toggle(well.id);
      return input;
    };
    const link = (well, text) => this.#link({ ...well, campaign: this.campaign }, text);
    this.list.lastElementChild.replaceChildren(drawnTable(this.#rows(), this.kind.title, { box, link }));
  }

  // The chosen wells: on the chart, in the table, and with their images.
  #show() {
    if (!this.chosen) return;
    const ids = this.chosen.ids;
    if (this.#view && this.#view.getState().signals.anyChosen !== undefined) {
      this.#view.signal("chosen", Object.fromEntries([...ids].map((id) => [id, true]))).signal("anyChosen", ids.size > 0).runAsync();
    }
    for (const input of this.list.querySelectorAll("input[data-id]")) {
      input.checked = ids.has(input.dataset.id);
      input.closest("tr").classList.toggle("picked", input.checked);
    }
    const wells = [...ids].map((id) => this.#well(id)).filter(Boolean);
    this.picked.hidden = !ids.size;
    const count = labelled(made("p", { textContent: ngettext("{number} well is chosen: marked on the plates, in the tables and here.", "{number} wells are chosen: marked on the plates, in the tables and here.", ids.size) }), { role: "status" });
    const clear = made("button", { type: "button", textContent: gettext("Choose none"), onclick: () => this.chosen.set([]) });
    const figures = wells.slice(0, MOST_IMAGES).map((well) => {
      const link = this.#link(well, "");
      link.append(well.image ? made("img", { src: prefix + well.image, alt: "", loading: "lazy" }) : made("span", { className: "none", textContent: gettext("no image") }), made("span", { textContent: `r${well.round}/p${well.plate}/${well.well}` }), made("b", { textContent: well.shown[this.data.wells.axes.findIndex((axis) => axis.name === this.data.wells.objective)] }));
      return made("li", {}, link);
    });
    const rest = wells.length - figures.length;
    this.picked.replaceChildren(made("div", { className: "row" }, count, clear), made("ul", { className: "thumbs" }, ...figures), ...(rest > 0 ? [made("p", { className: "hint", textContent: gettext("and {number} more, which the tables mark", { number: rest }) })] : []));
  }

  #name(end) {
    return `${this.campaign ?? this.dataset.timeline ?? (this.dataset.trace ? this.dataset.well : "campaigns")}-${this.kind.id}.${end}`;
  }

  async #svg() {
    await this.#whenDrawn();
    download(new Blob([await this.#view.toSVG()], { type: "image/svg+xml" }), this.#name("svg"));
  }

  async #png() {
    await this.#whenDrawn();
    const canvas = await this.#view.toCanvas(2);
    canvas.toBlob((blob) => download(blob, this.#name("png")), "image/png");
  }

  async #csv() {
    await this.#whenDrawn();
    download(new Blob([csv(this.#rows())], { type: "text/csv" }), this.#name("csv"));
  }
}

customElements.define("campaign-charts", CampaignCharts);
