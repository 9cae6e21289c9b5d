// Parts that all pages share: the status line, and a list of messages.

import { Socket } from "./socket.js";

const MOST_ENTRIES = 500;

export const byId = (id) => document.getElementById(id);

// Open a socket, and show its state in the status line of the page.
export function openSocket(path, { onMessage, onConnected = () => {}, onDisconnected = () => {} }) {
  const status = byId("status");
  const retry = byId("retry");
  const socket = new Socket(path, {
    onMessage,
    onState(now) {
      const { state, words } = now;
      status.dataset.state = state;
      status.textContent = words;
      retry.hidden = state !== "disconnected";
      if (state === "connected") onConnected();
      else onDisconnected(now);
    },
  });
  retry.onclick = () => socket.connect();
  return socket;
}

// A form that sends its text field, and keeps the text while it cannot be sent.
export function sendForm(send) {
  const field = byId("text");
  byId("form").onsubmit = (event) => {
    event.preventDefault();
    if (field.value !== "" && send(field.value)) field.value = "";
    field.focus();
  };
}

// Append an entry and scroll to the end, unless the reader has scrolled back to older entries.
export function append(list, kind, text, author = "") {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  const entry = document.createElement("p");
  entry.className = kind;
  if (author !== "") {
    const name = document.createElement("span");
    name.className = "author";
    name.textContent = author;
    entry.append(name, " ");
  }
  const body = document.createElement("span");
  body.className = "body";
  body.textContent = text;
  entry.append(body);
  list.append(entry);
  while (list.childElementCount > MOST_ENTRIES) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
  return entry;
}
