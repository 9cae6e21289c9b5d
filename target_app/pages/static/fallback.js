// Has the interface of a WebSocket, but receives events (SSE) and sends POST requests, for networks in which proxies
// block WebSockets. The messages are the same: see fallback.py.

import { at } from "./root.js";

const OFFERED = /^\/(dashboard-feed$|notifications$|rooms\/)/;
const GONE = 1006;

export const isOffered = (path) => OFFERED.test(new URL(path, location.href).pathname);

export class FallbackSocket {
  readyState = WebSocket.CONNECTING;
  onopen = null;
  onmessage = null;
  onclose = null;
  #events;
  #session = null;
  #unsent = [];
  #posting = false;

  constructor(path) {
    this.#events = new EventSource(new URL(at(`/fallback${path}`), location.href));
    this.#events.addEventListener("session", (event) => {
      this.#session = event.data;
      this.readyState = WebSocket.OPEN;
      this.onopen?.({});
    });
    this.#events.addEventListener("closed", (event) => this.#closed(JSON.parse(event.data)));
    this.#events.onmessage = (event) => this.onmessage?.({ data: event.data });
    // An EventSource would reconnect by itself, but the user of this class has its own back-off.
    this.#events.onerror = () => this.#closed({ code: GONE, reason: "" });
  }

  send(text) {
    this.#unsent.push(text);
    if (!this.#posting) this.#post();
  }

  close(code = 1000, reason = "") {
    this.#closed({ code, reason });
  }

  // One request at a time, so that messages arrive in the order in which they were sent.
  async #post() {
    this.#posting = true;
    while (this.#unsent.length > 0 && this.readyState === WebSocket.OPEN) {
      const answer = await fetch(at(this.#session), { method: "POST", body: this.#unsent[0] }).catch(() => null);
      if (answer?.ok) this.#unsent.shift();
      else if (answer?.status === 429) await new Promise((later) => setTimeout(later, 1000));
      else this.#closed({ code: answer?.status === 413 ? 1009 : GONE, reason: "" });
    }
    this.#posting = false;
  }

  #closed({ code, reason }) {
    if (this.readyState === WebSocket.CLOSED) return;
    this.readyState = WebSocket.CLOSED;
    this.#events.close();
    this.onclose?.({ code, reason, wasClean: code !== GONE });
  }
}
