// What one writes to load a WebSocket with k6: a VU per connection, its event loop's timers, and a Trend for latencies.
//
//     k6 run -e SHAPE=echo -e PORT=8000 -e CONNECTIONS=100 -e RATE_HZ=10 -e SECONDS=10 -e BODY=words k6_user.js
//
// `echo`: each VU sends so often, all of them evenly apart; `chat`: everybody listens, the first speaks. SECONDS is the
// whole time of sending. When all is over each VU says in one line of the console what it noted down.
//
// The clock is `currentTestRunDuration`, in ms with fractions of a microsecond: k6 has no `performance.now()`, and
// `Date.now()` counts whole milliseconds. The first VU tells how far apart the two are.

import { WebSocket } from "k6/experimental/websockets";
import exec from "k6/execution";
import { Trend } from "k6/metrics";

const CONNECTIONS = Number(__ENV.CONNECTIONS);
const GAP_MS = 1000 / Number(__ENV.RATE_HZ);
const COUNT = Number(__ENV.SECONDS) * Number(__ENV.RATE_HZ);
const CONNECTING_MS = 1000;
const PATIENCE_MS = 1000;
const MARK = "~w1";

export const options = {
  scenarios: { all: { executor: "per-vu-iterations", vus: CONNECTIONS, iterations: 1 } },
};
const latency = new Trend("latency", true);
let test; // each reading of `exec.instance` makes a new object, which takes ten times as long as reading the clock
const now = () => test.currentTestRunDuration;
const hex = (value, digits) => value.toString(16).padStart(digits, "0");

const TABLE = Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

// CRC-32 that goes on where `state` ended; its complement is the checksum.
function crc(text, state) {
  for (let at = 0; at < text.length; at++) state = (state >>> 8) ^ TABLE[(state ^ text.charCodeAt(at)) & 0xff];
  return state;
}

export default function () {
  test = exec.instance;
  const member = exec.vu.idInTest - 1;
  const speaks = __ENV.SHAPE === "echo" || member === 0;
  // What is the same in all of a VU's messages is put together, and summed up, once.
  const head = __ENV.BODY + MARK + hex(__ENV.BODY.length, 8) + hex(member, 8);
  const headState = crc(head, -1);
  const sent = [];
  const heard = [];
  const startMs = CONNECTING_MS + (__ENV.SHAPE === "echo" ? (member * GAP_MS) / CONNECTIONS : 0);
  const endMs = CONNECTING_MS + COUNT * GAP_MS + PATIENCE_MS;
  const line = new WebSocket(`ws://127.0.0.1:${__ENV.PORT}/ws/${member + 1}`);

  function speak() {
    const dueMs = startMs + sent.length * GAP_MS;
    const key = hex(sent.length, 8) + hex(Math.round(dueMs * 1e6), 16);
    const text = head + key + hex(~crc(key, headState) >>> 0, 8);
    sent.push(now());
    line.send(text);
    if (sent.length < COUNT) setTimeout(speak, Math.max(0, dueMs + GAP_MS - now()));
  }

  line.onopen = () => {
    if (now() > CONNECTING_MS) throw new Error("opening the connections took longer than the time that is meant for it");
    if (speaks) setTimeout(speak, startMs - now());
    setTimeout(() => line.close(), endMs - now());
  };
  line.onmessage = (event) => {
    const at = now();
    heard.push([event.data, at]);
    latency.add(at - parseInt(event.data.slice(-24, -8), 16) / 1e6);
  };
  line.onerror = (event) => {
    throw new Error(`member ${member}: ${event.error}`);
  };
  line.onclose = () => console.log(JSON.stringify({ member, sent, heard, wallMs: member ? null : wallAtStart() }));
}

// What the wall clock showed when this clock showed 0: of many ticks of `Date.now()` the one that is known best.
function wallAtStart() {
  let best = { width: Infinity, at: NaN };
  let early = now();
  let tick = Date.now();
  for (let ticks = 0; ticks < 50; ) {
    const before = now();
    const wall = Date.now();
    const late = now();
    if (wall !== tick) {
      ticks++;
      if (late - early < best.width) best = { width: late - early, at: wall - (early + late) / 2 };
      tick = wall;
    }
    early = before;
  }
  return best.at;
}
