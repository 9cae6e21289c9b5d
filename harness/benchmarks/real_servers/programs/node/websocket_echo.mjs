// websocket: the echo of its README, with the subprotocol that it asks for.
import { createServer } from 'node:http';
import websocket from 'websocket';

const port = Number(process.argv[2]);
const httpServer = createServer((request, response) => {
  response.writeHead(404);
  response.end();
});
const wsServer = new websocket.server({ httpServer, autoAcceptConnections: false });

wsServer.on('request', (request) => {
  const connection = request.accept('echo-protocol', request.origin);
  connection.on('message', (message) => {
    if (message.type === 'utf8') connection.sendUTF(message.utf8Data);
    else if (message.type === 'binary') connection.sendBytes(message.binaryData);
  });
});

httpServer.listen(port, '127.0.0.1');
