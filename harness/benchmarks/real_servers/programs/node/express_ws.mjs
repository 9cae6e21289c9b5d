// express-ws: the echo of its README.
import express from 'express';
import expressWs from 'express-ws';

const port = Number(process.argv[2]);
const app = express();
expressWs(app);

app.ws('/echo', (ws) => {
  ws.on('message', (message) => ws.send(message));
});

app.listen(port, '127.0.0.1');
