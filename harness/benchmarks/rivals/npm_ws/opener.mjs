// npm's ws as a client of `benchmarks.connecting`: `node --expose-gc opener.mjs PORT CONNECTIONS AT_ONCE`.
import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';

const [port, connections, atOnce] = process.argv.slice(2).map(Number);
const lines = [];
let open = 0;

function cpu() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function kib() {
  global.gc();
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))[1]);
}

function onOpen() {
  if (++open === connections) {
    const spent = cpu() - began;
    console.log(JSON.stringify({ per_cpu_s: connections / spent, kib: (kib() - kibBefore) / connections }));
    process.exit(0);
  }
  if (lines.length < connections) connect();
}

function connect() {
  const line = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: false });
  line.on('open', onOpen);
  lines.push(line);
}

const kibBefore = kib();
const began = cpu();
for (let i = 0; i < Math.min(atOnce, connections); i++) connect();
