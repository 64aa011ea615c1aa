// What a chart shows as a table: for who reads instead of looking, and as CSV.

const named = (axis) => (axis.unit ? `${axis.title} (${axis.unit})` : axis.title);
const short = (value) => (value === null || value === undefined ? "" : typeof value === "number" ? String(Number(value.toPrecision(6))) : value);
const levelOf = (axis, value) => axis.labels[value] ?? value;

const wells = (data) => ({
  heads: [gettext("well"), gettext("role"), ...data.axes.map(named)],
  rows: data.wells.map((well) => [`r${well.round}/p${well.plate}/${well.well}`, gettext(well.role), ...data.axes.map((axis, i) => (well.at[i] === null ? null : levelOf(axis, well.at[i])))]),
  of: data.wells,
});

const rounds = (data) => ({
  heads: [gettext("round"), gettext("wells"), gettext("n"), gettext("best of the round"), gettext("best so far")],
  rows: data.rounds.map((round) => [round.number, round.wells, round.trusted, round.best, round.best_so_far]),
});

const spreads = (data, { outcome }) => ({
  heads: [gettext("round"), gettext("n"), gettext("lowest"), gettext("first quartile"), gettext("median"), gettext("third quartile"), gettext("highest")],
  rows: data.spreads.filter((one) => one.outcome === outcome).map((one) => [one.round, one.n, one.low, one.first_quartile, one.median, one.third_quartile, one.high]),
});

const slices = (data) => ({
  heads: [gettext("parameter"), gettext("value"), gettext("{outcome}, mean", { outcome: named(data.outcome) }), gettext("low"), gettext("high")],
  rows: data.slices.flatMap((one) => one.values.map((value, i) => [named(one.axis), levelOf(one.axis, value), one.mean[i], one.low[i], one.high[i]])),
});

const surface = (data) => ({
  heads: [named(data.first), named(data.second), gettext("{outcome}, mean", { outcome: named(data.outcome) }), gettext("sd"), gettext("beyond what there can be")],
  rows: data.cells.map((cell) => [levelOf(data.first, cell.first), levelOf(data.second, cell.second), cell.mean, cell.sd, cell.beyond]),
});

const calibration = (data) => ({
  heads: [gettext("well"), gettext("round"), gettext("measured"), gettext("predicted from all other conditions"), gettext("low"), gettext("high"), gettext("within"), gettext("outlier")],
  rows: data.points.map((one) => [one.id || gettext("past result"), one.round, one.value, one.mean, one.low, one.high, one.within ? gettext("yes") : gettext("no"), one.outlier ? gettext("yes") : gettext("no")]),
});

const front = (data) => {
  const names = Object.keys(data.points[0]?.condition ?? {});
  const constrained = data.points.some((one) => one.feasible < 1);
  return {
    heads: [...names, ...data.outcomes.flatMap((axis) => [gettext("{outcome}, mean", { outcome: named(axis) }), gettext("less one sd"), gettext("plus one sd")]), ...(constrained ? [gettext("meets constraints")] : []), gettext("tried")],
    rows: data.points.map((one) => [...names.map((name) => one.condition[name]), ...data.outcomes.flatMap((_, i) => [one.mean[i], one.low[i], one.high[i]]), ...(constrained ? [one.feasible] : []), one.tried ? gettext("yes") : gettext("no")]),
  };
};

const comparison = (data) => ({
  heads: [gettext("campaign"), gettext("outcome"), gettext("round"), gettext("wells"), gettext("n"), gettext("best of the round"), gettext("best so far")],
  rows: data.campaigns.flatMap((one) => one.rounds.map((round) => [one.campaign, named(one.axis), round.number, round.wells, round.trusted, round.best, round.best_so_far])),
});

const timeline = (data) => ({
  heads: [gettext("job"), gettext("robot"), gettext("state"), gettext("due"), gettext("until"), gettext("sent"), gettext("begun"), gettext("ended")],
  rows: data.jobs.map((job) => [job.key, job.robot, gettext(job.state.replaceAll("_", " ")), job.due_at, job.latest, job.sent, job.began, job.ended]),
});

const trace = ({ trace: { x, channels } }) => {
  const headed = (axis) => named({ ...axis, title: axis.name });
  return { heads: [headed(x), ...channels.map(headed)], rows: x.values.map((value, i) => [value, ...channels.map((one) => one.values[i])]) };
};

export const tables = { wells, rounds, spreads, slices, surface, calibration, front, comparison, timeline, trace };

export function csv({ heads, rows }) {
  // A text that a spreadsheet would take for a formula begins with an apostrophe, as in the exports of the service.
  const cell = (value) => {
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r]/.test(value ?? "") ? `'${value}` : String(value ?? "");
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [heads, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

export function drawnTable({ heads, rows, of }, caption, each) {
  const table = document.createElement("table");
  const title = table.createCaption();
  title.textContent = caption;
  const head = table.createTHead().insertRow();
  const part = table.createTBody();
  const numeric = heads.map((_, i) => rows.every((row) => row[i] === null || typeof row[i] === "number"));
  for (const text of [...(of ? [gettext("chosen")] : []), ...heads]) {
    const cell = head.appendChild(document.createElement("th"));
    cell.scope = "col";
    cell.textContent = text;
  }
  rows.forEach((values, index) => {
    const line = part.insertRow();
    if (of) line.insertCell().append(each.box(of[index]));
    values.forEach((value, column) => {
      if (column === 0) {
        const cell = line.appendChild(document.createElement("th"));
        cell.scope = "row";
        cell.append(of ? each.link(of[index], value) : short(value));
      } else {
        const cell = line.insertCell();
        cell.textContent = short(value);
        if (numeric[column]) cell.className = "num";
      }
    });
  });
  return table;
}
