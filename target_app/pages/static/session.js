// Who is signed in. The token is in a cookie that no script can read; the server says whose it is.

async function ask(path, body) {
  const options = { method: body === undefined ? "GET" : "POST", cache: "no-store" };
  if (body !== undefined) Object.assign(options, { headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  return fetch(`/auth/${path}`, options);
}

// {user, roles}, or null when nobody is signed in. Throws when the server does not answer.
export async function whoIsIt() {
  const answer = await ask("me");
  return answer.ok ? answer.json() : null;
}

// null, or in words why not.
export async function signIn(username, password) {
  const answer = await ask("token", { username, password, cookie: true });
  if (answer.ok) return null;
  if (answer.status === 429) return "Too many wrong passwords. Wait a minute and try again.";
  if (answer.status === 503) return "Too many people are signing in. Wait a moment and try again.";
  return "This name and password do not go together.";
}

// Ends the session everywhere: all sockets of this user are closed.
export async function signOut() {
  await ask("logout", {});
}

// A newer token for an open socket; the cookie gets it too. null: the session is over.
export async function newerToken() {
  const answer = await ask("refresh", {});
  return answer.ok ? (await answer.json()).access_token : null;
}

export function signInPage() {
  return `/pages/login?next=${encodeURIComponent(location.pathname + location.search)}`;
}
