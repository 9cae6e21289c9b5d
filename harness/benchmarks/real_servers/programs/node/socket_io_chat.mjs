// socket.io: the chat of its tutorial.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const port = Number(process.argv[2]);
const server = createServer();
const io = new Server(server);

io.on('connection', (socket) => {
  socket.on('chat message', (text) => {
    io.emit('chat message', text);
  });
});

server.listen(port, '127.0.0.1');
