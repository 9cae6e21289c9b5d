// The administrators' page: asks the server every two seconds, and sends it commands.

import { showAccount } from "./account.js";
import { byId } from "./page.js";
import { at } from "./root.js";
import { whoIsIt } from "./session.js";

const REFRESH_MS = 2000;
let timer = null;

async function call(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  return fetch(at(path), { credentials: "same-origin", cache: "no-store", ...options });
}

function say(state, words) {
  byId("status").dataset.state = state;
  byId("status").textContent = words;
}

async function refresh() {
  clearTimeout(timer);
  let answer;
  try {
    answer = await call("/admin/connections");
  } catch {
    say("disconnected", "The server does not answer, trying again");
  }
  if (answer?.status === 401 || answer?.status === 403) {
    say("idle", answer.status === 403 ? "For administrators only" : "Not signed in");
    byId("login").hidden = false;
    byId("desk").hidden = true;
    byId("name").focus();
    return;
  }
  if (answer?.ok) show((await answer.json()).workers);
  timer = setTimeout(refresh, REFRESH_MS);
}

function show(workers) {
  say("connected", "Up to date");
  byId("login").hidden = true;
  byId("desk").hidden = false;
  const listed = Object.entries(workers);
  byId("workers").replaceChildren(...listed.map(([name, worker]) => card(name, worker)));
  const open = listed.flatMap(([, worker]) => worker.connections);
  const total = listed.reduce((sum, [, worker]) => sum + worker.open, 0);
  byId("open").textContent = total === open.length ? `(${total})` : `(${open.length} of ${total})`;
  fill("connections", open, 9, "Nobody is connected.", connectionRow);
  const ended = listed.flatMap(([, worker]) => worker.ended).sort((a, b) => b.at - a.at);
  fill("ended", ended.slice(0, 100), 6, "No connection has ended yet.", endedRow);
}

// Keep the focus where it is. The table is rebuilt every two seconds, and could not be used by keyboard otherwise.
function fill(id, rows, columns, nothing, rowOf) {
  const body = byId(id);
  const focused = body.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const empty = element("tr", {}, element("td", { className: "nothing", colSpan: columns }, nothing));
  body.replaceChildren(...(rows.length === 0 ? [empty] : rows.map(rowOf)));
  if (focused !== undefined) body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function cells(...values) {
  return values.map((value) => element("td", { className: typeof value === "object" ? "n" : "" }, typeof value === "object" ? value.n : value));
}

const n = (text) => ({ n: String(text) });

function duration(seconds) {
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  if (seconds < 7200) return `${(seconds / 60).toFixed(0)} min`;
  return `${(seconds / 3600).toFixed(0)} h`;
}

function card(name, worker) {
  const drain = element("button", { type: "button", className: "quiet", disabled: worker.draining }, worker.draining ? "Draining" : "Drain");
  drain.onclick = () => ask(`Close all connections of worker ${name}, and accept no new ones?`, "Drain", "/admin/drain", { worker: name });
  return element("li", { className: "card" }, element("p", { className: "lead" }, `Worker ${name}`), element("p", { className: "figure" }, String(worker.open), " ", element("span", { className: "unit" }, "open")), drain);
}

function connectionRow(row) {
  const kick = element("button", { type: "button", className: "quiet" }, "Kick");
  kick.dataset.key = row.id;
  kick.setAttribute("aria-label", `Kick ${row.user ?? "connection"} ${row.id}`);
  kick.onclick = () => ask(`Close connection ${row.id}${row.user ? ` of ${row.user}` : ""}?`, "Kick", "/admin/kick", { connection: row.id });
  const stuck = row.stuck_seconds > 0;
  return element(
    "tr",
    { className: stuck ? "slow" : "" },
    ...cells(row.channel, row.user ?? "–", row.id, n(duration(row.seconds)), n(row.received), n(row.sent), n(`${row.queued_bytes} B`), n(stuck ? duration(row.stuck_seconds) : "–")),
    element("td", {}, kick),
  );
}

function endedRow(row) {
  const when = new Date(row.at * 1000).toLocaleTimeString();
  return element("tr", {}, ...cells(when, row.channel, row.why, n(row.code), row.reason || "–", n(duration(row.seconds))));
}

function ask(question, verb, path, command) {
  const dialog = byId("sure");
  byId("question").textContent = question;
  byId("yes").textContent = verb;
  dialog.onclose = async () => {
    if (dialog.returnValue === "yes") {
      const answer = await call(path, command).catch(() => null);
      if (!answer?.ok) say("disconnected", "The server did not carry out the command");
      else refresh();
    }
  };
  dialog.returnValue = "no";
  dialog.showModal();
}

byId("broadcast").onsubmit = async (event) => {
  event.preventDefault();
  const answer = await call("/admin/broadcast", { text: byId("text").value }).catch(() => null);
  if (answer?.ok) byId("text").value = "";
  say(answer?.ok ? "connected" : "disconnected", answer?.ok ? "Announced" : "The announcement was not sent");
};

byId("login").onsubmit = async (event) => {
  event.preventDefault();
  const answer = await call("/auth/token", { username: byId("name").value, password: byId("password").value, cookie: true }).catch(() => null);
  byId("password").value = "";
  const problems = { 401: "Wrong name or password.", 429: "Too many attempts; wait a minute." };
  const roles = answer?.ok ? (await answer.json()).roles : [];
  if (answer?.ok && !roles.includes("admin")) byId("problem").textContent = "This user is not an administrator.";
  else byId("problem").textContent = answer?.ok ? "" : problems[answer?.status] ?? "The server did not answer.";
  showAccount(whoIsIt());
  refresh();
};

refresh();
