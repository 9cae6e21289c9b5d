// One WebSocket that comes back by itself, and says in words how it is.

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 8000;

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

export class Socket {
  #path;
  #onState;
  #onMessage;
  #socket = null;
  #timer = null;
  #failures = 0;

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
    const socket = new WebSocket(socketUrl(this.#path));
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#failures = 0;
      this.#tell("connected", "Connected");
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

  #tell(state, words, final = false) {
    this.#onState({ state, words, final });
  }
}
