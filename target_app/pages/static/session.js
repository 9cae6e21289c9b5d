// The signed-in user. The token is in a cookie that no script can read, so the server is asked whose it is.

import { at } from "./root.js";

async function ask(path, body) {
  const options = { method: body === undefined ? "GET" : "POST", cache: "no-store" };
  if (body !== undefined) Object.assign(options, { headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  return fetch(at(`/auth/${path}`), options);
}

// {user, roles}, or null if nobody is signed in. Throws if the server does not answer.
export async function whoIsIt() {
  const answer = await ask("me");
  return answer.ok ? answer.json() : null;
}

// null, or the reason why not, in words.
export async function signIn(username, password) {
  const answer = await ask("token", { username, password, cookie: true });
  if (answer.ok) return null;
  if (answer.status === 429) return "Too many wrong passwords. Wait a minute and try again.";
  if (answer.status === 503) return "Too many people are signing in. Wait a moment and try again.";
  return "This name and password do not go together.";
}

// Ends the session everywhere: the server closes all sockets of this user.
export async function signOut() {
  await ask("logout", {});
}

// A newer token for an open socket. The cookie gets it as well. null: the session is over.
export async function newerToken() {
  const answer = await ask("refresh", {});
  return answer.ok ? (await answer.json()).access_token : null;
}

export function signInPage() {
  return at(`/pages/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}
