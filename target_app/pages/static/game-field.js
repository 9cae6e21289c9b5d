// Draws a match. The land is painted once per tick. Between ticks only the heads move.

import { STATUS } from "./game-view.js";

export const COLORS = ["#d1495b", "#2e86de", "#3a9d5d", "#e8a33d", "#8e5bc4", "#16a5a5", "#e06fb0", "#8a6d3b", "#5f6b7a", "#7fb800", "#b0413e", "#3d5a98", "#c2a300", "#00798c", "#a05195"];
const stillness = matchMedia("(prefers-reduced-motion: reduce)");
const darkness = matchMedia("(prefers-color-scheme: dark)");

export class Field {
  #canvas;
  #context;
  #land = new OffscreenCanvas(1, 1).getContext("2d");
  #view = null;
  #cell = 1;
  #before = new Map();
  #since = 0;
  #tickMs;
  #self = null;
  #stopped = false;
  #due = false;
  #resized = new ResizeObserver(() => this.#fit());

  constructor(canvas, view, tickMs) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#view = view;
    this.#tickMs = tickMs;
    this.#resized.observe(canvas);
    this.#fit();
  }

  // Another field takes over the canvas.
  stop() {
    this.#stopped = true;
    this.#resized.disconnect();
  }

  set self(seat) {
    this.#self = seat;
    this.#redraw();
  }

  // A new tick: the heads move from their last positions to the new ones.
  update() {
    this.#since = performance.now();
    this.#drawLand();
    this.#redraw();
  }

  remember() {
    this.#before = new Map(this.#view.seats.map((seat) => [seat.seat, seat]));
  }

  #fit() {
    const { width, height } = this.#view;
    const wanted = Math.floor((this.#canvas.clientWidth * devicePixelRatio) / width);
    this.#cell = Math.max(4, wanted);
    for (const canvas of [this.#canvas, this.#land.canvas]) {
      canvas.width = width * this.#cell;
      canvas.height = height * this.#cell;
    }
    this.#drawLand();
    this.#redraw();
  }

  // Draw in the next frame, and in each frame after it until the heads have arrived.
  #redraw() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      if (this.#stopped) return;
      if (this.#draw() < 1) this.#redraw();
    });
  }

  #drawLand() {
    const { width, cells } = this.#view;
    const size = this.#cell;
    const land = this.#land;
    land.globalAlpha = 1;
    land.fillStyle = darkness.matches ? "#1d2327" : "#ffffff";
    land.fillRect(0, 0, land.canvas.width, land.canvas.height);
    cells.forEach((value, cell) => {
      const x = (cell % width) * size;
      const y = Math.floor(cell / width) * size;
      if (value === 0) {
        land.globalAlpha = 1;
        land.fillStyle = darkness.matches ? "#2a3238" : "#e9edef";
        land.fillRect(x + size / 2 - 1, y + size / 2 - 1, 2, 2);
        return;
      }
      const owner = value & 15;
      const trail = value >> 4;
      if (owner > 0) {
        land.globalAlpha = 0.62;
        land.fillStyle = COLORS[owner - 1];
        land.fillRect(x, y, size, size);
      }
      if (trail > 0) {
        land.globalAlpha = 1;
        land.fillStyle = COLORS[trail - 1];
        const edge = Math.max(1, Math.round(size / 4));
        land.fillRect(x + edge, y + edge, size - 2 * edge, size - 2 * edge);
      }
    });
  }

  // Returns the fraction of the way that the heads have moved.
  #draw() {
    const context = this.#context;
    const size = this.#cell;
    context.drawImage(this.#land.canvas, 0, 0);
    const share = stillness.matches ? 1 : Math.min(1, (performance.now() - this.#since) / this.#tickMs);
    for (const seat of this.#view.seats) {
      if (seat.status !== STATUS.MOVING) continue;
      const from = this.#before.get(seat.seat);
      const near = from?.status === STATUS.MOVING && Math.abs(from.x - seat.x) + Math.abs(from.y - seat.y) === 1;
      const x = (near ? from.x + (seat.x - from.x) * share : seat.x) * size;
      const y = (near ? from.y + (seat.y - from.y) * share : seat.y) * size;
      this.#drawHead(context, seat, x + size / 2, y + size / 2);
    }
    return share;
  }

  #drawHead(context, seat, x, y) {
    const radius = this.#cell * 0.85;
    context.fillStyle = COLORS[seat.seat];
    context.strokeStyle = seat.seat === this.#self ? (darkness.matches ? "#ffffff" : "#182025") : darkness.matches ? "#14181b" : "#ffffff";
    context.lineWidth = Math.max(2, this.#cell / 4);
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.stroke();
    context.fill();
    // The number distinguishes seats without colours.
    context.fillStyle = "#ffffff";
    context.font = `700 ${Math.round(radius * 1.3)}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(String(seat.seat + 1), x, y + radius * 0.08);
  }
}
