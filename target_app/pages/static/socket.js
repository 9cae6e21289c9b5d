// One WebSocket that comes back by itself, and says in words how it is.

import { FallbackSocket, isOffered } from "./fallback.js";

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 8000;
const OPENING_TIMEOUT_MS = 10000;

// WebSockets in a row that did not open although the server is there, after which something on the way blocks them.
const MOST_REFUSALS = 2;

// Close codes after which trying the same again can only end the same way.
const FINAL_CODES = new Map([
  [1003, "the server does not take this kind of message"],
  [1007, "the message was not valid text"],
  [1008, "the server does not accept this connection"],
  [1009, "the message was too long"],
]);

// ws: for a page from http:, wss: for one from https:, on the host and port that the page itself came from.
function socketUrl(path) {
  const url = new URL(path, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  return url;
}

// Full jitter: anything from nothing to the back-off, so that many pages do not return in step after a restart.
function delayMs(failures) {
  return Math.random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
}

async function serverIsReady() {
  const answer = await fetch("/readyz", { cache: "no-store" }).catch(() => null);
  return answer?.ok === true;
}

export class Socket {
  #path;
  #onState;
  #onMessage;
  #socket = null;
  #timer = null;
  #failures = 0;
  #refusals = 0;

  // onState({state, words, final}); onMessage(text, or an ArrayBuffer). state: connecting, connected or disconnected.
  constructor(path, { onState, onMessage }) {
    this.#path = path;
    this.#onState = onState;
    this.#onMessage = onMessage;
    addEventListener("online", () => this.connect());
    this.connect();
  }

  // Try now, unless there is a connection or an attempt already.
  connect() {
    if (this.#socket !== null) return;
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
    socket.onclose = (event) => this.#closed(event.code);
  }

  // Never throws. False: not connected, nothing was sent, keep it.
  send(data) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(data);
    return true;
  }

  #closed(code) {
    this.#socket = null;
    const why = FINAL_CODES.get(code);
    if (why !== undefined) {
      this.#tell("disconnected", `Disconnected: ${why}`, true);
      return;
    }
    this.#tell("disconnected", "Disconnected, trying again");
    this.#timer = setTimeout(() => this.connect(), delayMs(this.#failures));
    this.#failures += 1;
  }

  // A WebSocket, or where these are blocked, what stands in for it. After that has ended, a WebSocket gets its chance.
  #open() {
    if (this.#refusals >= MOST_REFUSALS && isOffered(this.#path)) {
      this.#refusals = MOST_REFUSALS - 1;
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
      if (!opened && (await serverIsReady())) this.#refusals += 1;
    });
    return socket;
  }

  #tell(state, words, final = false) {
    this.#onState({ state, words, final });
  }
}
