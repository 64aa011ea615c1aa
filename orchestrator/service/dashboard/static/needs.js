"use strict";
// How many things a person is needed for, in the navigation; and a message of the browser when there is something new, if wanted.

(() => {
  const wish = "wellwise tells me";
  const wanted = () => localStorage.getItem(wish) === "yes" && "Notification" in window && Notification.permission === "granted";
  const nameOf = (need) => [need.kind, need.campaign, need.job, need.robot, need.round].join(" ");
  let known = null;

  const asked = async () => {
    const answer = await fetch(`${prefix}/api/v1/needs`);
    return answer.ok ? answer.json() : [];
  };

  async function tell() {
    const needs = await asked();
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
    offer();
    if (wanted()) tell();
  });

  main.addEventListener("refreshed", (event) => {
    show(Number(event.detail.get("X-Needs")));
    offer();
    if (wanted()) tell();
  });
  offer();
  if (wanted()) tell();
})();
