// Every chart: where its data come from, what a person may choose of it, how it is drawn, and what it says in words.

import * as specs from "./specs.js";
import { tables } from "./tables.js";

const options = (axes) => axes.map((axis) => [axis.name, axis.title]);
const outcomes = (data) => data.axes.filter((axis) => axis.kind === "outcome");
const modelled = (data) => outcomes(data).filter((axis) => data.modelled.includes(axis.name));
const parameters = (data) => data.axes.filter((axis) => axis.kind === "parameter");
const ofWells = (ask) => ask("wells");
const many = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`;
const wellsSaid = (data) => `${many(data.wells.length, "well")} with a value that may be trusted` + (data.left_out ? `; ${data.left_out} lost or flagged, not drawn` : "") + ".";
const high = (size, height) => ({ width: size, height });

export const KINDS = [
  {
    id: "progress", title: "Best so far", load: ofWells, table: tables.wells, wells: true,
    spec: (data, width) => specs.progress(data, high(width, 320)),
    said: (data) => `Every well by its round, and the best so far (line). Wells of a round were made at once: their place within it means nothing. ${wellsSaid(data)}`,
    empty: (data) => !data.wells.length && "No value yet.",
  },
  {
    id: "spread", title: "Outcomes by round", load: ofWells, table: tables.spreads, wells: true,
    choices: (data) => [["outcome", "Outcome", options(outcomes(data)), data.objective]],
    spec: (data, width, choice) => specs.spread(data, high(width, 320), choice),
    said: (data) => `Box: half of the round's wells, and their median; line: from the lowest to the highest. ${wellsSaid(data)}`,
    empty: (data) => !data.wells.length && "No value yet.",
  },
  {
    id: "parallel", title: "Parallel coordinates", load: ofWells, table: tables.wells, wells: true,
    spec: (data, width) => specs.parallel(data, high(width - 20, 330)),
    said: (data) => `A line a well, over every parameter from its lowest to its highest value, and the outcomes. Drag over an axis to choose the wells that pass there. ${wellsSaid(data)}`,
    empty: (data) => !data.wells.length && "No value yet.",
  },
  {
    id: "scatter", title: "Scatter", load: ofWells, table: tables.wells, wells: true,
    choices: (data) => [
      ["x", "Across", options(data.axes), data.axes[0].name],
      ["y", "Up", options(data.axes), data.objective],
    ],
    spec: (data, width, choice) => specs.scatter(data, high(width, 340), choice),
    said: wellsSaid,
    empty: (data) => !data.wells.length && "No value yet.",
  },
  {
    id: "slices", title: "Slices", table: tables.slices,
    choices: (_, wells) => [["outcome", "Outcome", options(modelled(wells)), wells.objective]],
    load: (ask, { outcome }) => ask("slices", { outcome }),
    spec: (data, width) => specs.slices(data, { width }),
    said: (data) => `The model along one parameter at a time, through the recommended condition (dashed), which is ${data.tried ? "tried" : "not tried yet"}. ` +
      `Line: mean of the true value; band: its ${Math.round(100 * data.share)} % interval; from ${many(data.observations, "result")}.`,
    empty: (data) => !data.slices.length && "There are too few observations yet to fit the model.",
  },
  {
    id: "surface", title: "Surface", table: tables.surface,
    choices: (_, wells) => {
      const axes = parameters(wells);
      return [
        ["first", "Across", options(axes), axes[0]?.name], ["second", "Up", options(axes), axes[1]?.name],
        ["outcome", "Outcome", options(modelled(wells)), wells.objective],
      ];
    },
    load: (ask, choice) => (choice.first === choice.second || !choice.second ? { cells: [] } : ask("surface", choice)),
    spec: (data, width, _, wells) => specs.surface(data, { width }, wells),
    said: (data) => `The model over two parameters, averaged over the others; circles are wells.` +
      (data.cells.some((cell) => cell.beyond) ? " Cells with a triangle lie beyond what there can be (the model does not know where that ends) and have no colour." : ""),
    empty: (data) => !data.cells.length && "There is no surface: choose two different parameters, or wait for results.",
  },
  {
    id: "front", title: "Trade-off", table: tables.front, wells: true, objectives: 2,
    load: (ask) => ask("front"),
    choices: (data) => [
      ["x", "Across", options(data.outcomes), data.outcomes[0]?.name],
      ["y", "Up", options(data.outcomes), data.outcomes[1]?.name],
    ],
    spec: (data, width, choice, wells) => specs.front(data, high(width, 360), wells, choice),
    said: (data) => `${many(data.points.length, "condition")} that no other beats in every objective, predicted with one sd, and what was measured.`,
    empty: (data) => !data.points.length && "There are too few observations yet to fit the model.",
  },
  {
    id: "calibration", title: "Model against measured", table: tables.calibration, wells: true,
    choices: (_, wells) => [["outcome", "Outcome", options(modelled(wells)), wells.objective]],
    load: (ask, { outcome }) => ask("calibration", { outcome }),
    spec: (data, width) => specs.calibration(data, { width }),
    said: (data) => `Each result against what the model says of it from all the others: ${Math.round(100 * data.within)} % of ${data.points.length} lie within their ${Math.round(100 * data.share)} % intervals; R² ${data.explained.toFixed(2)} without outliers.`,
    empty: (data) => !data.points.length && "There are too few observations yet to fit the model.",
  },
];

export const COMPARISON = [
  {
    id: "comparison", title: "Best so far of each", table: tables.comparison,
    load: (ask) => ask("comparison"),
    spec: (data, width) => specs.comparison(data, high(width, 320)),
    said: (data) => {
      const without = data.campaigns.filter((one) => !specs.measured(one)).map((one) => one.campaign);
      return `The best value after each round of ${many(data.campaigns.length - without.length, "campaign")}; campaigns of unlike outcomes have a panel each.`
        + (without.length ? ` No value yet: ${without.join(", ")}.` : "");
    },
    empty: (data) => !data.campaigns.some(specs.measured) && "No value yet.",
  },
];
