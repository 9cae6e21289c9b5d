// The signed-in user and a sign-out button, in the header of every page.

import { at } from "./root.js";
import { signInPage, signOut, whoIsIt } from "./session.js";

// {user, roles}; null: nobody is signed in; undefined: the server does not answer.
export const account = whoIsIt().catch(() => undefined);

function wayOut() {
  const out = document.createElement("button");
  out.type = "button";
  out.className = "quiet";
  out.textContent = "Sign out";
  out.onclick = async () => {
    await signOut().catch(() => {});
    location.assign(at("/pages/login"));
  };
  return out;
}

function wayIn() {
  const link = document.createElement("a");
  link.href = signInPage();
  link.textContent = "Sign in";
  return link;
}

// Show the user: once when the page opens, and again after a login without a page load.
export async function showAccount(asked = account) {
  const me = await asked;
  if (me === undefined) return;
  const name = document.createElement("strong");
  name.textContent = me === null ? "" : me.user;
  const isLogin = location.pathname === at("/pages/login");
  const shown = me !== null ? [name, " ", wayOut()] : isLogin ? [] : [wayIn()];
  document.getElementById("account").replaceChildren(...shown);
}

showAccount();
