// The tutorial's chat on npm's ws, as its own documentation broadcasts: `node server.mjs PORT`.
// `npm install` in a folder that holds a copy of this file and package.json.
import { WebSocket, WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate: false });

function broadcast(text) {
  for (const member of server.clients) if (member.readyState === WebSocket.OPEN) member.send(text);
}

server.on('connection', (member, request) => {
  const name = request.url.split('/').pop();
  member.on('error', console.error);
  member.on('message', (data) => {
    member.send(`You: ${data}`);
    broadcast(`Client #${name} says: ${data}`);
  });
  member.on('close', () => broadcast(`Client #${name} left the chat`));
});
