// A WebSocket that reconnects by itself, and describes its state in words.

import { FallbackSocket, isOffered } from "./fallback.js";
import { at } from "./root.js";

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 8000;
const OPENING_TIMEOUT_MS = 10000;

// After so many WebSockets in a row that did not open although the server answers, something on the way blocks them.
const MOST_REFUSALS = 2;
const BLOCKED = "WebSockets are blocked on the way here, and this page needs them. Trying again";

// Close codes after which the same attempt can only end in the same way.
const FINAL_CODES = new Map([
  [1003, "the server does not take this kind of message"],
  [1007, "the message was not valid text"],
  [1008, "the server does not accept this connection"],
  [1009, "the message was too long"],
  [4001, "your session has expired"],
  [4002, "you are not signed in"],
  [4003, "you are connected in another place"],
  [4004, "an administrator sent you away"],
  [4005, "this page is too old or too new for the server"],
  [4007, "the server did not understand this page"],
]);

// ws: for a page from http:, wss: for one from https:, on the host and port of the page.
function socketUrl(path) {
  const url = new URL(at(path), location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  return url;
}

// Close reasons that say more than their close code.
const REASONS = new Map([
  ["logged_out", "you have signed out"],
  ["invalid_token", "your session is not valid any more"],
  ["token_expired", "your session has expired"],
  ["rate_limited", "too many messages"],
]);

// Reasons for which the server closes right after the handshake. A later attempt may succeed.
const TEMPORARY = new Map([
  ["too_many_connections", "the server is full"],
  ["too_many_connections_of_address", "there are too many connections from your address"],
  ["too_many_connections_of_user", "you have too many connections"],
  ["history_unavailable", "the server cannot store anything just now"],
]);

// Reasons for which the server refuses a handshake. A browser does not tell them to a page, so the page asks.
const REFUSALS = new Map([
  ["origin", () => `the server takes no connections from pages of ${location.origin}`],
  ["host", () => `the server does not go by the name ${location.hostname}`],
  ["handshakes", () => "there were too many connections from your address within a minute"],
  ["draining", () => "the server is stopping"],
]);

// Full jitter: a random delay from zero to the back-off, so that many pages do not return at once after a restart.
function delayMs(failures) {
  return Math.random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
}

// {letIn, why}: whether the server would accept a handshake of this page, and if not, why, in words.
async function askWhy() {
  const answer = await fetch(at("/handshake"), { method: "POST", cache: "no-store" }).catch(() => null);
  return { letIn: answer?.ok === true, why: REFUSALS.get(answer?.headers.get("x-refused"))?.() };
}

export class Socket {
  #path;
  #onState;
  #onMessage;
  #socket = null;
  #timer = null;
  #failures = 0;
  #refusals = 0;
  #announcedDelayMs = null;
  #left = false;

  // onState({state, words, final, code}); onMessage(text, or an ArrayBuffer). state: connecting, connected or disconnected.
  constructor(path, { onState, onMessage }) {
    this.#path = path;
    this.#onState = onState;
    this.#onMessage = onMessage;
    addEventListener("online", () => this.connect());
    this.connect();
  }

  // Connect now, unless there is a connection or an attempt already.
  connect() {
    if (this.#socket !== null || this.#left) return;
    clearTimeout(this.#timer);
    this.#tell("connecting", "Connecting…");
    const socket = this.#open();
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#failures = 0;
      this.#tell("connected", socket instanceof WebSocket ? "Connected" : "Connected over HTTP: WebSockets are blocked");
    };
    socket.onmessage = (event) => this.#onMessage(event.data);
    socket.onclose = (event) => this.#closed(event.code, event.reason);
  }

  // The server has announced a close, and when to come back.
  comeBackAfter(milliseconds) {
    this.#announcedDelayMs = milliseconds;
  }

  // Close, and do not reconnect: another socket takes its place.
  leave() {
    this.#left = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  // Reconnect: an unexpected message has come.
  restart() {
    this.#socket?.close();
  }

  // Never throws. Returns false if there is no connection: nothing was sent, so keep the message.
  send(data) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(data);
    return true;
  }

  #closed(code, reason) {
    this.#socket = null;
    if (this.#left) return;
    const why = FINAL_CODES.has(code) ? (REASONS.get(reason) ?? FINAL_CODES.get(code)) : undefined;
    if (why !== undefined) {
      this.#tell("disconnected", `Disconnected: ${why}`, true, code);
      return;
    }
    const words = TEMPORARY.has(reason) ? `Disconnected: ${TEMPORARY.get(reason)}. Trying again` : "Disconnected, trying again";
    this.#tell("disconnected", this.#isBlocked() ? BLOCKED : words, false, code);
    this.#timer = setTimeout(() => this.connect(), this.#announcedDelayMs ?? delayMs(this.#failures));
    this.#announcedDelayMs = null;
    this.#failures += 1;
  }

  // Whether WebSockets are blocked, and the channel has no fallback.
  #isBlocked() {
    return this.#refusals >= MOST_REFUSALS && !isOffered(this.#path);
  }

  // A WebSocket, or its fallback if WebSockets are blocked. After the fallback has ended, WebSockets are tried again.
  #open() {
    if (this.#refusals >= MOST_REFUSALS && isOffered(this.#path)) {
      this.#refusals = 0;
      return new FallbackSocket(this.#path);
    }
    const socket = new WebSocket(socketUrl(this.#path));
    const giveUp = setTimeout(() => socket.close(), OPENING_TIMEOUT_MS);
    let opened = false;
    socket.addEventListener("open", () => {
      clearTimeout(giveUp);
      opened = true;
      this.#refusals = 0;
    });
    socket.addEventListener("close", async () => {
      clearTimeout(giveUp);
      if (opened) return;
      const { letIn, why } = await askWhy();
      if (letIn) this.#refusals += 1;
      if (why !== undefined && this.#socket === null && !this.#left) this.#tell("disconnected", `Disconnected: ${why}. Trying again`);
    });
    return socket;
  }

  #tell(state, words, final = false, code = null) {
    this.#onState({ state, words, final, code });
  }
}
