"use strict";
// Forms in which nothing typed is lost: drafts are kept in this browser tab until they are saved, and problems stand at their fields.

const WRITTEN = "input:not([type=checkbox], [type=file]), textarea, select";

function keptForm(key) {
  const draft = Object.assign({ values: {}, ticks: [] }, JSON.parse(sessionStorage.getItem(key) ?? "{}"));
  const problems = new Map(); // id of the place -> what is wrong there

  const keep = () => sessionStorage.setItem(key, JSON.stringify(draft));

  function showProblem(id, text) {
    if (text) problems.set(id, text); else problems.delete(id);
    const place = byId(id);
    if (!place) return;
    setText(place, text);
    for (const field of main.querySelectorAll(`[aria-describedby~="${id}"]`)) {
      if (text) field.setAttribute("aria-invalid", "true"); else field.removeAttribute("aria-invalid");
    }
  }

  function clearProblems() {
    for (const id of [...problems.keys()]) showProblem(id, "");
  }

  // On a slow network a person types before this script is there: that is a draft like any other. Returns the fields.
  function adopt() {
    const first = (field) => (field.matches("select") ? (field.querySelector("option[selected]") ?? field.options[0])?.value : field.defaultValue);
    const found = [...main.querySelectorAll(WRITTEN)].filter((field) => field.id && !(field.id in draft.values) && field.value !== first(field));
    for (const field of found) draft.values[field.id] = field.value;
    return found;
  }

  // What was saved as it was then is no draft any more; what was written since is.
  function forget(sent) {
    for (const [id, value] of Object.entries(sent)) if (draft.values[id] === value) delete draft.values[id];
    keep();
  }

  // A table that was taken goes away, unless it was changed meanwhile.
  function emptied(id, table) {
    forget({ [id]: table });
    if (byId(id)?.value === table) byId(id).value = "";
  }

  // A file comes into the area of a table, as if it was typed there. Returns whether it did: it may be no file, or another one was
  // chosen while it was read.
  const newest = {};
  async function brought(id, field, problem) {
    const file = (newest[id] = field.files[0]);
    field.value = "";
    try {
      const text = await tableOf(file);
      if (newest[id] !== file || !byId(id)) return false;
      byId(id).value = text;
      typed(byId(id));
      return true;
    } catch (error) {
      showProblem(problem, error.message);
      return false;
    }
  }

  // After a load, and after each refresh: the drafts, and what was refused, are there again.
  function restore() {
    for (const field of main.querySelectorAll(WRITTEN)) {
      const value = draft.values[field.id];
      if (value !== undefined && field.value !== value) field.value = value;
    }
    for (const [id, text] of problems) showProblem(id, text);
  }

  function typed(field) {
    if (field.matches(WRITTEN) && field.id) draft.values[field.id] = field.value;
    for (const id of (field.getAttribute("aria-describedby") ?? "").split(" ")) if (problems.has(id)) showProblem(id, "");
    keep();
  }

  // Whether a person still is where one was when something was sent, and does not write elsewhere.
  const idle = (from) => document.activeElement === from || !document.activeElement?.matches(WRITTEN);

  // What an answer refuses stands where `placeOf` says, and the first of it gets the focus, unless a person writes elsewhere by now
  // than in `from`. Lines are said of a table that a person wrote.
  function refused(error, placeOf, { written = false, from = document.activeElement } = {}) {
    const texts = new Map();
    for (const problem of error.problems?.length ? error.problems : [{ message: error.message }]) {
      const text = inWords(written ? problem : { ...problem, line: null });
      const id = placeOf(problem);
      texts.set(id, [...(texts.get(id) ?? []), text]);
    }
    for (const [id, list] of texts) showProblem(id, list.join("\n"));
    if (!idle(from)) return;
    const first = byId([...texts.keys()][0]);
    (main.querySelector(`[aria-describedby~="${first.id}"]:not(:disabled)`) ?? first).focus();
    first.scrollIntoView({ block: "center" });
  }

  return { draft, keep, showProblem, clearProblems, adopt, forget, emptied, brought, restore, typed, idle, refused };
}
