"use strict";
// The values of a round: pasted, brought as a file or typed; seen before they are saved, with each problem at its row.

(() => {
  const page = () => byId("values");
  const { campaign, round } = page().dataset;
  const base = `${prefix}/api/v1/campaigns/${campaign}/readings`;
  const kept = keptForm(`wellwise values ${campaign} ${round}`);
  const { draft, keep, showProblem, clearProblems } = kept;
  draft.was ??= {}; // what was there when one began to write

  const fields = () => [...main.querySelectorAll("#values-form [data-name]")];
  const changed = () => fields().filter((field) => field.value.trim() && field.value.trim() !== field.dataset.was);

  function count() {
    const place = byId("changed");
    if (!place) return;
    const number = changed().length;
    const text = number ? ngettext("{number} value is not saved yet.", "{number} values are not saved yet.", number) : "";
    if (place.textContent !== text) place.textContent = text;
  }

  // Who wrote into a field that somebody else has filled meanwhile is told so once, and may then save.
  function overtaken() {
    const found = changed().filter((field) => field.id in draft.was && draft.was[field.id] !== field.dataset.was);
    for (const field of found) {
      showProblem(`problem-${field.dataset.row}`, gettext("Meanwhile somebody entered {theirs} here. Save again to put {yours} in its place.", { theirs: field.dataset.was || gettext("nothing"), yours: field.value }));
      draft.was[field.id] = field.dataset.was;
    }
    keep();
    return found.length > 0;
  }

  function write(field, value) {
    draft.was[field.id] ??= field.dataset.was;
    field.value = draft.values[field.id] = value;
  }

  async function fill() {
    const area = byId("spread");
    clearProblems();
    try {
      if (!area.value.trim()) throw new Error(gettext("There is nothing to fill in yet."));
      const plate = Number(byId("spread-plate")?.value ?? fields()[0].dataset.row.split("-")[0]);
      const seen = await send("POST", `${base}/preview`, { table: area.value, round_number: Number(round), plate });
      const wells = new Set();
      for (const one of seen.values) {
        const field = byId(`value-${one.plate}-${one.well}-${one.name}`);
        if (!field) continue;
        write(field, String(one.value));
        wells.add(one.well);
      }
      keep();
      count();
      say(wells.size ? gettext("Filled in: {wells}. Look at them, then save the values.", { wells: [...wells].join(", ") }) : gettext("Nothing was filled in."));
      if (seen.problems.length) kept.refused(seen, () => "spread-problem", true);
      else { area.value = ""; delete draft.values.spread; keep(); changed()[0]?.focus(); }
    } catch (error) {
      kept.refused(error, () => "spread-problem", true);
    }
  }

  // A table with a row for each value, so that the line of a problem says which field it is of.
  const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
  const decimal = (text) => (/^[+-]?\d+,\d{1,2}$|^[+-]?\d+,\d{4,}$/.test(text) ? text.replace(",", ".") : text);
  function table(rows, names) {
    const lines = rows.map((field) => {
      const [plate, well] = field.dataset.row.split("-");
      return [round, plate, well, ...names.map((name) => (name === field.dataset.name ? quoted(decimal(field.value.trim())) : ""))].join(",");
    });
    return [["round", "plate", "well", ...names].join(","), ...lines].join("\n");
  }

  let saving = false;
  async function save() {
    if (saving) return; // a double click
    saving = true;
    try {
      await checkAndSend();
    } finally {
      saving = false;
    }
  }

  async function checkAndSend() {
    clearProblems();
    await refresh();
    if (overtaken()) return;
    const rows = changed(), why = byId("values-why").value.trim();
    if (!rows.length) return kept.refused({ message: gettext("There is nothing to save: no value is new.") }, () => "values-problem");
    if (!why) return kept.refused({ message: gettext("Say how it was measured, such as with which probe.") }, () => "values-why-problem");
    const names = [...new Set(rows.map((field) => field.dataset.name))];
    try {
      await send("POST", base, { csv: table(rows, names), why });
      for (const field of rows) { delete draft.values[field.id]; delete draft.was[field.id]; }
      delete draft.values["values-why"];
      byId("values-why").value = "";
      keep();
      await refresh();
      say(ngettext("{number} value is saved.", "{number} values are saved.", rows.length));
    } catch (error) {
      kept.refused(error, (problem) => {
        const row = problem.line && rows[problem.line - 2];
        return row ? `problem-${row.dataset.row}` : problem.key === "why" ? "values-why-problem" : "values-problem";
      });
    }
  }

  // Enter goes down to the next well, as in a spreadsheet.
  main.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("#values-form [data-name]")) return;
    event.preventDefault();
    const column = fields().filter((field) => field.dataset.name === event.target.dataset.name);
    column[column.indexOf(event.target) + 1]?.focus();
  });

  main.addEventListener("input", (event) => {
    const field = event.target;
    if (!page().contains(field)) return;
    if (field.dataset.name) draft.was[field.id] ??= field.dataset.was;
    kept.typed(field);
    count();
  });

  main.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.target.id === "spread-form") fill();
    if (event.target.id === "values-form") save();
  });

  main.addEventListener("change", async (event) => {
    if (event.target.id !== "spread-file" || !event.target.files.length) return;
    byId("spread").value = await tableOf(event.target.files[0]);
    event.target.value = "";
    fill();
  });

  main.addEventListener("refreshed", () => { kept.restore(); count(); });
  for (const field of kept.adopt()) if (field.dataset.name) draft.was[field.id] ??= field.dataset.was;
  keep();
  kept.restore();
  count();
})();
