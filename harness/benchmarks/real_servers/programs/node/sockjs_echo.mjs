// sockjs: the echo of its README.
import { createServer } from 'node:http';
import sockjs from 'sockjs';

const port = Number(process.argv[2]);
const echo = sockjs.createServer({ log: () => {} });

echo.on('connection', (connection) => {
  connection.on('data', (message) => connection.write(message));
});

const server = createServer();
echo.installHandlers(server, { prefix: '/echo' });
server.listen(port, '127.0.0.1');
