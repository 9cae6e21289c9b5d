import { append, byId, sendForm } from "./page.js";
import { openMemberSocket } from "./member.js";
import { at } from "./root.js";

const TYPING_SHOWN_MS = 4000;
const TYPING_TOLD_MS = 2000;

const name = new URLSearchParams(location.search).get("room") ?? "lobby";
const log = byId("log");
let me = null;
// The last message that we have received: after a reconnect we continue from there.
let cursor = null;
// Messages that we have sent and the server has not confirmed, oldest first: id -> {message, entry}. Sent again after a reconnect.
const unconfirmed = new Map();
// User who is typing -> the timer that ends the note about it.
const typing = new Map();
let present = false;
let missed = 0;
let toldTyping = 0;

byId("name").textContent = name;
document.title = `${name} · Rooms · Reference server`;

const socket = openMemberSocket(`/rooms/${encodeURIComponent(name)}`, {
  onMessage: take,
  onDisconnected() {
    present = false;
    typing.clear();
    showTyping();
  },
});
const send = (message) => socket.send(JSON.stringify(message));

function take(message) {
  switch (message.type) {
    case "welcome":
      me = message.user;
      send(cursor?.seq == null ? { type: "join" } : { type: "join", epoch: cursor.epoch, seq: cursor.seq });
      break;
    case "joined":
      joined(message);
      break;
    case "said":
    case "told":
    case "passed":
      heard(message);
      break;
    case "members":
      entered(message.users);
      break;
    case "presence":
      cameOrWent(message);
      break;
    case "typing":
      if (message.user !== me) types(message.user);
      break;
    case "ack":
      confirm(message.id);
      if (message.present === false) append(log, "notice", "That user is not in the room now, and will read it later.");
      break;
    case "error":
      failed(message);
      break;
  }
}

function joined({ epoch, recovered, seq }) {
  if (recovered === false) {
    log.replaceChildren(...[...unconfirmed.values()].map(({ entry }) => entry));
    append(log, "notice", "You were away too long for everything to be kept. These are the latest messages.");
  }
  missed = 0;
  // Without a cursor the first message sets it: there may be older messages that we do not get.
  if (recovered !== true) cursor = { epoch, seq: null, head: seq };
}

function heard(message) {
  if (cursor.seq !== null && message.seq !== cursor.seq + 1) {
    // A gap, which should never happen: reconnect with the cursor, and get what is missing.
    if (message.seq > cursor.seq) socket.restart();
    return;
  }
  cursor = { epoch: cursor.epoch, seq: message.seq };
  if (message.type === "passed") return;
  if (!present) missed += 1;
  typing.delete(message.user);
  showTyping();
  if (message.user === me && unconfirmed.has(message.id)) {
    const { entry } = unconfirmed.get(message.id);
    confirm(message.id);
    log.append(entry);
    log.scrollTop = log.scrollHeight;
    return;
  }
  const direct = message.type === "told";
  const author = message.user === me ? (direct ? `to ${message.to}` : "") : direct ? `${message.user}, to you alone` : message.user;
  const entry = append(log, message.user === me ? "mine" : "theirs", message.text, author);
  entry.classList.toggle("placed", message.user === me);
  entry.classList.toggle("direct", direct);
  entry.dataset.seq = message.seq;
}

// Everything that was missed has arrived. From now on messages are new.
function entered(users) {
  if (cursor.seq === null) cursor = { epoch: cursor.epoch, seq: cursor.head };
  if (!present && log.dataset.before !== undefined) {
    append(log, "notice", missed === 0 ? "Back again. There were no new messages." : `Back again. New messages while you were away: ${missed}.`);
  }
  log.dataset.before = "";
  present = true;
  showMembers(users);
  for (const { message } of unconfirmed.values()) send(message);
}

function cameOrWent({ event, user }) {
  const users = [...byId("members").children].map((item) => item.dataset.user).filter((other) => other !== user);
  if (event === "join") users.push(user);
  showMembers(users.sort());
  if (user !== me) append(log, "notice", `${user} ${event === "join" ? "came" : "left"}`);
  typing.delete(user);
  showTyping();
}

function showMembers(users) {
  byId("members").replaceChildren(
    ...users.map((user) => {
      const item = document.createElement("li");
      item.dataset.user = user;
      item.textContent = user === me ? `${user} (you)` : user;
      return item;
    }),
  );
  const to = byId("to");
  const chosen = to.value;
  const names = new Set([...users, chosen].filter((user) => user !== me && user !== ""));
  to.replaceChildren(new Option("to all", ""), ...[...names].map((user) => new Option(`to ${user} alone`, user)));
  to.value = chosen;
}

function types(user) {
  clearTimeout(typing.get(user));
  typing.set(user, setTimeout(() => (typing.delete(user), showTyping()), TYPING_SHOWN_MS));
  showTyping();
}

function showTyping() {
  const users = [...typing.keys()];
  byId("typing").textContent = users.length === 0 ? "" : `${users.join(", ")} ${users.length === 1 ? "is" : "are"} typing…`;
}

function confirm(id) {
  const waiting = unconfirmed.get(id);
  waiting?.entry.classList.add("placed");
  unconfirmed.delete(id);
}

function failed({ code, ref, text, retry_after_ms: wait }) {
  const waiting = unconfirmed.get(ref);
  if (wait !== undefined) {
    setTimeout(() => present && unconfirmed.forEach(({ message }) => send(message)), wait);
    return;
  }
  waiting?.entry.classList.add("failed");
  unconfirmed.delete(ref);
  append(log, "notice", code === "invalid" && ref === undefined ? "The server did not understand this page." : text);
}

sendForm((text) => {
  const to = byId("to").value;
  const id = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  const message = to === "" ? { type: "say", id, text } : { type: "tell", id, to, text };
  const entry = append(log, "mine", text, to === "" ? "" : `to ${to}`);
  entry.classList.toggle("direct", to !== "");
  unconfirmed.set(id, { message, entry });
  if (present) send(message);
  toldTyping = 0;
  return true;
});

byId("text").oninput = () => {
  const now = performance.now();
  if (!present || byId("text").value === "" || (toldTyping !== 0 && now - toldTyping < TYPING_TOLD_MS)) return;
  toldTyping = now;
  send({ type: "typing" });
};

byId("elsewhere").onsubmit = (event) => {
  event.preventDefault();
  location.assign(at("/pages/rooms") + `?room=${encodeURIComponent(byId("room-name").value.trim())}`);
};
byId("text").focus();
