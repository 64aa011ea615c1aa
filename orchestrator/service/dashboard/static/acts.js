"use strict";
// Acts: a dialog with what will happen, the reason, and a confirmation.

const act = byId("act");

// The fields of a dialog are those of the act's model, but for what its button decides.
const acts = JSON.parse(byId("acts")?.textContent ?? "{}");
const asNumber = (text) => (text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text);
const words = (text) => text.split(/[\s,;]+/).filter(Boolean);

function entry(kind, spec) {
  let input;
  if (kind === "choice") {
    input = element("select");
    spec.choices.forEach((choice, index) => input.add(new Option(spec.labels?.[index] ?? choice, choice)));
  } else if (kind === "long text") {
    input = element("textarea");
    input.rows = 6;
  } else {
    input = element("input");
    if (kind === "flag") input.type = "checkbox";
    if (kind === "integer" || kind === "number") input.inputMode = kind === "integer" ? "numeric" : "decimal";
  }
  input.required = Boolean(spec.required) && kind !== "flag";
  return input;
}

function wellOf(text) {
  const found = text.match(/^(?:[^/]+\/)?r(\d+)\/p(\d+)\/([A-Za-z]{1,2}\d+)$/);
  if (!found) throw new Error(gettext("{text} is no well (expected such as r1/p3/B2)", { text }));
  return { round: Number(found[1]), plate: Number(found[2]), well: found[3] };
}

function valueOf(kind, input) {
  if (kind === "flag") return input.checked;
  const text = input.value.trim();
  if (kind === "integer" || kind === "number") return text === "" ? (input.required ? "" : null) : asNumber(text.replace(/^([+-]?\d+),(\d+)$/, "$1.$2"));
  if (kind === "list") return words(text);
  if (kind === "wells") return words(text).map(wellOf);
  return kind === "long text" ? input.value : text;
}

function place(label, input, id) {
  const shown = element("label", label);
  input.id = shown.htmlFor = id;
  byId("act-fields").append(shown, input, problemOf(input));
  return input;
}

// What is wrong with a field stands behind it, in words.
function problemOf(input) {
  const place = Object.assign(element("p", "", "problem field"), { id: `${input.id}-problem`, hidden: true });
  place.setAttribute("role", "alert");
  input.setAttribute("aria-describedby", place.id);
  return place;
}

function showRefusal(error) {
  const first = [];
  for (const place of act.querySelectorAll(".problem")) setText(place, "");
  for (const field of act.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  const lines = byId("act-fields").querySelector("[data-table]"); // a table has its problems by line
  for (const problem of error.problems?.length ? error.problems : [{ message: error.message }]) {
    const key = (problem.key ?? "").replaceAll(".", "-");
    const field = byId(`act-${key}`) ?? byId(`act-${key.split("-")[0]}`) ?? (problem.line ? lines : null);
    const place = field ? byId(`${field.id}-problem`) : byId("act-problem");
    setText(place, [place.textContent, inWords(problem)].filter(Boolean).join("\n"));
    if (field) { field.setAttribute("aria-invalid", "true"); first.push(field); }
  }
  first[0]?.focus();
}

function field(spec, choices) {
  if (spec.kind !== "mapping") {
    const label = spec.help.replace(/\.$/, "") + (spec.required || spec.kind === "flag" ? "" : ` ${gettext("(may be left out)")}`);
    const input = place(label, entry(spec.kind, spec), `act-${spec.name}`);
    let read = null;
    if (spec.file) {
      input.dataset.table = "";
      const chosen = place(gettext("or a file"), element("input"), `act-${spec.name}-file`);
      chosen.type = "file";
      chosen.onchange = () => {
        const [file] = chosen.files;
        if (!file) return;
        setText(byId(`${chosen.id}-problem`), "");
        const mine = (read = tableOf(file).then((text) => { if (mine === read) input.value = text; }, (error) => setText(byId(`${chosen.id}-problem`), error.message)));
      };
    }
    return async () => {
      await read; // a file that was chosen is sent, however long it takes to be read
      try {
        return { [spec.name]: valueOf(spec.kind, input) };
      } catch (error) {
        return { problem: { key: spec.name, message: error.message } };
      }
    };
  }
  const given = Object.entries(choices[spec.name] ?? {}), required = spec.required || given.length === 1;
  const inputs = given.map(([key, levels]) => {
    const input = entry(levels ? "choice" : "text", { choices: levels && !required ? ["", ...levels] : levels, required });
    return [key, place(gettext("New value of {name}", { name: key.replaceAll("_", " ") }), input, `act-${spec.name}-${key}`)];
  });
  return () => ({ [spec.name]: Object.fromEntries(inputs.map(([key, input]) => [key, asNumber(input.value.trim())]).filter((pair) => pair[1] !== "")) });
}

let dialogs = 0;
function ask(button) {
  const mine = ++dialogs; // what was sent from an earlier dialog is answered after another one is open
  const here = () => mine === dialogs && act.open;
  let unanswered = null; // what was sent and never answered: the same again is the same act
  const data = button.dataset;
  byId("act-title").textContent = data.title;
  byId("act-note").textContent = data.note;
  byId("act-fields").replaceChildren();
  byId("act-why").value = "";
  for (const place of act.querySelectorAll(".problem")) setText(place, "");
  byId("act-why").removeAttribute("aria-invalid");
  const preset = JSON.parse(data.preset || "{}");
  const choices = JSON.parse(data.choices || "{}");
  const asked = (acts[data.act] ?? []).filter((spec) => !(spec.name in preset)).map((spec) => field(spec, choices));
  const confirm = byId("act-confirm");
  confirm.className = button.classList.contains("danger") ? "danger solid" : "strong";
  confirm.disabled = false;
  confirm.textContent = button.textContent.trim().replace("…", "");
  byId("act-form").onsubmit = async (event) => {
    event.preventDefault();
    confirm.disabled = true;
    try {
      const why = byId("act-why").value, given = await Promise.all(asked.map((value) => value()));
      const problems = given.flatMap((part) => part.problem ?? []);
      if (problems.length && !why.trim()) problems.push({ key: "why", message: gettext("this may not be empty") });
      if (problems.length) throw Object.assign(new Error(), { problems });
      const content = Object.assign({ ...preset, why }, ...given);
      const sent = JSON.stringify(content);
      unanswered = { sent, key: unanswered?.sent === sent ? unanswered.key : newKey() };
      const answer = await send("POST", data.url, content, unanswered.key);
      const silent = Object.entries(answer.not_stopped ?? {});
      if (silent.length) throw new Error(gettext("NOT stopped: {robots}", { robots: silent.map(([name, why]) => `${name} (${why})`).join(", ") }));
      if (here()) act.close();
      if (byId("detail").open) openDetail(byId("detail").dataset.url);
      refresh();
    } catch (error) {
      if (!error.unanswered) unanswered = null;
      if (here()) showRefusal(error);
      else say([data.title, error.problems?.length ? error.problems.map(inWords).join("\n") : error.message].join(": "));
    } finally {
      if (mine === dialogs) confirm.disabled = false;
    }
  };
  act.showModal();
  (byId("act-fields").querySelector("input, select, textarea") ?? byId("act-why")).focus();
}

byId("act-form").noValidate = true; // the service says what is wrong, in words
byId("act-why").after(problemOf(byId("act-why")));
byId("act-cancel").onclick = () => act.close();
