// What each chart looks like, as Vega-Lite specifications. Numbers come from the service; here they only get a place.

import { ROLES, colours } from "./library.js";

const GOLDEN = 0.618034;
const named = (axis) => (axis.unit ? `${axis.title} (${axis.unit})` : axis.title);
const unchosen = (otherwise, chosen) => ({ condition: { test: "anyChosen && !chosen[datum.id]", value: otherwise }, value: chosen });
const columnsOf = (width, least, most) => Math.max(1, Math.min(most, Math.floor(width / least)));
const chosenFrom = (names, texts) => `({${names.map((name, i) => `${JSON.stringify(name)}: ${JSON.stringify(texts[i])}`).join(", ")}})[datum.label]`;
// Long titles go on in the next line.
const wrapped = (text, width) => text.split(" ").reduce((found, word) => {
  if (found.length && `${found.at(-1)} ${word}`.length <= width) found[found.length - 1] += ` ${word}`;
  else found.push(word);
  return found;
}, []);
const lines = (texts, width) => `[${texts.map((text) => `[${wrapped(text, width).map((line) => JSON.stringify(line)).join(", ")}]`).join(", ")}]`;
const quoted = (texts) => `[${texts.map((text) => JSON.stringify(text)).join(", ")}]`;

const parameters = [{ name: "chosen", value: {} }, { name: "anyChosen", value: false }];
const brush = (name = "brush") => ({ name, select: { type: "interval", encodings: ["x", "y"] } });

// Wells of a batch were made at once: they lie side by side in no order.
const beside = (index) => (((index + 1) * GOLDEN) % 1) - 0.5;

function roles(rows, page, width) {
  const there = Object.keys(ROLES).filter((role) => rows.some((row) => row.role === role));
  const counted = there.map((role) => `${gettext(role)} (n = ${rows.filter((row) => row.role === role).length})`);
  const legend = { title: null, orient: "top", symbolOpacity: 1, columns: columnsOf(width, 150, 7), labelExpr: chosenFrom(there, counted) };
  return {
    color: { field: "role", type: "nominal", scale: { domain: there, range: there.map((role) => page.roles[role]) }, legend },
    shape: { field: "role", type: "nominal", scale: { domain: there, range: there.map((role) => ROLES[role].shape) }, legend },
  };
}

const points = (rows, x, y, page, width) => ({
  data: { values: rows, name: "wells" },
  params: [brush()],
  mark: { type: "point", filled: true, size: 60, tooltip: { content: "data" }, cursor: "pointer" },
  encoding: {
    x, y, ...roles(rows, page, width),
    opacity: unchosen(0.25, 0.9),
    size: { condition: { test: "chosen[datum.id]", value: 150 }, value: 60 },
    stroke: { condition: { test: "chosen[datum.id]", value: page.ink }, value: null },
    strokeWidth: { value: 1.5 },
    description: { field: "said" },
  },
});

const row = (well, index, place) => ({ id: well.id, round: well.round, role: well.role, said: well.text, image: well.image, x: place.x, y: place.y, index });

function widened(axis, values) {
  const found = values.filter((value) => value !== null);
  const low = Math.min(axis.low, ...found), high = Math.max(axis.high, ...found);
  if (axis.log) return [low, high];
  const margin = 0.03 * (high - low || 1);
  return axis.labels.length ? [low - 0.5, high + 0.5] : [low - margin, high + margin];
}

const scaled = (axis, domain) => ({ domain, nice: false, ...(axis.log ? { type: "log" } : { zero: false }) });

function placed(axis, values, more = {}) {
  const given = axis.labels.length
    ? { values: axis.labels.map((_, index) => index), labelExpr: `${quoted(axis.labels)}[datum.value]`, labelAngle: axis.labels.length > 4 ? -30 : 0 }
    : { labelOverlap: true };
  return { type: "quantitative", title: named(axis), scale: scaled(axis, widened(axis, values)), axis: { ...given, ...more } };
}

// What lies outside of what there can be is greyed, and never drawn as if it were inside.
function beyond(axis, values, channel, page) {
  if (!axis.permitted || axis.labels.length) return [];
  const [low, high] = widened(axis, values);
  const inside = axis.permitted;
  const out = values.some((value) => value !== null && (value < inside[0] || value > inside[1]));
  if (!out) return [];
  const parts = [[low, inside[0]], [inside[1], high]].filter(([from, to]) => to > from).map(([from, to]) => ({ from, to }));
  return [{ data: { values: parts }, mark: { type: "rect", color: page.line, opacity: 0.55, aria: false }, encoding: { [channel]: { field: "from", type: "quantitative" }, [`${channel}2`]: { field: "to" } } }];
}

function roundAxis(rounds, counted) {
  const labels = rounds.map((round) => `${JSON.stringify(String(round.number))}: ['${round.number}', ${JSON.stringify(`n = ${counted(round)}`)}]`);
  return {
    type: "quantitative", title: gettext("round (n: trusted values)"),
    scale: { domain: [0.5, Math.max(rounds.length, 1) + 0.5], nice: false, zero: false },
    axis: { values: rounds.map((round) => round.number), labelExpr: `({${labels.join(", ")}})[toString(datum.value)]`, grid: false, labelOverlap: true, labelAngle: 0 },
  };
}

const bands = (rounds, page) => ({
  data: { values: rounds.filter((round) => round.number % 2).map((round) => ({ from: round.number - 0.5, to: round.number + 0.5 })) },
  mark: { type: "rect", color: page.calm, opacity: 0.6, aria: false },
  encoding: { x: { field: "from", type: "quantitative" }, x2: { field: "to" } },
});

export function progress(data, size) {
  const page = colours();
  const of = data.axes.findIndex((axis) => axis.name === data.objective);
  const axis = data.axes[of];
  const rows = data.wells.flatMap((well, index) => (well.at[of] === null ? [] : [row(well, index, { x: well.round + 0.8 * beside(index), y: well.at[of] })]));
  const x = roundAxis(data.rounds, (round) => round.trusted);
  const line = data.rounds.filter((round) => round.best_so_far !== null).flatMap((round) => [
    { x: round.number - 0.5, y: round.best_so_far }, { x: round.number + 0.5, y: round.best_so_far },
  ]);
  const values = rows.map((one) => one.y);
  return {
    ...size, params: parameters,
    layer: [
      bands(data.rounds, page), ...beyond(axis, values, "y", page),
      { data: { values: data.levels }, mark: { type: "rule", strokeDash: [6, 4], strokeWidth: 1.5, aria: false }, encoding: { y: { field: "value", type: "quantitative" }, color: { value: page.soft } } },
      { data: { values: data.levels }, mark: { type: "text", align: "right", dx: -4, dy: -7, aria: false }, encoding: { x: { datum: data.rounds.length + 0.5 }, y: { field: "value", type: "quantitative" }, text: { field: "label" } } },
      { data: { values: line }, mark: { type: "line", color: page.accent, strokeWidth: 2.5, aria: false }, encoding: { x: { field: "x", type: "quantitative" }, y: { field: "y", type: "quantitative" }, order: { field: "x" } } },
      points(rows, { field: "x", ...x }, { field: "y", ...placed(axis, values) }, page, size.width),
    ],
  };
}

export function spread(data, size, { outcome }) {
  const page = colours();
  const of = data.axes.findIndex((axis) => axis.name === outcome);
  const axis = data.axes[of];
  const boxes = data.spreads.filter((one) => one.outcome === outcome).map((one) => ({
    ...one, from: one.round - 0.32, to: one.round + 0.32,
    said: gettext("Round {round}, n = {n}: median {median}, half of the wells from {first} to {third}, all from {low} to {high}", {
      round: one.round, n: one.n, median: one.median.toPrecision(4), first: one.first_quartile.toPrecision(4), third: one.third_quartile.toPrecision(4), low: one.low.toPrecision(4), high: one.high.toPrecision(4),
    }),
  }));
  const rows = data.wells.flatMap((well, index) => (well.at[of] === null ? [] : [row(well, index, { x: well.round + 0.5 * beside(index), y: well.at[of] })]));
  const counts = Object.fromEntries(boxes.map((one) => [one.round, one.n]));
  const values = rows.map((one) => one.y);
  const x = { field: "x", ...roundAxis(data.rounds, (round) => counts[round.number] ?? 0) };
  const box = (mark, encoding) => ({ data: { values: boxes }, mark, encoding });
  const q = { type: "quantitative" };
  return {
    ...size, params: parameters,
    layer: [
      bands(data.rounds, page), ...beyond(axis, values, "y", page),
      box({ type: "rule", color: page.soft, aria: false }, { x: { field: "round", ...q }, y: { field: "low", ...q }, y2: { field: "high" } }),
      box({ type: "rect", fill: page.sheet, fillOpacity: 0.7, stroke: page.soft, aria: false }, { x: { field: "from", ...q }, x2: { field: "to" }, y: { field: "first_quartile", ...q }, y2: { field: "third_quartile" } }),
      points(rows, x, { field: "y", ...placed(axis, values) }, page, size.width),
      box({ type: "rule", color: page.accent, strokeWidth: 3, tooltip: { content: "data" } }, { x: { field: "from", ...q }, x2: { field: "to" }, y: { field: "median", ...q }, description: { field: "said" } }),
    ],
  };
}

export function parallel(data, size) {
  const page = colours();
  const of = data.axes.findIndex((axis) => axis.name === data.objective);
  const last = data.axes.length - 1;
  const at = data.wells.flatMap((well, index) => data.axes.flatMap((_, number) => (well.shares[number] === null ? [] : [
    { ...row(well, index, { x: number, y: well.shares[number] }), value: well.at[of] },
  ])));
  const ends = data.axes.flatMap((axis, x) => {
    const labels = axis.labels.length ? [axis.labels[0], axis.labels.at(-1)] : [axis.low, axis.high].map((end) => String(Number(end.toPrecision(4))));
    return [{ x, y: 0, text: labels[0], under: true }, { x, y: 1, text: labels[1], under: false }];
  });
  const titles = data.axes.map(named);
  const width = Math.max(size.width, 84 * data.axes.length);
  const wide = width / data.axes.length > 120;
  const shares = at.map((one) => one.y);
  const x = { field: "x", type: "quantitative", title: null, scale: { domain: [-0.4, last + 0.4], nice: false, zero: false },
    axis: { values: titles.map((_, index) => index), labelExpr: `${lines(titles, wide ? 18 : 12)}[datum.value]`, labelAngle: 0, labelLimit: 140, domain: false, gridColor: page.soft, labelColor: page.ink, labelOverlap: false } };
  const y = { field: "y", type: "quantitative", title: null, axis: null, scale: { domain: [Math.min(-0.08, ...shares), Math.max(1.08, ...shares)], nice: false, zero: false } };
  const value = { field: "value", type: "quantitative", scale: { scheme: { name: "cividis", extent: page.dark ? [0.35, 1] : [0, 0.88] } }, title: titles[of], legend: { orient: "top" } };
  const label = (under) => ({ data: { values: ends.filter((end) => end.under === under) }, mark: { type: "text", align: "left", dx: 5, dy: under ? 11 : -9, limit: 110, aria: false }, encoding: { x, y, text: { field: "text" }, color: { value: page.soft } } });
  return {
    ...size, width, params: parameters,
    layer: [
      { data: { values: at }, mark: { type: "line", strokeWidth: 1.6, aria: false }, encoding: { x, y, detail: { field: "id" }, color: value, opacity: unchosen(0.07, 0.65) } },
      label(true), label(false),
      { data: { values: at, name: "wells" }, params: [brush()],
        mark: { type: "point", filled: true, size: 26, tooltip: { content: "data" }, cursor: "pointer" },
        encoding: { x, y, color: value, opacity: unchosen(0.1, 0.9), description: { field: "said" } } },
    ],
  };
}

export function scatter(data, size, { x, y }) {
  const page = colours();
  const [across, up] = [x, y].map((name) => data.axes.findIndex((axis) => axis.name === name));
  const rows = data.wells.flatMap((well, index) => (well.at[across] === null || well.at[up] === null ? [] : [row(well, index, { x: well.at[across], y: well.at[up] })]));
  const xs = rows.map((one) => one.x), ys = rows.map((one) => one.y);
  const [first, second] = [data.axes[across], data.axes[up]];
  return {
    ...size, params: parameters,
    layer: [
      ...beyond(first, xs, "x", page), ...beyond(second, ys, "y", page),
      points(rows, { field: "x", ...placed(first, xs) }, { field: "y", ...placed(second, ys) }, page, size.width),
    ],
  };
}

export function slices(data, size) {
  const page = colours();
  const outcome = data.outcome;
  const all = data.slices.flatMap((one) => [...one.low, ...one.high]);
  const columns = columnsOf(size.width, 260, Math.min(4, data.slices.length));
  const width = Math.max(150, size.width / columns - 76);
  const y = (title) => ({ ...placed(outcome, all), title: title ? named(outcome) : null });
  const share = Math.round(100 * data.share);
  const panel = (one, index) => {
    const rows = one.values.map((value, i) => ({
      x: value, mean: one.mean[i], low: one.low[i], high: one.high[i],
      said: gettext("{parameter} {value}: {outcome} {mean}, {percent} % from {low} to {high}", {
        parameter: one.axis.title, value: `${one.axis.labels[value] ?? Number(value.toPrecision(4))} ${one.axis.unit}`.trim(), outcome: outcome.title, mean: one.mean[i].toPrecision(3), percent: share, low: one.low[i].toPrecision(3), high: one.high[i].toPrecision(3),
      }),
    }));
    const x = { field: "x", ...placed(one.axis, one.values) };
    const category = one.axis.labels.length > 0;
    return {
      width, height: 170,
      layer: [
        ...beyond(outcome, all, "y", page),
        { data: { values: rows }, mark: category ? { type: "rule", color: page.working, strokeWidth: 3, aria: false } : { type: "area", color: page.working, opacity: 0.22, aria: false }, encoding: { x, y: { field: "low", ...y(index % columns === 0) }, y2: { field: "high" } } },
        ...(category ? [] : [{ data: { values: rows }, mark: { type: "line", color: page.working, strokeWidth: 2, aria: false }, encoding: { x, y: { field: "mean", type: "quantitative" } } }]),
        ...(one.at === null ? [] : [{ data: { values: [{ x: one.at }] }, mark: { type: "rule", color: page.accent, strokeDash: [5, 4], aria: false }, encoding: { x } }]),
        { data: { values: rows }, mark: { type: "point", filled: true, size: category ? 70 : 16, color: page.working, tooltip: { content: "data" } }, encoding: { x, y: { field: "mean", type: "quantitative" }, description: { field: "said" } } },
      ],
    };
  };
  return { columns, spacing: 26, concat: data.slices.map(panel) };
}

export function surface(data, size, wells) {
  const page = colours();
  const { first, second, outcome } = data;
  const columns = columnsOf(size.width, 420, 2);
  const width = Math.max(190, size.width / columns - 130);
  const place = (axis, name) => wells.axes.findIndex((one) => one.name === axis.name);
  const [across, up] = [place(first), place(second)];
  const measured = wells.wells.flatMap((well, index) => (well.at[across] === null || well.at[up] === null ? [] : [row(well, index, { x: well.at[across], y: well.at[up] })]));
  const cells = data.cells.map((cell) => ({
    ...cell, x: cell.first_ends[0], x2: cell.first_ends[1], y: cell.second_ends[0], y2: cell.second_ends[1], sign: { above: "▲", below: "▼" }[cell.beyond] ?? "",
    said: `${first.title} ${first.labels[cell.first] ?? Number(cell.first.toPrecision(4))}, ${second.title} ${second.labels[cell.second] ?? Number(cell.second.toPrecision(4))}: ${cell.mean.toPrecision(3)} ± ${cell.sd.toPrecision(2)} ${outcome.unit}${cell.beyond ? `, ${cell.beyond === "above" ? gettext("above what there can be") : gettext("below what there can be")}` : ""}`,
  }));
  const inside = cells.filter((cell) => !cell.beyond).map((cell) => cell.mean);
  const edges = (which) => cells.flatMap((cell) => cell[which]);
  const ends = (which) => [Math.min(...edges(which)), Math.max(...edges(which))];
  const x = { field: "x", ...placed(first, edges("first_ends")), scale: scaled(first, ends("first_ends")) };
  const y = { field: "y", ...placed(second, edges("second_ends")), scale: scaled(second, ends("second_ends")) };
  const panel = (title, field, domain, scheme) => ({
    width, height: Math.min(width, 300), title,
    layer: [
      { data: { values: cells.filter((cell) => field === "sd" || !cell.beyond) }, mark: { type: "rect", tooltip: { content: "data" } },
        encoding: { x, x2: { field: "x2" }, y, y2: { field: "y2" }, color: { field, type: "quantitative", title: field === "sd" ? gettext("sd") : gettext("mean"), scale: { scheme, domain } }, description: { field: "said" } } },
      ...(field === "sd" ? [] : [
        { data: { values: cells.filter((cell) => cell.beyond) }, mark: { type: "rect", fill: page.line, stroke: page.soft, strokeDash: [3, 3], tooltip: { content: "data" } }, encoding: { x, x2: { field: "x2" }, y, y2: { field: "y2" }, description: { field: "said" } } },
        { data: { values: cells.filter((cell) => cell.beyond).map((cell) => ({ x: cell.first, y: cell.second, sign: cell.sign })) }, mark: { type: "text", aria: false }, encoding: { x, y, text: { field: "sign" } } },
      ]),
      { data: { values: measured }, mark: { type: "point", filled: true, fill: "#ffffff", stroke: "#000000", strokeWidth: 1.2, size: 36, opacity: 0.9, tooltip: { content: "data" }, cursor: "pointer" },
        encoding: { x, y, size: { condition: { test: "chosen[datum.id]", value: 130 }, value: 36 }, opacity: unchosen(0.35, 0.95), description: { field: "said" } } },
    ],
    resolve: { scale: { color: "independent" } },
  });
  const sds = cells.map((cell) => cell.sd);
  return {
    params: parameters, columns, spacing: 34,
    concat: [
      panel(gettext("Predicted {outcome}", { outcome: named(outcome) }), "mean", inside.length ? [Math.min(...inside), Math.max(...inside)] : [0, 1], "cividis"),
      panel(gettext("Its uncertainty (one sd)"), "sd", [0, Math.max(...sds)], "greys"),
    ],
    resolve: { scale: { color: "independent" } },
  };
}

export function calibration(data, size) {
  const page = colours();
  const all = data.points.flatMap((one) => [one.low, one.high, one.value]);
  const kinds = [gettext("within its interval"), gettext("outside of its interval"), gettext("outlier, not trusted")];
  const rows = data.points.map((one, index) => ({ ...one, index, said: one.text, x: one.mean, y: one.value, kind: one.outlier ? kinds[2] : one.within ? kinds[0] : kinds[1] }));
  const counted = kinds.map((kind) => `${kind} (n = ${rows.filter((one) => one.kind === kind).length})`);
  const [low, high] = widened(data.outcome, all);
  const legend = { title: null, orient: "top", symbolOpacity: 1, columns: columnsOf(size.width, 240, 3), labelExpr: chosenFrom(kinds, counted) };
  const axis = (title) => ({ ...placed(data.outcome, all), title: `${title}${data.outcome.unit ? ` (${data.outcome.unit})` : ""}` });
  const side = Math.min(size.width, 460);
  const kind = { field: "kind", type: "nominal", scale: { domain: kinds, range: [page.working, page.accent, page.soft] }, legend };
  return {
    width: side, height: side, params: parameters,
    layer: [
      ...beyond(data.outcome, all, "x", page), ...beyond(data.outcome, all, "y", page),
      { data: { values: [{ x: low, y: low }, { x: high, y: high }] }, mark: { type: "line", color: page.ink, aria: false }, encoding: { x: { field: "x", type: "quantitative" }, y: { field: "y", type: "quantitative" } } },
      { data: { values: rows }, mark: { type: "rule", aria: false }, encoding: { x: { field: "low", ...axis(gettext("predicted from all other conditions")) }, x2: { field: "high" }, y: { field: "y", ...axis(gettext("measured")) }, color: kind, opacity: unchosen(0.08, 0.45) } },
      { data: { values: rows, name: "wells" }, params: [brush()], mark: { type: "point", filled: true, size: 55, tooltip: { content: "data" }, cursor: "pointer" },
        encoding: { x: { field: "x", type: "quantitative" }, y: { field: "y", type: "quantitative" }, color: kind, shape: { field: "kind", type: "nominal", scale: { domain: kinds, range: ["circle", "triangle-up", "cross"] }, legend }, opacity: unchosen(0.2, 0.9), description: { field: "said" } } },
    ],
  };
}

export function front(data, size, wells, { x, y }) {
  const page = colours();
  const [across, up] = [x, y].map((name) => data.outcomes.findIndex((axis) => axis.name === name));
  const [first, second] = [x, y].map((name) => wells.axes.findIndex((axis) => axis.name === name));
  const kinds = [gettext("measured"), gettext("not beaten, tried"), gettext("not beaten, not tried yet")];
  const measured = wells.wells.flatMap((well, index) => (well.at[first] === null || well.at[second] === null ? [] : [{ ...row(well, index, { x: well.at[first], y: well.at[second] }), kind: kinds[0] }]));
  const rows = data.points.map((one, index) => ({ index, said: one.text, x: one.mean[across], y: one.mean[up], x1: one.low[across], x2: one.high[across], y1: one.low[up], y2: one.high[up], kind: one.tried ? kinds[1] : kinds[2] }));
    const counted = kinds.map((kind) => `${kind} (n = ${[...measured, ...rows].filter((one) => one.kind === kind).length})`);
  const legend = { title: null, orient: "top", symbolOpacity: 1, columns: columnsOf(size.width, 240, 3), labelExpr: chosenFrom(kinds, counted) };
  const kind = { field: "kind", type: "nominal", scale: { domain: kinds, range: [page.soft, page.working, page.accent] }, legend };
  const shape = { field: "kind", type: "nominal", scale: { domain: kinds, range: ["circle", "square", "diamond"] }, legend };
  const xs = [...measured.map((one) => one.x), ...rows.flatMap((one) => [one.x1, one.x2])], ys = [...measured.map((one) => one.y), ...rows.flatMap((one) => [one.y1, one.y2])];
  const [axisX, axisY] = [data.outcomes[across], data.outcomes[up]];
  const at = { x: { field: "x", ...placed(axisX, xs) }, y: { field: "y", ...placed(axisY, ys) } };
  return {
    ...size, params: parameters,
    layer: [
      ...beyond(axisX, xs, "x", page), ...beyond(axisY, ys, "y", page),
      { data: { values: measured, name: "wells" }, params: [brush()], mark: { type: "point", filled: true, size: 45, tooltip: { content: "data" }, cursor: "pointer" }, encoding: { ...at, color: kind, shape, opacity: unchosen(0.15, 0.6), description: { field: "said" } } },
      { data: { values: rows }, mark: { type: "rule", aria: false }, encoding: { x: { field: "x1", type: "quantitative" }, x2: { field: "x2" }, y: { field: "y", type: "quantitative" }, color: kind } },
      { data: { values: rows }, mark: { type: "rule", aria: false }, encoding: { x: { field: "x", type: "quantitative" }, y: { field: "y1", type: "quantitative" }, y2: { field: "y2" }, color: kind } },
      { data: { values: rows }, mark: { type: "point", filled: true, size: 100, tooltip: { content: "data" } }, encoding: { x: { field: "x", type: "quantitative" }, y: { field: "y", type: "quantitative" }, color: kind, shape, description: { field: "said" } } },
    ],
  };
}

export const measured = (campaign) => campaign.rounds.some((round) => round.best_so_far !== null);

// One panel for each outcome that is measured in the same way: other units share no axis. A campaign without a value has nothing to draw.
export function comparison(data, size) {
  const page = colours();
  const dashes = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3]];
  const shapes = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"];
  const tones = Object.values(page.roles);
  const drawn = data.campaigns.filter(measured);
  const names = drawn.map((one) => one.campaign);
  const panels = Map.groupBy(drawn, (one) => `${named(one.axis)}: ${{ maximise: gettext("maximised"), minimise: gettext("minimised"), match: gettext("matched") }[one.direction]}`);
  return {
    spacing: 30,
    vconcat: [...panels].map(([title, group]) => {
      const axis = { ...group[0].axis, low: Math.min(...group.map((one) => one.axis.low)), high: Math.max(...group.map((one) => one.axis.high)) };
      const rows = group.flatMap((one) => one.rounds.filter((round) => round.best_so_far !== null).map((round) => ({
        campaign: one.campaign, x: round.number, y: round.best_so_far,
        said: gettext("{campaign}, round {round}: best so far {best}; best of the round {own}, n = {n}", {
          campaign: one.campaign, round: round.number, best: `${round.best_so_far.toPrecision(4)} ${axis.unit}`.trim(), own: round.best === null ? "–" : round.best.toPrecision(4), n: round.trusted,
        }),
      })));
      const values = rows.map((one) => one.y);
      const most = Math.max(1, ...rows.map((one) => one.x));
      const x = { field: "x", type: "quantitative", title: gettext("after round"), scale: { domain: [0.8, most + 0.2], nice: false, zero: false }, axis: { tickMinStep: 1, format: "d", tickCount: Math.min(most, 12), grid: false } };
      const color = { field: "campaign", type: "nominal", scale: { domain: names, range: names.map((_, i) => tones[i % tones.length]) }, legend: { title: null, orient: "top", columns: columnsOf(size.width, 180, 4), symbolType: "circle" } };
      const dash = { field: "campaign", type: "nominal", scale: { domain: names, range: names.map((_, i) => dashes[Math.floor(i / tones.length) % dashes.length]) }, legend: color.legend };
      const shape = { field: "campaign", type: "nominal", scale: { domain: names, range: names.map((_, i) => shapes[i % shapes.length]) }, legend: color.legend };
      const y = { field: "y", ...placed(axis, values) };
      return {
        ...size, title,
        layer: [
          { data: { values: rows }, mark: { type: "line", interpolate: "step-after", strokeWidth: 2, aria: false }, encoding: { x, y, color, strokeDash: dash } },
          { data: { values: rows }, mark: { type: "point", filled: true, size: 70, tooltip: { content: "data" } }, encoding: { x, y, color, shape, description: { field: "said" } } },
        ],
      };
    }),
  };
}

const STATES = [["done", "circle", "done"], ["working", "triangle-right", "working"], ["planned", "stroke", "soft"], ["late", "triangle-up", "late"], ["in_doubt", "diamond", "doubt"], ["failed", "cross", "failed"], ["dropped", "triangle-down", "soft"]];
const stateOf = (job) => (["dispatched", "accepted"].includes(job.state) ? "working" : job.state);
// The lab's time of day, whatever the browser's zone is.
const labTime = (moment) => Date.parse(`${moment.slice(0, 19)}Z`);

export function timeline(data, size, { day }) {
  const page = colours();
  const now = data.now && labTime(data.now);
  const rows = data.jobs.filter((job) => day === "" || job.day === Number(day)).map((job) => {
    const due = labTime(job.due_at), began = job.began && labTime(job.began);
    return { id: job.key, robot: job.robot, state: stateOf(job), due, latest: labTime(job.latest), x: began ?? due, began, ended: job.ended ? labTime(job.ended) : began && Math.max(now, began), said: job.text };
  });
  const there = STATES.filter(([state]) => rows.some((row) => row.state === state));
  const names = there.map(([state]) => state);
  const counted = names.map((state) => `${gettext(state.replaceAll("_", " "))} (n = ${rows.filter((row) => row.state === state).length})`);
  const legend = { title: null, orient: "top", symbolOpacity: 1, columns: columnsOf(size.width, 150, 7), labelExpr: chosenFrom(names, counted) };
  const color = { field: "state", type: "nominal", scale: { domain: names, range: there.map(([, , colour]) => page[colour]) }, legend };
  const shape = { field: "state", type: "nominal", scale: { domain: names, range: there.map(([, shape]) => shape) }, legend };
  const from = Math.min(...rows.map((row) => Math.min(row.due, row.x))), to = Math.max(...rows.flatMap((row) => [row.latest, row.x, row.ended ?? 0]));
  const axis = { format: to - from < 2 * 86_400_000 ? "%H:%M" : "%m-%d", labelOverlap: true };
  const time = { type: "temporal", title: null, axis, scale: { type: "utc", nice: false } };
  const y = { field: "robot", type: "nominal", title: null, sort: data.robots, axis: { labelLimit: 140, grid: true } };
  const worked = rows.filter((row) => row.began);
  const marks = [
    { data: { values: rows }, mark: { type: "rule", color: page.soft, strokeWidth: 1.5, yOffset: 9, aria: false }, encoding: { x: { field: "due", ...time }, x2: { field: "latest" }, y } },
    { data: { values: worked }, mark: { type: "rule", strokeWidth: 9, opacity: 0.5, aria: false }, encoding: { x: { field: "began", ...time }, x2: { field: "ended" }, y, color } },
    { data: { values: rows }, mark: { type: "point", filled: true, size: 60, strokeWidth: 2, tooltip: { content: "data" }, cursor: "pointer" }, encoding: { x: { field: "x", ...time }, y, color, shape, description: { field: "said" } } },
  ];
  if (now !== null && now >= from && now <= to) {
    marks.push({ data: { values: [{ now }] }, mark: { type: "rule", color: page.ink, strokeDash: [4, 3], aria: false }, encoding: { x: { field: "now", ...time } } });
  }
  return { ...size, height: { step: 46 }, layer: marks };
}

// A trace as an instrument recorded it; the part that is chosen below fills the chart.
export function trace({ trace: { x, channels } }, size) {
  const headed = (axis) => named({ ...axis, title: axis.name });
  const rows = channels.flatMap((channel) => x.values.map((at, i) => ({ at, value: channel.values[i], channel: channel.name })));
  const several = channels.length > 1;
  const layer = (given, scale) => ({
    ...size, ...given,
    mark: { type: "line", strokeWidth: 1.2, aria: false },
    encoding: {
      x: { field: "at", type: "quantitative", title: given.height ? null : headed(x), scale: { nice: false, ...scale } },
      y: { field: "value", type: "quantitative", title: given.height ? null : several ? channels[0].unit : headed(channels[0]), axis: given.height ? null : {}, scale: { zero: false } },
      color: several ? { field: "channel", type: "nominal", title: null, legend: given.height ? null : { orient: "top" } } : { value: colours().accent },
    },
  });
  const part = { name: "part", select: { type: "interval", encodings: ["x"] } };
  return { data: { values: rows }, vconcat: [layer({}, { domain: { param: "part" } }), layer({ height: 46, params: [part] }, {})] };
}
