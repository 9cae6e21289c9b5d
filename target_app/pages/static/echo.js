// The three kinds of data that the page can send: text, JSON (which is text) and binary.

import { append, byId, openSocket, sendForm } from "./page.js";

const log = byId("log");
const button = byId("send");

const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

// Bytes from pairs of hexadecimal digits. Throws if the text has anything else.
function bytesOf(text) {
  const digits = text.replaceAll(/\s/g, "");
  if (!/^([0-9a-f]{2})+$/i.test(digits)) throw new Error("Write bytes as hexadecimal digits, such as 00 ff 10");
  return Uint8Array.from(digits.match(/../g), (pair) => parseInt(pair, 16));
}

function jsonOf(text) {
  try {
    JSON.parse(text);
  } catch (problem) {
    throw new Error(`Not JSON: ${problem.message}`);
  }
  return text;
}

const KINDS = {
  text: { path: "/ws", encode: (text) => text, about: "A text T comes back as: Message received: T" },
  json: { path: "/echo/json", encode: jsonOf, about: 'A JSON value comes back as {"received": value}, as it was written.' },
  binary: { path: "/ws", encode: bytesOf, about: "Bytes, written in hexadecimal, come back unchanged." },
};

let kind = KINDS[byId("kind").value];
let socket = open();

function open() {
  return openSocket(kind.path, {
    onMessage: (data) => append(log, "theirs", typeof data === "string" ? data : hex(new Uint8Array(data))),
    onConnected: () => (button.disabled = false),
    onDisconnected: () => (button.disabled = true),
  });
}

byId("kind").onchange = () => {
  const before = kind;
  kind = KINDS[byId("kind").value];
  byId("about").textContent = kind.about;
  byId("problem").textContent = "";
  if (kind.path === before.path) return;
  socket.leave();
  socket = open();
};

sendForm((text) => {
  byId("problem").textContent = "";
  try {
    const data = kind.encode(text);
    const sent = socket.send(data);
    if (sent) append(log, "mine", data instanceof Uint8Array ? hex(data) : text);
    return sent;
  } catch (problem) {
    byId("problem").textContent = problem.message;
    return false;
  }
});
byId("text").focus();
