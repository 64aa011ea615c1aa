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

  // What an answer refuses stands where `placeOf` says, and the first of it gets the focus. Lines are said of a table that a person wrote.
  function refused(error, placeOf, written = false) {
    const texts = new Map();
    for (const problem of error.problems?.length ? error.problems : [{ message: error.message }]) {
      const text = inWords(written ? problem : { ...problem, line: null });
      const id = placeOf(problem);
      texts.set(id, [...(texts.get(id) ?? []), text]);
    }
    for (const [id, list] of texts) showProblem(id, list.join("\n"));
    const first = byId([...texts.keys()][0]);
    (main.querySelector(`[aria-describedby~="${first.id}"]:not(:disabled)`) ?? first).focus();
    first.scrollIntoView({ block: "center" });
  }

  return { draft, keep, showProblem, clearProblems, adopt, restore, typed, refused };
}

// What was done, for eyes and ears, until the next thing or for a while.
const say = (() => {
  const said = document.body.appendChild(element("p"));
  said.id = "form-said";
  said.setAttribute("role", "status");
  let quiet = null;
  return (text) => {
    said.textContent = text;
    clearTimeout(quiet);
    quiet = setTimeout(() => { said.textContent = ""; }, 6000);
  };
})();
