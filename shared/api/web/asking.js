// What the page asks the app for. The key stands in this tab's own storage, and in a header: never in an address.

const KEY = "sluice-key";
const BASE = new URL("../", import.meta.url);
const SECONDS = 150;

export class AskError extends Error {
  constructor(status, message) {
    super(message);
    // 0: nothing answers.
    this.status = status;
  }

  // Whether another key would do.
  get isRefusal() {
    return this.status === 401 || this.status === 403;
  }
}

export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

// Returns the answer's JSON; throws AskError.
export async function ask(path, { body, as = key.get() } = {}) {
  const headers = { Accept: "application/json" };
  if (as) headers["x-functions-key"] = as;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  let text;
  try {
    answer = await fetch(new URL(path, BASE), {
      method: body === undefined ? "GET" : "POST",
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(SECONDS * 1000),
    });
    text = await answer.text();
  } catch {
    throw new AskError(0, "The app can't be reached.");
  }
  const found = parsed(text);
  if (!answer.ok || found === undefined) throw new AskError(answer.status, refusal(answer.status, found));
  return found;
}

// Who is signed in, where the platform knows; undefined where there is no sign-in.
export async function signedIn() {
  try {
    const answer = await fetch("/.auth/me", { cache: "no-store", redirect: "error" });
    if (answer.status === 404) return undefined;
    const found = answer.ok ? parsed(await answer.text()) : [];
    return Array.isArray(found) ? { name: found[0]?.user_id ?? null } : undefined;
  } catch {
    return undefined;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(status, found) {
  if (typeof found?.error === "string") return found.error;
  if (status === 401 || status === 403) return "This key doesn't open it.";
  return `The app answers ${status}; its log says why.`;
}
