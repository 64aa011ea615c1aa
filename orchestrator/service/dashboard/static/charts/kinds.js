// Every chart: where its data come from, what a person may choose of it, how it is drawn, and what it says in words.

import * as specs from "./specs.js";
import { tables } from "./tables.js";

const options = (axes) => axes.map((axis) => [axis.name, axis.title]);
const outcomes = (data) => data.axes.filter((axis) => axis.kind === "outcome");
const modelled = (data) => outcomes(data).filter((axis) => data.modelled.includes(axis.name));
const parameters = (data) => data.axes.filter((axis) => axis.kind === "parameter");
const ofWells = (ask) => ask("wells");
const sentences = (...parts) => parts.filter(Boolean).join(" ");
const percent = (share) => Math.round(100 * share);
const wellsSaid = (data) => sentences(
  ngettext("{number} well with a value that may be trusted.", "{number} wells with a value that may be trusted.", data.wells.length),
  data.left_out && gettext("{number} lost or flagged, not drawn.", { number: data.left_out }),
);
const high = (size, height) => ({ width: size, height });

export const KINDS = [
  {
    id: "progress", title: gettext("Best so far"), load: ofWells, table: tables.wells, wells: true,
    spec: (data, width) => specs.progress(data, high(width, 320)),
    said: (data) => sentences(gettext("Every well by its round, and the best so far (line). Wells of a round were made at once: their place within it means nothing."), wellsSaid(data)),
    empty: (data) => !data.wells.length && gettext("No value yet."),
  },
  {
    id: "spread", title: gettext("Outcomes by round"), load: ofWells, table: tables.spreads, wells: true,
    choices: (data) => [["outcome", gettext("Outcome"), options(outcomes(data)), data.objective]],
    spec: (data, width, choice) => specs.spread(data, high(width, 320), choice),
    said: (data) => sentences(gettext("Box: half of the round's wells, and their median; line: from the lowest to the highest."), wellsSaid(data)),
    empty: (data) => !data.wells.length && gettext("No value yet."),
  },
  {
    id: "parallel", title: gettext("Parallel coordinates"), load: ofWells, table: tables.wells, wells: true,
    spec: (data, width) => specs.parallel(data, high(width - 20, 330)),
    said: (data) => sentences(gettext("A line a well, over every parameter from its lowest to its highest value, and the outcomes. Drag over an axis to choose the wells that pass there."), wellsSaid(data)),
    empty: (data) => !data.wells.length && gettext("No value yet."),
  },
  {
    id: "scatter", title: gettext("Scatter"), load: ofWells, table: tables.wells, wells: true,
    choices: (data) => [
      ["x", gettext("Across"), options(data.axes), data.axes[0].name],
      ["y", gettext("Up"), options(data.axes), data.objective],
    ],
    spec: (data, width, choice) => specs.scatter(data, high(width, 340), choice),
    said: wellsSaid,
    empty: (data) => !data.wells.length && gettext("No value yet."),
  },
  {
    id: "slices", title: gettext("Slices"), table: tables.slices,
    choices: (_, wells) => [["outcome", gettext("Outcome"), options(modelled(wells)), wells.objective]],
    load: (ask, { outcome }) => ask("slices", { outcome }),
    spec: (data, width) => specs.slices(data, { width }),
    said: (data) => sentences(
      gettext("The model along one parameter at a time, through the recommended condition (dashed)."),
      data.tried ? gettext("It is tried.") : gettext("It is not tried yet."),
      gettext("Line: mean of the true value; band: its {percent} % interval; n = {number} results.", { percent: percent(data.share), number: data.observations }),
    ),
    empty: (data) => !data.slices.length && gettext("There are too few observations yet to fit the model."),
  },
  {
    id: "surface", title: gettext("Surface"), table: tables.surface,
    choices: (_, wells) => {
      const axes = parameters(wells);
      return [
        ["first", gettext("Across"), options(axes), axes[0]?.name], ["second", gettext("Up"), options(axes), axes[1]?.name],
        ["outcome", gettext("Outcome"), options(modelled(wells)), wells.objective],
      ];
    },
    load: (ask, choice) => (choice.first === choice.second || !choice.second ? { cells: [] } : ask("surface", choice)),
    spec: (data, width, _, wells) => specs.surface(data, { width }, wells),
    said: (data) => sentences(
      gettext("The model over two parameters, averaged over the others; circles are wells."),
      data.cells.some((cell) => cell.beyond) && gettext("Cells with a triangle lie beyond what there can be (the model does not know where that ends) and have no colour."),
    ),
    empty: (data) => !data.cells.length && gettext("There is no surface: choose two different parameters, or wait for results."),
  },
  {
    id: "front", title: gettext("Trade-off"), table: tables.front, wells: true, objectives: 2,
    load: (ask) => ask("front"),
    choices: (data) => [
      ["x", gettext("Across"), options(data.outcomes), data.outcomes[0]?.name],
      ["y", gettext("Up"), options(data.outcomes), data.outcomes[1]?.name],
    ],
    spec: (data, width, choice, wells) => specs.front(data, high(width, 360), wells, choice),
    said: (data) => ngettext("{number} condition that no other beats in every objective, predicted with one sd, and what was measured.", "{number} conditions that no other beats in every objective, predicted with one sd, and what was measured.", data.points.length),
    empty: (data) => !data.points.length && gettext("There are too few observations yet to fit the model."),
  },
  {
    id: "calibration", title: gettext("Model against measured"), table: tables.calibration, wells: true,
    choices: (_, wells) => [["outcome", gettext("Outcome"), options(modelled(wells)), wells.objective]],
    load: (ask, { outcome }) => ask("calibration", { outcome }),
    spec: (data, width) => specs.calibration(data, { width }),
    said: (data) => gettext("Each result against what the model says of it from all other conditions: {within} % of {number} lie within their {percent} % intervals; R² {explained} without outliers.", {
      within: percent(data.within), number: data.points.length, percent: percent(data.share), explained: data.explained.toFixed(2),
    }),
    empty: (data) => !data.points.length && gettext("There are too few observations yet to fit the model."),
  },
];

export const COMPARISON = [
  {
    id: "comparison", title: gettext("Best so far of each"), table: tables.comparison,
    load: (ask) => ask("comparison"),
    spec: (data, width) => specs.comparison(data, high(width, 320)),
    said: (data) => {
      const without = data.campaigns.filter((one) => !specs.measured(one)).map((one) => one.campaign);
      return sentences(
        ngettext("The best value after each round of {number} campaign.", "The best value after each round of {number} campaigns; those of unlike outcomes have a panel each.", data.campaigns.length - without.length),
        without.length && gettext("No value yet: {campaigns}.", { campaigns: without.join(", ") }),
      );
    },
    empty: (data) => !data.campaigns.some(specs.measured) && gettext("No value yet."),
  },
];

const daysOf = (data) => [...new Set(data.jobs.map((job) => job.day))];

export const TIMELINE = [
  {
    id: "timeline", title: gettext("When robots work"), table: tables.timeline,
    load: (ask) => ask("timeline"),
    choices: (data) => [["day", gettext("Day"), [["", gettext("all")], ...daysOf(data).map((day) => [String(day), String(day)])], ""]],
    spec: (data, width, choice) => specs.timeline(data, { width }, choice),
    said: (data) => sentences(
      gettext("Thin line: from when a job is due until it may still begin; thick line: when it was worked on; the lab's time of day."),
      data.left_out && gettext("{number} more jobs are not shown.", { number: data.left_out }),
    ),
    empty: (data) => !data.jobs.length && gettext("There are no jobs yet: they are planned when a round is approved."),
  },
];

export const TRACE = [
  {
    id: "trace", title: gettext("What was recorded"), table: tables.trace,
    load: (ask) => ask("trace"),
    spec: (data, width) => specs.trace(data, { width }),
    said: (data) => gettext("{number} points. Drag over the small chart to see a part of it; a double click shows all.", { number: data.trace.x.values.length }),
    empty: () => false,
  },
];
