// Drafts: what a person wrote and did not launch, kept in this browser for that person, whatever happens to the page.

const MOST = 20;
const { person } = document.getElementById("builder").dataset;
const own = `wellwise draft of ${person}: `;

export const drafts = () => Object.keys(localStorage)
  .filter((key) => key.startsWith(own))
  .map((key) => ({ id: key.slice(own.length), ...parsed(localStorage.getItem(key)) }))
  .filter((draft) => draft.text)
  .sort((a, b) => b.at - a.at);

export const draft = (id) => parsed(localStorage.getItem(own + id));
export const forget = (id) => localStorage.removeItem(own + id);

// Returns whether it was kept: a browser may have no room, or allow none.
export function keep(id, text, title) {
  if (!text.trim()) { forget(id); return true; }
  try {
    localStorage.setItem(own + id, JSON.stringify({ text, title, at: Date.now() }));
    for (const old of drafts().slice(MOST)) forget(old.id);
    return true;
  } catch {
    return false;
  }
}

// Calls back with the text of a draft that another tab has changed.
export function changedElsewhere(tell) {
  addEventListener("storage", ({ key, newValue }) => {
    if (key?.startsWith(own) && newValue) tell(key.slice(own.length), parsed(newValue).text ?? "");
  });
}

function parsed(text) {
  try { return JSON.parse(text) ?? {}; } catch { return {}; }
}
