"use strict";
// What is pressed before the page's scripts are there (a slow network) is done once they are, not lost.
{
  let pressed = null; // a button, or a form that was sent by Enter
  const hold = (event) => {
    const found = event.type === "submit" ? event.target : event.target.closest?.("button");
    if (!found) return;
    pressed = found;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  for (const type of ["click", "submit"]) document.addEventListener(type, hold, true);
  document.addEventListener("DOMContentLoaded", () => {
    for (const type of ["click", "submit"]) document.removeEventListener(type, hold, true);
    if (!pressed?.isConnected) return;
    if (pressed.matches("form")) pressed.requestSubmit(); else pressed.click();
  });
}
