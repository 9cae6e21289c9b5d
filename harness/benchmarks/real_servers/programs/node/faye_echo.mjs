// faye-websocket: the echo of its README.
import { createServer } from 'node:http';
import WebSocket from 'faye-websocket';

const port = Number(process.argv[2]);
const server = createServer();

server.on('upgrade', (request, socket, body) => {
  if (!WebSocket.isWebSocket(request)) return;
  const ws = new WebSocket(request, socket, body);
  ws.on('message', (event) => ws.send(event.data));
});

server.listen(port, '127.0.0.1');
