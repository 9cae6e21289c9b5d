import { byId } from "./page.js";
import { openMemberSocket } from "./member.js";
import { Board, HEIGHT, WIDTH } from "./draw-board.js";
import { PAPER, Paper } from "./draw-paper.js";
import { Cursors } from "./draw-cursors.js";

const SEND_EVERY_MS = 40;
const COLORS = [
  ["#1b1f23", "black"], ["#c62828", "red"], ["#e07a00", "orange"], ["#2e7d32", "green"],
  ["#1565c0", "blue"], ["#7b2cbf", "violet"], [PAPER, "eraser"],
];
const NOWHERE = 0xffff;

const name = new URLSearchParams(location.search).get("board") ?? "main";
const canvas = byId("paper");
const note = byId("note");
const paper = new Paper(canvas);
const board = new Board();
const cursors = new Cursors(byId("stage"));
let me = null;
// The stroke that the pointer or the keyboard is drawing now.
let drawing = null;
let undone = [];
// The position of our own pen, and whether the others have been told.
let pen = null;
let penIsNews = false;
let joined = false;
// Whether a frame is scheduled.
let due = false;

byId("board").textContent = name;
for (const [color, word] of COLORS) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  input.type = "radio";
  input.name = "color";
  input.value = color;
  input.checked = color === COLORS[0][0];
  input.setAttribute("aria-label", word);
  label.title = word;
  label.style.setProperty("--swatch", color);
  label.append(input);
  if (color === PAPER) label.append("eraser");
  byId("colors").append(label);
}

const socket = openMemberSocket(`/draw/${encodeURIComponent(name)}`, {
  onMessage(message) {
    if (message instanceof ArrayBuffer) cursors.move(message, board.member);
    else take(message);
  },
  onDisconnected() {
    if (!joined) return;
    joined = false;
    cursors.clear();
    note.textContent = "Not connected: what you draw now goes to the others when the connection is back.";
  },
});

function take(message) {
  if (message.type === "welcome") {
    me = message.user;
    byId("clear").hidden = !message.roles.includes("admin");
    join();
  } else if (message.type === "members") {
    cursors.name(message.members);
    const others = message.members.filter(({ member }) => member !== board.member).map(({ user }) => user);
    byId("people").textContent = ["you", ...others].join(", ");
  } else if (message.type === "error") {
    note.textContent = message.text;
    if (message.ref !== undefined) {
      if (drawing === message.ref) drawing = null;
      board.giveUp(message.ref);
    }
  } else if (["board", "stroke", "points", "undone", "cleared"].includes(message.type)) {
    if (!board.take(message, me)) join();
    if (message.type === "board" && !message.more) {
      joined = true;
      board.repeatAll();
      note.textContent = "Everybody here sees what you draw.";
    }
  } else {
    return;
  }
  repaint();
}

// Apply the whole board, or the changes since our last visit.
function join() {
  joined = false;
  send(board.epoch === null ? { type: "join" } : { type: "join", epoch: board.epoch, since: board.seq });
}

function send(message) {
  return socket.send(JSON.stringify(message));
}

// Send what is new a few times a second, and nothing while nobody draws.
setInterval(() => {
  if (!joined) return;
  board.sendNews(send);
  if (!penIsNews) return;
  const bytes = new DataView(new ArrayBuffer(5));
  bytes.setUint8(0, 1);
  bytes.setUint16(1, pen?.x ?? NOWHERE);
  bytes.setUint16(3, pen?.y ?? NOWHERE);
  penIsNews = !socket.send(bytes.buffer);
}, SEND_EVERY_MS);

// For tests: the number of the latest change in this picture, and of our strokes that are not confirmed.
function tellState() {
  canvas.dataset.seq = board.seq;
  canvas.dataset.waiting = board.waiting;
}

// Changes are painted in the next frame. While nothing changes, nothing is painted.
function repaint() {
  if (due) return;
  due = true;
  requestAnimationFrame(paint);
}
repaint();

function paint() {
  due = false;
  tellState();
  const strokes = board.visible();
  paper.show(strokes);
  byId("undo").disabled = !strokes.some(isMine);
  byId("redo").disabled = undone.length === 0;
}

const isMine = (stroke) => stroke.by === undefined || stroke.by === me;

// Drawing.

function down(x, y) {
  const color = document.querySelector("[name=color]:checked").value;
  drawing = board.begin(color, Number(byId("width").value), x, y);
  undone = [];
  tellState();
  repaint();
}

function move(x, y) {
  pen = { x, y };
  penIsNews = true;
  if (drawing === null) return;
  drawing = board.extend(drawing, x, y);
  repaint();
}

function up() {
  if (drawing !== null) board.end(drawing);
  drawing = null;
  repaint();
}

function undo() {
  up();
  const last = board.visible().filter(isMine).at(-1);
  if (last === undefined || !send({ type: "undo", id: last.id })) return;
  undone.push(last);
  board.giveUp(last.id);
  repaint();
}

function redo() {
  const stroke = undone.pop();
  if (stroke === undefined) return;
  const { points, color, width } = stroke;
  let id = board.begin(color, width, points[0], points[1]);
  for (let i = 2; i < points.length; i += 2) id = board.extend(id, points[i], points[i + 1]);
  board.end(id);
  repaint();
}

byId("undo").onclick = undo;
byId("redo").onclick = redo;
byId("clear").onclick = () => send({ type: "clear" });

// Pointer: mouse, pen and finger.

function onPaper(event) {
  const box = canvas.getBoundingClientRect();
  const clamp = (value, most) => Math.max(0, Math.min(most, Math.round(value)));
  return [
    clamp(((event.clientX - box.left) / box.width) * WIDTH, WIDTH),
    clamp(((event.clientY - box.top) / box.height) * HEIGHT, HEIGHT),
  ];
}

canvas.onpointerdown = (event) => {
  if (!event.isPrimary || event.button !== 0) return;
  canvas.setPointerCapture(event.pointerId);
  down(...onPaper(event));
};
canvas.onpointermove = (event) => {
  if (!event.isPrimary) return;
  const events = event.getCoalescedEvents?.() ?? [];
  for (const each of events.length > 0 ? events : [event]) move(...onPaper(each));
};
canvas.onpointerup = canvas.onpointercancel = (event) => event.isPrimary && up();
canvas.onpointerleave = () => {
  if (drawing !== null) return;
  pen = null;
  penIsNews = true;
};

// Keyboard.

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && (key === "z" || key === "y")) {
    if (key === "y" || event.shiftKey) redo();
    else undo();
    event.preventDefault();
  }
});
canvas.onkeydown = (event) => {
  const at = pen ?? { x: WIDTH / 2, y: HEIGHT / 2 };
  const step = STEPS[event.key];
  if (step !== undefined) {
    const length = event.shiftKey ? 50 : 10;
    const x = Math.max(0, Math.min(WIDTH, at.x + step[0] * length));
    const y = Math.max(0, Math.min(HEIGHT, at.y + step[1] * length));
    move(x, y);
  } else if (event.key === " ") {
    if (drawing === null) {
      down(at.x, at.y);
      move(at.x, at.y);
    } else up();
  } else if (event.key === "Escape") up();
  else return;
  cursors.showOwn(pen, drawing !== null);
  event.preventDefault();
};
canvas.onblur = () => {
  up();
  cursors.showOwn(null, false);
};
