// npm's ws as a reader of `benchmarks.receiving`: `node reader.mjs PORT CONNECTIONS FRAMES`.
import { WebSocket } from 'ws';

const [port, connections, frames] = process.argv.slice(2).map(Number);
let open = 0;
let read = 0;
let began;

function cpu() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function onMessage() {
  if (++read < frames) return;
  console.log(JSON.stringify({ frames: read, cpu_s: cpu() - began }));
  process.exit(0);
}

function connect() {
  const line = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false });
  line.on('message', onMessage);
  line.on('open', () => {
    if (++open < connections) return connect();
    began = cpu();
    console.log('ready');
  });
}

connect();
