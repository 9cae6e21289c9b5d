import { byId } from "./page.js";
import { openMemberSocket } from "./member.js";

const MARKS = { info: "Info", success: "Done", warning: "Warning", critical: "Critical" };

const list = byId("alerts");
let welcomed = false;
// Messages that we have sent and the server has not confirmed: id -> message. Sent again after a reconnect.
const unconfirmed = new Map();

const socket = openMemberSocket("/notifications", {
  onMessage: take,
  onDisconnected() {
    welcomed = false;
    byId("send").disabled = true;
  },
});
const send = (message) => socket.send(JSON.stringify(message));

function take(message) {
  switch (message.type) {
    case "welcome":
      byId("to-admins").hidden = byId("to-admins").disabled = !message.roles.includes("admin");
      break;
    case "unread":
      list.replaceChildren();
      message.alerts.forEach(show);
      welcomed = true;
      byId("send").disabled = false;
      for (const waiting of unconfirmed.values()) send(waiting);
      break;
    case "alert":
      show(message);
      break;
    case "acknowledged":
      document.getElementById(nameOf(message))?.remove();
      break;
    case "sent":
      unconfirmed.delete(message.id);
      say("Sent.", true);
      break;
    case "error":
      unconfirmed.delete(message.ref);
      say(message.text);
      break;
  }
  count();
}

const nameOf = ({ to, seq }) => `${to}-${seq}`;

function show(alert) {
  if (document.getElementById(nameOf(alert)) !== null) return;
  const item = document.createElement("li");
  item.id = nameOf(alert);
  item.className = alert.level;
  const level = document.createElement("strong");
  level.textContent = MARKS[alert.level];
  const text = document.createElement("p");
  text.className = "body";
  text.textContent = alert.text;
  const from = document.createElement("p");
  from.className = "from";
  const at = document.createElement("time");
  at.dateTime = new Date(alert.at * 1000).toISOString();
  at.textContent = new Date(alert.at * 1000).toLocaleString();
  from.append(alert.to === "admins" ? `${alert.sender}, to all administrators, ` : `${alert.sender}, `, at);
  const read = document.createElement("button");
  read.type = "button";
  read.className = "quiet";
  read.textContent = "Acknowledge";
  read.setAttribute("aria-label", `Acknowledge: ${alert.text.slice(0, 60)}`);
  read.onclick = () => {
    const next = (item.nextElementSibling ?? item.previousElementSibling)?.querySelector("button");
    if (send({ type: "acknowledge", to: alert.to, seq: alert.seq })) (next ?? byId("text")).focus();
  };
  item.append(level, text, from, read);
  list.prepend(item);
}

function count() {
  const unread = list.childElementCount;
  byId("count").textContent = unread === 0 ? "Nothing is unread." : `${unread} unread.`;
  document.title = `${unread === 0 ? "" : `(${unread}) `}Alerts · Reference server`;
}

function say(text, good = false) {
  byId("problem").textContent = text;
  byId("problem").toggleAttribute("data-good", good);
}

byId("to").onchange = () => {
  const named = byId("to").value === "user";
  byId("user").hidden = byId("user-label").hidden = !named;
  byId("user").required = named;
};

byId("form").onsubmit = (event) => {
  event.preventDefault();
  if (!welcomed) return;
  const to = byId("to").value;
  const id = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  const message = { type: "send", id, to, level: byId("level").value, text: byId("text").value };
  if (to === "user") message.user = byId("user").value.trim();
  unconfirmed.set(id, message);
  send(message);
  byId("text").value = "";
};
