// A client for the terminal: `node client.js socket.io|ws URL say|connect TIMES`. It ends a second after its last event.
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';

type Say = (text: string) => void;

const [library, url = '', command, times] = process.argv.slice(2);
let end: NodeJS.Timeout | undefined;

function tell(event: object): void {
  console.log(JSON.stringify(event));
  clearTimeout(end);
  end = setTimeout(() => process.exit(), 1000);
}

function connectSocketIo(onOpen: (say: Say) => void): void {
  const socket = io(url, { transports: ['websocket'], forceNew: true, reconnection: false });
  socket.onAny((event, data) => tell({ event, data }));
  socket.on('disconnect', (reason) => tell({ closed: reason }));
  socket.on('connect_error', ({ message }) => tell({ error: message }));
  socket.on('connect', () => onOpen((text) => socket.emit('say', text)));
}

function connectWs(onOpen: (say: Say) => void): void {
  const socket = new WebSocket(url.replace('http', 'ws'));
  socket.on('message', (data) => tell(JSON.parse(String(data))));
  socket.on('close', (code, reason) => tell({ closed: `${code} ${reason}` }));
  socket.on('error', ({ message }) => tell({ error: message }));
  socket.on('open', () => onOpen((data) => socket.send(JSON.stringify({ event: 'say', data }))));
}

const connect = library === 'ws' ? connectWs : connectSocketIo;
const numbers = Array.from({ length: Number(times) }, (_, i) => i + 1);

if (command === 'say') connect((say) => numbers.forEach((number) => void say(`message ${number}`)));
else for (const number of numbers) connect(() => tell({ opened: number }));
