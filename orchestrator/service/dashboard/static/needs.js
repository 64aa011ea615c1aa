"use strict";
// How many things a person is needed for, in the navigation; and a message of the browser when there is something new, if wanted.

(() => {
  const wish = "wellwise tells me";
  const wanted = () => localStorage.getItem(wish) === "yes" && "Notification" in window && Notification.permission === "granted";
  const nameOf = (need) => [need.kind, need.campaign, need.job, need.robot, need.round].join(" ");
  let known = null;

  // What is not known is not taken for nothing: it would be news once more.
  const asked = () => fetch(`${prefix}/api/v1/needs`).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);

  // One after the other: an older answer would have told of it again.
  let queue = Promise.resolve();
  const tell = () => (queue = queue.then(compare));

  async function compare() {
    const needs = await asked();
    if (needs === null) return;
    const fresh = known === null ? [] : needs.filter((need) => !known.includes(nameOf(need)));
    known = needs.map(nameOf);
    for (const need of fresh) {
      const shown = new Notification(gettext("A person is needed: {campaign}", { campaign: need.campaign }), { body: need.message, tag: nameOf(need) });
      shown.onclick = () => { window.focus(); location.href = prefix + need.link; };
    }
  }

  function show(number) {
    const place = byId("needed");
    place.hidden = !number;
    place.textContent = number;
  }

  function offer() {
    const button = byId("tell-me");
    if (!button || !("Notification" in window)) return;
    button.hidden = false;
    button.setAttribute("aria-pressed", String(wanted()));
    button.textContent = wanted() ? gettext("This browser tells me") : gettext("Tell me in this browser");
  }

  main.addEventListener("click", async (event) => {
    if (event.target.id !== "tell-me") return;
    if (wanted()) localStorage.removeItem(wish);
    else if ((await Notification.requestPermission()) === "granted") localStorage.setItem(wish, "yes");
    else setText(byId("tell-problem"), gettext("The browser does not allow it: allow messages of this page in its settings."));
    if (wanted()) await tell(); // from now on: before it is said so
    offer();
  });

  main.addEventListener("refreshed", (event) => {
    show(Number(event.detail.get("X-Needs")));
    offer();
    if (wanted()) tell();
  });
  offer();
  if (wanted()) tell();
})();
