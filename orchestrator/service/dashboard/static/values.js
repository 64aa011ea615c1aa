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

  async function fillIn() {
    const table = byId("spread").value, from = document.activeElement;
    clearProblems();
    try {
      if (!table.trim()) throw new Error(gettext("There is nothing to fill in yet."));
      const plate = Number(byId("spread-plate")?.value ?? fields()[0].dataset.row.split("-")[0]);
      const seen = await send("POST", `${base}/preview`, { table, round_number: Number(round), plate });
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
      if (seen.problems.length) return kept.refused(seen, () => "spread-problem", { written: true, from });
      kept.emptied("spread", table);
      if (kept.idle(from)) changed()[0]?.focus();
    } catch (error) {
      kept.refused(error, () => "spread-problem", { written: true, from });
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

  let saving = false, again = false;
  async function save() {
    again = saving;
    if (saving) return;
    saving = true;
    try {
      // What was changed since, and saved while this was on its way, goes after it; a double click is no second wish.
      while ((await checkAndSend()) && again && changed().length) again = false;
    } finally {
      saving = false;
    }
  }

  // Returns whether values were saved.
  async function checkAndSend() {
    const from = document.activeElement;
    clearProblems();
    await refresh();
    if (overtaken()) return false;
    const rows = changed(), why = byId("values-why").value, what = Object.fromEntries(rows.map((field) => [field.id, field.value]));
    if (!rows.length) return kept.refused({ message: gettext("There is nothing to save: no value is new.") }, () => "values-problem", { from });
    if (!why.trim()) return kept.refused({ message: gettext("Say how it was measured, such as with which probe.") }, () => "values-why-problem", { from });
    const names = [...new Set(rows.map((field) => field.dataset.name))];
    try {
      await send("POST", base, { csv: table(rows, names), why: why.trim() });
      kept.emptied("values-why", why);
      kept.forget(what);
      for (const { id } of rows) delete draft.was[id];
      await refresh();
      // What was written over a value on its way is written over what was saved.
      for (const { id } of rows) if (id in draft.values) draft.was[id] = byId(id)?.dataset.was;
      keep();
      say(ngettext("{number} value is saved.", "{number} values are saved.", rows.length));
      return true;
    } catch (error) {
      kept.refused(error, (problem) => {
        const row = problem.line && rows[problem.line - 2];
        return row ? `problem-${row.dataset.row}` : problem.key === "why" ? "values-why-problem" : "values-problem";
      }, { from });
      return false;
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
    if (event.target.id === "spread-form") fillIn();
    if (event.target.id === "values-form") save();
  });

  async function fillFrom(field) {
    if (field.files.length && (await kept.brought("spread", field, "spread-problem"))) fillIn();
  }
  main.addEventListener("change", (event) => { if (event.target.id === "spread-file") fillFrom(event.target); });

  main.addEventListener("refreshed", () => { kept.restore(); count(); });
  for (const field of kept.adopt()) if (field.dataset.name) draft.was[field.id] ??= field.dataset.was;
  keep();
  kept.restore();
  count();
  if (byId("spread-file")) fillFrom(byId("spread-file")); // chosen before this script was there
})();
