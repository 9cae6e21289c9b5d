// The pens of the other users over the paper, each with its user's name, and our own pen if the keyboard moves it.

import { HEIGHT, WIDTH } from "./draw-board.js";

export class Cursors {
  #stage;
  #names = new Map();
  #marks = new Map();
  #own = mark("own");

  constructor(stage) {
    this.#stage = stage;
  }

  name(members) {
    this.#names = new Map(members.map(({ member, user }) => [member, user]));
  }

  // A frame: u8 1, then u16 member, u16 x, u16 y for each pen. Pens that are missing in it are not over the paper.
  move(buffer, self) {
    const bytes = new DataView(buffer);
    const seen = new Set();
    for (let at = 1; at + 6 <= bytes.byteLength; at += 6) {
      const member = bytes.getUint16(at);
      if (member === self) continue;
      seen.add(member);
      if (!this.#marks.has(member)) this.#marks.set(member, mark(""));
      const element = this.#marks.get(member);
      element.textContent = this.#names.get(member) ?? "";
      element.style.setProperty("--hue", (member * 137) % 360);
      this.#put(element, bytes.getUint16(at + 2), bytes.getUint16(at + 4));
    }
    for (const [member, element] of this.#marks) {
      if (seen.has(member)) continue;
      element.remove();
      this.#marks.delete(member);
    }
  }

  showOwn(pen, isDown) {
    if (pen === null) return this.#own.remove();
    this.#own.classList.toggle("down", isDown);
    this.#put(this.#own, pen.x, pen.y);
  }

  clear() {
    for (const element of this.#marks.values()) element.remove();
    this.#marks.clear();
  }

  #put(element, x, y) {
    element.style.left = `${(x / WIDTH) * 100}%`;
    element.style.top = `${(y / HEIGHT) * 100}%`;
    if (!element.isConnected) this.#stage.append(element);
  }
}

function mark(kind) {
  const element = document.createElement("span");
  element.className = `cursor ${kind}`;
  element.setAttribute("aria-hidden", "true");
  return element;
}
