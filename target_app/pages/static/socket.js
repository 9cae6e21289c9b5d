// One WebSocket that comes back by itself, and says in words how it is.

import { FallbackSocket, isOffered } from "./fallback.js";

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 8000;
const OPENING_TIMEOUT_MS = 10000;

// WebSockets in a row that did not open although the server is there, after which something on the way blocks them.
const MOST_REFUSALS = 2;
const BLOCKED = "WebSockets are blocked on the way here, and this page cannot do without. Trying again";

// Close codes after which trying the same again can only end the same way.
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

// ws: for a page from http:, wss: for one from https:, on the host and port that the page itself came from.
function socketUrl(path) {
  const url = new URL(path, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  return url;
}

// Reasons that say it better than their close code.
const REASONS = new Map([
  ["logged_out", "you have signed out"],
  ["invalid_token", "your session is not valid any more"],
  ["token_expired", "your session has expired"],
  ["rate_limited", "too many messages"],
]);

// Why the server let this page in, and then did not keep it: it may be worth trying again.
const TEMPORARY = new Map([
  ["too_many_connections", "the server is full"],
  ["too_many_connections_of_address", "there are too many connections from your address"],
  ["too_many_connections_of_user", "you have too many connections"],
  ["history_unavailable", "the server cannot store anything just now"],
]);

// Why a handshake is refused, in the server's word for it. A browser does not tell a page, so the page asks.
const REFUSALS = new Map([
  ["origin", () => `the server takes no connections from pages of ${location.origin}`],
  ["host", () => `the server does not go by the name ${location.hostname}`],
  ["handshakes", () => "there were too many connections from your address within a minute"],
  ["draining", () => "the server is stopping"],
]);

// Full jitter: anything from nothing to the back-off, so that many pages do not return in step after a restart.
function delayMs(failures) {
  return Math.random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
}

// {letIn, why}: whether a handshake of this page would be let in, and in words why not, if the server says so.
async function askWhy() {
  const answer = await fetch("/handshake", { method: "POST", cache: "no-store" }).catch(() => null);
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

  // Try now, unless there is a connection or an attempt already.
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

  // The server is about to close, and has said when to come back.
  comeBackAfter(milliseconds) {
    this.#announcedDelayMs = milliseconds;
  }

  // Not to come back, not even by itself: another socket takes its place.
  leave() {
    this.#left = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  // Begin anew: what came is not what should have come.
  restart() {
    this.#socket?.close();
  }

  // Never throws. False: not connected, nothing was sent, keep it.
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

  // Whether something lets no WebSocket through, and this channel comes in no other way.
  #isBlocked() {
    return this.#refusals >= MOST_REFUSALS && !isOffered(this.#path);
  }

  // A WebSocket, or where these are blocked, what stands in for it. After that has ended, WebSockets get their chance.
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
