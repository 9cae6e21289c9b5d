// Draws strokes on a canvas. The same strokes in the same order give the same pixels: each stroke is one path, the
// bottom one first, on paper of a fixed size and colour.

import { HEIGHT, WIDTH } from "./draw-board.js";

export const PAPER = "#ffffff";

export class Paper {
  #context;
  // The finished strokes at the bottom, kept as an image so that they are not drawn again for each frame.
  #settled = new OffscreenCanvas(WIDTH, HEIGHT).getContext("2d", { alpha: false });
  #settledStrokes = [];

  constructor(canvas) {
    canvas.width = WIDTH;
    canvas.height = HEIGHT;
    this.#context = canvas.getContext("2d", { alpha: false });
    wipe(this.#settled);
    this.show([]);
  }

  show(strokes) {
    const open = strokes.findIndex((stroke) => !stroke.done);
    const done = open === -1 ? strokes : strokes.slice(0, open);
    this.#settle(done);
    this.#context.drawImage(this.#settled.canvas, 0, 0);
    for (const stroke of strokes.slice(done.length)) trace(this.#context, stroke);
  }

  #settle(done) {
    const known = this.#settledStrokes;
    const goesOn = known.length <= done.length && known.every((one, i) => one.id === done[i].id && one.length === done[i].points.length);
    if (!goesOn) wipe(this.#settled);
    for (const stroke of done.slice(goesOn ? known.length : 0)) trace(this.#settled, stroke);
    this.#settledStrokes = done.map(({ id, points }) => ({ id, length: points.length }));
  }
}

function wipe(context) {
  context.fillStyle = PAPER;
  context.fillRect(0, 0, WIDTH, HEIGHT);
}

function trace(context, { points, color, width }) {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  context.moveTo(points[0], points[1]);
  // Curves through the midpoints between the points: smooth, and the same on every screen.
  for (let i = 2; i + 3 < points.length; i += 2) {
    context.quadraticCurveTo(points[i], points[i + 1], (points[i] + points[i + 2]) / 2, (points[i + 1] + points[i + 3]) / 2);
  }
  context.lineTo(points.at(-2), points.at(-1));
  context.stroke();
}
