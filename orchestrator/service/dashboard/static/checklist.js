"use strict";
// A person's checklist. What is typed or ticked is kept in this browser tab until it is saved: through a refused save, a reload,
// and the server's news. Problems stand at the field that they are about.

(() => {
  const page = () => byId("checklist");
  const kept = keptForm(page() ? `wellwise checklist ${page().dataset.job}` : "wellwise checklists");
  const { draft, keep, showProblem, clearProblems } = kept;
  let scanned = "";

  const fieldOf = (item) => byId(`value-${item}`);

  function restore() {
    if (!page()) return;
    kept.restore();
    for (const box of main.querySelectorAll("[data-tick]")) box.checked = draft.ticks.includes(box.dataset.tick);
    count();
  }

  // What is sent: how the fields stand that are saved by it.
  const written = (ids) => Object.fromEntries(ids.map((id) => [id, draft.values[id]]));

  const ticked = () => [...main.querySelectorAll("[data-tick]:checked")].map((box) => Number(box.dataset.tick));

  function count() {
    const button = byId("confirm-ticked");
    if (!button) return;
    const number = ticked().length;
    const text = number ? ngettext("{number} item is ticked.", "{number} items are ticked.", number) : gettext("Nothing is ticked.");
    if (byId("ticked").textContent !== text) byId("ticked").textContent = text;
    button.disabled = !number;
    button.textContent = number > 1 ? gettext("Confirm {number} items", { number }) : gettext("Confirm");
  }

  // Where a problem of an answer belongs; what belongs nowhere stands at the top.
  function placeOf(problem, places) {
    const key = problem.key ?? "";
    const item = key.match(/^(?:items|numbers)\.(\d+)/)?.[1];
    if (item && byId(`problem-${item}`)) return `problem-${item}`;
    return places[key.split(".")[0]] ?? places.all ?? "checklist-problem";
  }

  const refused = (error, places, how) => kept.refused(error, (problem) => placeOf(problem, places), how);

  // One act after the other, and the same one (a double click) once; what the page shows is then asked for again.
  let queue = Promise.resolve();
  const waiting = new Set();
  function act(name, content, how) {
    const mark = JSON.stringify([name, content]);
    if (waiting.has(mark)) return;
    waiting.add(mark);
    const { items = [], fields = [] } = how;
    const sent = written([...items.flatMap((item) => [`value-${item}`, `paste-${item}`]), ...fields]), from = document.activeElement;
    queue = queue.then(() => perform(name, content, how, sent, from)).finally(() => waiting.delete(mark));
  }

  async function perform(name, content, { items = [], places = {}, text }, sent, from) {
    clearProblems();
    const here = document.activeElement?.closest(".group")?.id;
    try {
      const why = scanned ? { why: `plate ${scanned} scanned` } : {};
      await send("POST", `${page().dataset.base}/${name}`, { job: page().dataset.job, ...why, ...content });
      draft.ticks = draft.ticks.filter((item) => !items.includes(Number(item)));
      kept.forget(sent);
      await refresh();
      say(text);
      goOn(here);
    } catch (error) {
      await refresh();
      if (byId("checklist-problem")) refused(error, places, { from });
      else say(error.message);
    }
  }

  // Where the focus goes when what had it is gone.
  function goOn(group) {
    const has = document.activeElement;
    if (has && has !== document.body && !has.disabled && has.checkVisibility()) return;
    const next = ".item.open input:not([type=file]), .item.open input[type=file]";
    const field = (group && byId(group)?.querySelector(next)) || main.querySelector(next) || byId("over");
    field?.focus();
  }

  const confirm = (items) => act("confirmations", { items }, { items, text: ngettext("{number} item is confirmed.", "{number} items are confirmed.", items.length) });

  function saveNumbers(form) {
    const fields = [...form.querySelectorAll("[data-number]")].filter((field) => field.value.trim());
    const items = fields.map((field) => Number(field.dataset.number));
    if (!items.length) {
      clearProblems();
      const empty = form.querySelector(".item.open [data-number]") ?? form.querySelector("[data-number]");
      return refused({ problems: [{ key: `items.${empty.dataset.number}`, message: gettext("There is no number yet"), expected: gettext("such as 12.5") }] }, {});
    }
    const numbers = Object.fromEntries(fields.map((field) => [field.dataset.number, field.value]));
    const unit = form.querySelector("[data-unit]");
    const replace = fields.some((field) => "replace" in field.dataset);
    const places = { unit: unit.getAttribute("aria-describedby") };
    act("numbers", { numbers, unit: unit.value, replace }, { items, places, text: ngettext("{number} item is saved.", "{number} items are saved.", items.length) });
  }

  // How a file or table of an item is to be taken, as it stands when that is chosen: reading it may take longer than the next news.
  function asked(item, field) {
    const unit = field.closest("form").querySelector("[data-unit]")?.value;
    return { item, as_it_is: Boolean(byId(`as-it-is-${item}`)?.checked), replace: "replace" in field.dataset, ...(unit ? { unit } : {}) };
  }

  function saveFile(how, file, name) {
    const { item } = how;
    say(gettext("Being sent…"));
    act("files", { ...how, file, file_name: name }, { items: [item], places: { all: `problem-${item}` }, text: gettext("Item {item} is saved.", { item }) });
  }

  async function chosen(field, file) {
    const how = asked(Number(field.dataset.file), field);
    field.value = "";
    try {
      saveFile(how, await asDataUrl(file), file.name);
    } catch (error) {
      showProblem(`problem-${how.item}`, error.message);
    }
  }

  // Numbers of a spreadsheet are put into the fields, and saved from there: so one sees which well gets what.
  async function fillIn(form) {
    const area = form.querySelector("[data-spread]"), table = area.value, from = document.activeElement;
    const place = area.getAttribute("aria-describedby");
    clearProblems();
    try {
      if (!table.trim()) throw new Error(gettext("There is nothing to fill in yet."));
      const { job, robot } = page().dataset;
      const found = await send("POST", `${prefix}/api/v1/checklists/${robot}/${job}/table`, { table });
      const wells = [];
      for (const [item, number] of Object.entries(found.numbers)) {
        const field = fieldOf(item);
        if (!field) continue;
        field.value = draft.values[field.id] = String(number);
        wells.push(found.wells[item]);
      }
      kept.emptied(area.id, table);
      const left = found.left_out.length ? gettext("Left out: {wells}.", { wells: found.left_out.join(", ") }) : "";
      say([gettext("Filled in: {wells}.", { wells: wells.join(", ") }), left, gettext("Look at them, then save the numbers.")].filter(Boolean).join(" "));
      if (kept.idle(from)) byId(form.id)?.querySelector("[data-number]")?.focus();
    } catch (error) {
      refused(error, { all: place, table: place }, { written: true, from });
    }
  }

  async function fillFrom(field) {
    const { id } = field.closest("form"), area = field.closest("form").querySelector("[data-spread]");
    if (await kept.brought(area.id, field, area.getAttribute("aria-describedby"))) fillIn(byId(id));
  }

  function wentWrong() {
    const well = byId("wrong-well"), why = byId("wrong-why");
    const missing = !well.value ? gettext("Which well?") : !why.value.trim() ? gettext("What happened to it?") : "";
    if (missing) {
      clearProblems();
      return refused({ message: missing }, { all: "wrong-problem" });
    }
    act("wells", { well: well.value, why: why.value }, {
      fields: ["wrong-well", "wrong-why"], places: { all: "wrong-problem" }, text: gettext("{well} went wrong.", { well: well.value }),
    });
  }

  // Barcodes: a scanner types into the field and presses Enter; a browser that can look through the camera may.

  let scans = 0;
  async function scan(code) {
    const mine = ++scans, place = byId("scan-said");
    const tell = (text, kind) => { place.className = kind; place.textContent = text; };
    code = code.trim();
    if (!code) return tell("", "");
    if (page() && code.toLowerCase() === page().dataset.plate.toLowerCase()) {
      scanned = code;
      return tell(gettext("This is the plate."), "good");
    }
    scanned = "";
    const open = await fetch(`${prefix}/api/v1/checklists`).then((answer) => (answer.ok ? answer.json() : [])).catch(() => []);
    if (mine !== scans) return; // another code was read meanwhile
    const other = open.find((job) => job.plate_id.toLowerCase() === code.toLowerCase());
    if (other && !page()) { location.href = `${prefix}/checklists/${other.robot}/${other.job}`; return; }
    tell(page() ? `${gettext("This is NOT the plate: the code says {code}.", { code })} ` : gettext("No open checklist is of {code}.", { code }), "problem");
    if (other) {
      const link = place.appendChild(element("a", gettext("Open its checklist")));
      link.href = `${prefix}/checklists/${other.robot}/${other.job}`;
    }
  }

  async function camera() {
    const dialog = document.body.appendChild(element("dialog"));
    dialog.id = "camera";
    dialog.setAttribute("aria-label", gettext("Camera"));
    const video = dialog.appendChild(element("video"));
    const close = dialog.appendChild(element("button", gettext("Close")));
    Object.assign(video, { muted: true, playsInline: true });
    let stream = null;
    dialog.onclose = () => { stream?.getTracks().forEach((track) => track.stop()); dialog.remove(); };
    close.onclick = () => dialog.close();
    dialog.showModal();
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      if (!dialog.open) return dialog.onclose(); // it was closed before the camera was there
      video.srcObject = stream;
      await video.play();
      const detector = new BarcodeDetector();
      while (dialog.open) {
        const [found] = await detector.detect(video);
        if (found && dialog.open) { byId("scan").value = found.rawValue; dialog.close(); return scan(found.rawValue); }
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
    } catch (error) {
      dialog.close();
      byId("scan-said").className = "problem";
      byId("scan-said").textContent = gettext("The camera cannot be used: {why}", { why: error.message });
    }
  }

  function offerCamera() {
    const button = byId("scan-camera");
    if (button && "BarcodeDetector" in window && navigator.mediaDevices) button.hidden = false;
  }

  main.addEventListener("input", (event) => {
    const field = event.target;
    if (!page() || !page().contains(field) || field.id === "scan") return;
    if (field.matches("[data-tick]")) {
      draft.ticks = draft.ticks.filter((item) => item !== field.dataset.tick);
      if (field.checked) draft.ticks.push(field.dataset.tick);
      count();
    }
    kept.typed(field);
  });

  main.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.id === "scan-form") { event.preventDefault(); scan(byId("scan").value); byId("scan").select(); }
    if (form.id === "wrong-form") { event.preventDefault(); wentWrong(); }
    if (form.matches(".group")) { event.preventDefault(); if (form.querySelector("[data-unit]")) saveNumbers(form); }
  });

  // Enter goes from one number to the next, as in a spreadsheet; behind the last it saves them.
  main.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    if (event.target.matches("[data-tick]")) { event.preventDefault(); return event.target.click(); }
    if (!event.target.matches("[data-number]")) return;
    const fields = [...event.target.closest("form").querySelectorAll(".item.open [data-number]")];
    const next = fields.slice(fields.indexOf(event.target) + 1).find((field) => !field.value.trim());
    if (next) { event.preventDefault(); next.focus(); }
  });

  main.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.confirm) confirm(button.dataset.confirm.split(",").map(Number));
    if (button.id === "confirm-ticked") confirm(ticked());
    if (button.id === "scan-camera") camera();
    if ("fill" in button.dataset) fillIn(button.closest("form"));
    if (button.dataset.saveTable) {
      const area = byId(`paste-${button.dataset.saveTable}`), item = Number(button.dataset.saveTable);
      if (area.value.trim()) saveFile(asked(item, area), area.value, "");
      else refused({ problems: [{ key: `items.${item}`, message: gettext("There is no table yet") }] }, {});
    }
  });

  function brought(field) {
    if (field.type !== "file" || !field.files.length) return;
    if (field.dataset.file) chosen(field, field.files[0]);
    if ("spreadFile" in field.dataset) fillFrom(field);
  }
  main.addEventListener("change", (event) => brought(event.target));

  for (const kind of ["dragover", "dragleave", "drop"]) {
    main.addEventListener(kind, (event) => {
      const place = event.target.closest("[data-drop]");
      if (!place) return;
      event.preventDefault();
      place.classList.toggle("over", kind === "dragover");
      const file = kind === "drop" && event.dataTransfer.files[0];
      if (file) chosen(place.querySelector("[data-file]"), file);
    });
  }

  main.addEventListener("refreshed", () => { restore(); offerCamera(); });
  if (page()) {
    kept.adopt();
    draft.ticks = [...new Set([...draft.ticks, ...ticked().map(String)])];
    keep();
  }
  restore();
  for (const field of main.querySelectorAll("input[type=file]")) brought(field); // chosen before this script was there
  offerCamera();
})();
