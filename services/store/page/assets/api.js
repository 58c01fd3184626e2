// api: asking the store. The token, if one is needed, lives in this tab alone.

const PATIENCE_MS = 8000;
const KEY = 'telefact-token';

export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

export const hasToken = () => sessionStorage.getItem(KEY) !== null;
export const setToken = (token) => sessionStorage.setItem(KEY, token);
export const forgetToken = () => sessionStorage.removeItem(KEY);

async function why(response) {
  try {
    return (await response.json()).error;
  } catch {
    return `HTTP ${response.status}`;
  }
}

/** The answer to /api/v1/<name>.json. Throws Refused with the store's words, or what fetch throws. */
export async function ask(name, query = {}) {
  const token = sessionStorage.getItem(KEY);
  const given = new URLSearchParams(query).toString();
  const response = await fetch(`api/v1/${name}.json${given && `?${given}`}`, {
    headers: token === null ? {} : { Authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(PATIENCE_MS),
    cache: 'no-store',
    credentials: 'same-origin',
    referrerPolicy: 'no-referrer',
  });
  if (!response.ok) throw new Refused(response.status, await why(response));
  return response.json();
}
