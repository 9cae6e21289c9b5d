// @fastify/websocket: the first example of its README, which answers everything with "hi from server".
import websocket from '@fastify/websocket';
import Fastify from 'fastify';

const port = Number(process.argv[2]);
const fastify = Fastify();

fastify.register(websocket);
fastify.register(async (scope) => {
  scope.get('/', { websocket: true }, (socket) => {
    socket.on('message', () => socket.send('hi from server'));
  });
});

fastify.listen({ host: '127.0.0.1', port });
