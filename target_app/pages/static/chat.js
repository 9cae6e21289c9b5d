import { append, byId, openSocket, sendForm } from "./page.js";

const SAID = /^Client #(.*?) says: ([^]*)$/;
const LEFT = /^Client #(.*) left the chat$/;

const log = byId("log");
const nameField = byId("name");
let socket = null;
nameField.value = new URLSearchParams(location.search).get("id") ?? `guest-${Math.floor(Math.random() * 9000) + 1000}`;

byId("join").onsubmit = (event) => {
  event.preventDefault();
  const id = nameField.value.trim();
  if (id === "") return;
  byId("join").hidden = true;
  byId("room").hidden = false;
  byId("me").textContent = id;
  enter(id);
  byId("text").focus();
};
nameField.focus();
nameField.select();

function enter(id) {
  // Messages that we have sent and the room has not repeated yet, oldest first.
  let unplaced = [];
  let gone = false;

  socket?.leave();
  socket = openSocket(`/ws/${encodeURIComponent(id)}`, {
    onMessage: show,
    onConnected() {
      byId("send").disabled = false;
      unplaced = [];
      if (gone) append(log, "notice", "Connected again. This chat keeps no messages: you have missed what others wrote meanwhile.");
    },
    onDisconnected({ state, final }) {
      byId("send").disabled = true;
      gone ||= state === "disconnected";
      byId("join").hidden = !final; // perhaps the server takes another id
    },
  });
  sendForm((text) => socket.send(text));

  function show(text) {
    if (text.startsWith("You: ")) {
      const said = text.slice("You: ".length);
      unplaced.push({ said, entry: append(log, "mine", said) });
      return;
    }
    const [, author, said] = SAID.exec(text) ?? [];
    if (author === id && unplaced[0]?.said === said) {
      // Our own message, as all members receive it: it moves to its place in the common order.
      const { entry } = unplaced.shift();
      entry.classList.add("placed");
      log.append(entry);
      return;
    }
    if (author !== undefined) append(log, "theirs", said, author);
    else if (LEFT.test(text)) append(log, "notice", `${LEFT.exec(text)[1]} left`);
    else append(log, "notice", text);
  }
}
