// ws: verifyClient, heartbeats as its README shows them, JSON with a login first, and ws.close() without a code for all else.
import { WebSocketServer } from 'ws';

const port = Number(process.argv[2]);
const wss = new WebSocketServer({
  host: '127.0.0.1',
  port,
  verifyClient: ({ req }, done) => setTimeout(() => done(req.url === '/live'), 20),
});

function heartbeat() {
  this.isAlive = true;
}

function take(ws, data) {
  const message = JSON.parse(data);
  if (message.type === 'login') ws.user = String(message.user);
  else if (ws.user === undefined) throw new Error('log in first');
  ws.send(JSON.stringify({ type: message.type, user: ws.user, text: message.text }));
}

wss.on('connection', (ws) => {
  ws.isAlive = true;
  ws.on('error', console.error);
  ws.on('pong', heartbeat);
  ws.on('message', (data) => {
    try {
      take(ws, data);
    } catch {
      ws.close();
    }
  });
});

const interval = setInterval(() => {
  wss.clients.forEach((ws) => {
    if (ws.isAlive === false) return ws.terminate();
    ws.isAlive = false;
    return ws.ping();
  });
}, 3000);

wss.on('close', () => clearInterval(interval));
