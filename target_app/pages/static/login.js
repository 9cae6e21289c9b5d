import { byId } from "./page.js";
import { account } from "./account.js";
import { at } from "./root.js";
import { signIn, whoIsIt } from "./session.js";

const NOT_KEPT = "The password is right, but the browser did not keep the session. Allow cookies for this page, or open it over HTTPS.";

// The page to open after the login: always one of this server, whatever the address says.
function next() {
  const url = new URL(new URLSearchParams(location.search).get("next") ?? at("/"), location.origin);
  return url.origin === location.origin ? url.pathname + url.search : at("/");
}

byId("form").onsubmit = async (event) => {
  event.preventDefault();
  byId("enter").disabled = true;
  byId("problem").textContent = "";
  const problem = await signIn(byId("username").value.trim(), byId("password").value)
    .then(async (refusal) => refusal ?? ((await whoIsIt()) === null ? NOT_KEPT : null))
    .catch(() => "The server does not answer.");
  byId("enter").disabled = false;
  if (problem === null) {
    location.replace(next());
    return;
  }
  byId("problem").textContent = problem;
  byId("password").select();
};

byId("enter").disabled = false;  // before this, the browser itself would send the form

const me = await account;
if (me) {
  byId("status").dataset.state = "connected";
  byId("status").textContent = `Signed in as ${me.user}`;
}
byId("username").focus();
