import { append, byId, openSocket, sendForm } from "./page.js";

const log = byId("log");
const button = byId("send");

const socket = openSocket("/ws", {
  onMessage: (text) => append(log, "theirs", text),
  onConnected: () => (button.disabled = false),
  onDisconnected: () => (button.disabled = true),
});

sendForm((text) => {
  const sent = socket.send(text);
  if (sent) append(log, "mine", text);
  return sent;
});
byId("text").focus();
