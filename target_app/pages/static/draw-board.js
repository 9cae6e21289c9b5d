// The strokes of a board in the server's order, with our own unconfirmed strokes on top.

export const WIDTH = 1600;
export const HEIGHT = 1000;
const MOST_POINTS_OF_STROKE = 1900;
const MOST_POINTS_OF_MESSAGE = 256;
// Messages that are sent at once, so that much drawing after an outage stays within the server's rate limit.
const MOST_MESSAGES_AT_ONCE = 2;

export class Board {
  epoch = null;
  seq = 0;
  member = 0;
  #strokes = new Map();
  // id -> our own strokes that the server has not confirmed in full. `sent`: the number of points already sent.
  #mine = new Map();

  // Apply a message of the server. Returns false if a change is missing: then ask for the board again.
  take(message, me) {
    if (message.type === "board") return this.#takeBoard(message, me);
    if (message.seq !== this.seq + 1) return message.seq <= this.seq;
    this.seq = message.seq;
    if (message.type === "cleared") {
      this.#strokes.clear();
      this.#mine.clear();
    } else if (message.type === "undone") {
      this.#forget(message.id);
    } else if (message.type === "stroke") {
      this.#put(message);
    } else {
      const stroke = this.#strokes.get(message.id);
      stroke.points.push(...message.points);
      stroke.done = message.done;
      this.#put(stroke);
    }
    return true;
  }

  #takeBoard(message, me) {
    if (message.reset && this.epoch !== null && message.epoch !== this.epoch) this.#bringAlong(me);
    if (message.reset) this.#strokes.clear();
    this.epoch = message.epoch;
    this.seq = message.seq;
    this.member = message.member;
    for (const stroke of message.strokes) {
      if (stroke.undone) this.#forget(stroke.id);
      else this.#put(stroke);
    }
    if (!message.more) for (const [id, own] of this.#mine) own.sent = (this.#strokes.get(id)?.points.length ?? 0) / 2;
    return true;
  }

  // The server has a new board, for example after a restart. Our own strokes are sent to it, under the same ids.
  #bringAlong(me) {
    const drawn = [...this.#strokes.values()].filter((stroke) => stroke.by === me && !this.#mine.has(stroke.id));
    for (const { id, color, width, points } of drawn.sort((one, other) => one.order - other.order)) {
      this.#mine.set(id, { id, color, width, points, sent: 0, done: true, told: false });
    }
  }

  #put(stroke) {
    this.#strokes.set(stroke.id, stroke);
    const own = this.#mine.get(stroke.id);
    if (own !== undefined && own.done && stroke.done && stroke.points.length === own.points.length) this.#mine.delete(stroke.id);
  }

  #forget(id) {
    this.#strokes.delete(id);
    this.#mine.delete(id);
  }

  // All strokes, bottom first. Our unconfirmed strokes are on top, with all points that we know.
  visible() {
    const confirmed = [...this.#strokes.values()].sort((one, other) => one.order - other.order);
    const waiting = [...this.#mine.values()].filter((own) => !this.#strokes.has(own.id));
    return [...confirmed.map((stroke) => this.#longest(stroke)), ...waiting.map((own) => ({ ...own, done: false }))];
  }

  #longest(stroke) {
    const own = this.#mine.get(stroke.id);
    return own !== undefined && own.points.length > stroke.points.length ? { ...stroke, points: own.points, done: false } : stroke;
  }

  // Our own drawing.

  begin(color, width, x, y) {
    const id = crypto.getRandomValues(new Uint32Array(3)).reduce((text, part) => text + part.toString(36), "");
    this.#mine.set(id, { id, color, width, points: [x, y], sent: 0, done: false, told: false });
    return id;
  }

  // The id to continue with: a very long stroke continues as a new one.
  extend(id, x, y) {
    const own = this.#mine.get(id);
    if (own === undefined) return id;
    if (own.points.at(-2) === x && own.points.at(-1) === y) return id;
    if (own.points.length >= 2 * MOST_POINTS_OF_STROKE) {
      this.end(id);
      const next = this.begin(own.color, own.width, own.points.at(-2), own.points.at(-1));
      return this.extend(next, x, y);
    }
    own.points.push(x, y);
    return id;
  }

  end(id) {
    const own = this.#mine.get(id);
    if (own !== undefined) own.done = true;
  }

  get waiting() {
    return this.#mine.size;
  }

  // The server refused the stroke, so it will not be on the board.
  giveUp(id) {
    this.#mine.delete(id);
  }

  // After a lost connection, send everything unconfirmed again. The server takes each point once.
  repeatAll() {
    for (const own of this.#mine.values()) own.told = false;
  }

  // Send what the server does not have yet. `send` returns whether a message was sent.
  sendNews(send) {
    let left = MOST_MESSAGES_AT_ONCE;
    for (const own of this.#mine.values()) {
      while (own.sent * 2 < own.points.length || (own.done && !own.told)) {
        if (left === 0) return;
        left -= 1;
        const points = own.points.slice(own.sent * 2, (own.sent + MOST_POINTS_OF_MESSAGE) * 2);
        const done = own.done && own.sent * 2 + points.length === own.points.length;
        const { id, color, width, sent: at } = own;
        if (!send({ type: "draw", id, at, points, color, width, done })) return;
        own.sent += points.length / 2;
        own.told = done;
      }
    }
  }
}
