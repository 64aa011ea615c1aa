// What the page asks the service.

const body = document.body;
export const ASKED_AGAIN_MS = 3000; // of a service that does not answer
export const prefix = body.dataset.prefix; // the path at which a proxy serves this, or nothing

export async function ask(method, path, content, key) {
  const headers = { "X-CSRF-Token": body.dataset.csrf };
  if (content !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  let response;
  try {
    response = await fetch(`${prefix}/api/v1/${path}`, { method, headers, body: content === undefined ? undefined : JSON.stringify(content) });
  } catch {
    throw Object.assign(new Error(gettext("The service does not answer. What you wrote is kept in this browser: look again in a moment.")), { unreachable: true });
  }
  if (response.headers.get("content-type")?.includes("json") === false) return response.text();
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.detail), { problems: answer.problems ?? [], status: response.status });
  return answer;
}

export const newKey = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;

// Checks: the same as everywhere, a moment after the last edit; only the newest answer counts.
export function checking(store, after = 400) {
  let timer = null, newest = 0, seen = null;
  const check = async () => {
    const mine = ++newest, text = store.text;
    let found;
    try {
      found = { state: "valid", problems: [], preview: await ask("POST", "campaigns/validate", { file: text }) };
    } catch (error) {
      const problems = error.problems?.length ? error.problems : [{ message: error.message, key: "", line: null, expected: "" }];
      found = { state: error.unreachable ? "unreachable" : "wrong", problems, preview: store.preview };
    }
    if (mine !== newest) return;
    Object.assign(store, found);
    store.tell();
    if (found.state === "unreachable") timer = setTimeout(check, ASKED_AGAIN_MS);
  };
  return () => {
    if (store.text === seen) return;
    seen = store.text;
    clearTimeout(timer);
    newest++;
    if (!store.text.trim()) { Object.assign(store, { state: "empty", problems: [], preview: null }); return; }
    store.state = "checking";
    timer = setTimeout(check, after);
  };
}
