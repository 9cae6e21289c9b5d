// The state of a match from its binary frames. The layout is documented in target_app/game/frames.py.

export const PHASE = { WARM_UP: 0, READY: 1, PLAY: 2, OVER: 3 };
export const STATUS = { DOWN: 0, MOVING: 1, AWAY: 2 };

export class View {
  tick = -1;
  phase = PHASE.WARM_UP;
  ticksLeft = 0;
  seats = [];
  #base = -1;
  #baseCells;

  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.cells = this.#baseCells = new Uint8Array(width * height);
  }

  // Returns false if the frame builds on a snapshot that we do not have. The next snapshot comes within a second.
  take(buffer) {
    const bytes = new DataView(buffer);
    const tick = bytes.getUint32(1);
    const base = bytes.getUint32(5);
    const isSnapshot = base === tick;
    if (!isSnapshot && base !== this.#base) return false;
    const seats = [];
    let at = 13;
    for (let count = bytes.getUint8(12); count > 0; count -= 1, at += 11) {
      const how = bytes.getUint8(at + 1);
      seats.push({
        seat: bytes.getUint8(at),
        status: how & 15,
        direction: how >> 4,
        x: bytes.getUint8(at + 2),
        y: bytes.getUint8(at + 3),
        land: bytes.getUint16(at + 4),
        cuts: bytes.getUint8(at + 6),
        ack: bytes.getUint32(at + 7),
      });
    }
    const cells = isSnapshot ? new Uint8Array(this.width * this.height) : this.#baseCells.slice();
    for (; at + 5 <= bytes.byteLength; at += 5) {
      const first = bytes.getUint16(at);
      cells.fill(bytes.getUint8(at + 4), first, first + bytes.getUint16(at + 2));
    }
    this.tick = tick;
    this.phase = bytes.getUint8(9);
    this.ticksLeft = bytes.getUint16(10);
    this.seats = seats;
    this.cells = cells;
    if (isSnapshot) {
      this.#base = base;
      this.#baseCells = cells;
    }
    return true;
  }
}
