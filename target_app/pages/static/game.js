import { byId } from "./page.js";
import { openMemberSocket } from "./member.js";
import { PHASE, STATUS, View } from "./game-view.js";
import { COLORS, Field } from "./game-field.js";

const KEYS = {
  ArrowUp: "up", ArrowRight: "right", ArrowDown: "down", ArrowLeft: "left",
  w: "up", d: "right", s: "down", a: "left",
};
const SWIPE_PIXELS = 18;

const name = new URLSearchParams(location.search).get("match") ?? "main";
const canvas = byId("field");
// The seat of this tab. It survives a reload, and two tabs have one seat each.
const stored = `seat in ${name}`;
let view = null;
let field = null;
let rules = null;
let mine = null;
let names = new Map();
let turn = 0;
let wantsSeat = sessionStorage.getItem(stored) !== null;

byId("match").textContent = name;
byId("name").value = JSON.parse(sessionStorage.getItem(stored))?.name ?? "";

const socket = openMemberSocket(`/game/${encodeURIComponent(name)}`, {
  onMessage(message) {
    if (message instanceof ArrayBuffer) takeFrame(message);
    else take(message);
  },
  onDisconnected() {
    byId("sit").disabled = true;
    if (mine !== null) byId("note").textContent = "Not connected. Your seat is kept for a while.";
  },
});

function send(message) {
  return socket.send(JSON.stringify(message));
}

function take(message) {
  if (message.type === "match") open(message);
  else if (message.type === "players") showPlayers(message);
  else if (message.type === "seated") sitDown(message);
  else if (message.type === "stood") standUp("You have no seat any more, and can watch.");
  else if (message.type === "error") byId("note").textContent = message.text;
}

function open(match) {
  rules = match;
  view = new View(match.width, match.height);
  canvas.style.aspectRatio = `${match.width} / ${match.height}`;
  field?.stop();
  field = new Field(canvas, view, match.tick_ms);
  byId("seed").textContent = `, seed ${match.seed}`;
  byId("sit").disabled = false;
  byId("note").textContent = "";
  mine = null;
  if (wantsSeat) askForSeat();
}

function askForSeat() {
  const before = JSON.parse(sessionStorage.getItem(stored));
  const sit = { type: "sit", name: byId("name").value.trim() || "Player" };
  send(before?.key === undefined ? sit : { ...sit, key: before.key });
}

byId("join").onsubmit = (event) => {
  event.preventDefault();
  if (byId("name").value.trim() === "") return;
  wantsSeat = true;
  askForSeat();
  canvas.focus();
};

function sitDown({ seat, key, ack }) {
  mine = seat;
  turn = ack;
  field.self = seat;
  wantsSeat = true;
  sessionStorage.setItem(stored, JSON.stringify({ name: byId("name").value, key }));
  byId("join").hidden = true;
  byId("stand").hidden = false;
  byId("pad").hidden = !matchMedia("(any-pointer: coarse), (max-width: 44rem)").matches;
  byId("note").textContent = "";
  canvas.focus({ preventScroll: true });
}

function standUp(words) {
  mine = null;
  wantsSeat = false;
  if (field !== null) field.self = null;
  sessionStorage.removeItem(stored);
  byId("join").hidden = false;
  byId("stand").hidden = true;
  byId("pad").hidden = true;
  byId("note").textContent = words;
}

byId("stand").onclick = () => send({ type: "stand" });

function showPlayers({ players, spectators }) {
  names = new Map(players.map((player) => [player.seat, player.name]));
  byId("watchers").textContent = spectators === 0 ? "Nobody watches." : spectators === 1 ? "One person watches." : `${spectators} people watch.`;
  showScores();
}

function takeFrame(buffer) {
  if (view === null) return;
  field.remember();
  if (!view.take(buffer)) return;
  field.update();
  canvas.dataset.tick = view.tick;
  showPhase();
  showScores();
}

function put(id, text) {
  // Only what changed, so that a screen reader says it once.
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

function showPhase() {
  const seconds = Math.ceil((view.ticksLeft * rules.tick_ms) / 1000);
  const words = {
    [PHASE.WARM_UP]: "Warm-up: a round starts when two are here",
    [PHASE.READY]: "Ready",
    [PHASE.PLAY]: "Round",
    [PHASE.OVER]: "Over",
  };
  put("phase", words[view.phase]);
  put("time", view.phase === PHASE.WARM_UP ? "" : `${seconds} s`);
  byId("phase").parentElement.classList.toggle("hurry", view.phase === PHASE.PLAY && seconds <= 10);
  const banner = bannerText(seconds);
  byId("banner").hidden = banner === "";
  put("banner", banner);
}

function bannerText(seconds) {
  if (view.phase === PHASE.READY) return `${seconds}`;
  if (view.phase === PHASE.OVER) {
    const [first, second] = ranking();
    if (first === undefined) return "";
    return second !== undefined && second.land === first.land ? "A draw" : `${names.get(first.seat) ?? "?"} wins`;
  }
  const self = view.seats.find(({ seat }) => seat === mine);
  return self?.status === STATUS.DOWN ? "Cut!" : "";
}

function ranking() {
  return [...view.seats].sort((one, other) => other.land - one.land || one.seat - other.seat);
}

function showScores() {
  if (view === null) return;
  const all = view.width * view.height;
  const rows = ranking().map((seat) => {
    const who = `${names.get(seat.seat) ?? "…"}${seat.seat === mine ? " (you)" : ""}${seat.status === STATUS.AWAY ? " (away)" : ""}`;
    return { seat: seat.seat, who, land: `${((seat.land / all) * 100).toFixed(1)} %`, cuts: seat.cuts === 1 ? "1 cut" : `${seat.cuts} cuts` };
  });
  const list = byId("scores");
  const shown = JSON.stringify(rows);
  if (list.dataset.shown === shown) return;
  list.dataset.shown = shown;
  list.replaceChildren(...rows.map(scoreRow));
}

function scoreRow({ seat, who, land, cuts }) {
  const row = document.createElement("li");
  const parts = [["badge", String(seat + 1)], ["who", who], ["land", land], ["cuts", cuts]];
  for (const [kind, text] of parts) {
    const part = document.createElement("span");
    part.className = kind;
    part.textContent = text;
    row.append(part);
  }
  row.firstChild.style.backgroundColor = COLORS[seat];
  return row;
}

// Steering.

function steer(direction) {
  if (mine === null) return;
  turn += 1;
  if (!send({ type: "turn", seq: turn, direction })) turn -= 1;
}

addEventListener("keydown", (event) => {
  const direction = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (direction === undefined || mine === null || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input")) return;
  event.preventDefault();
  if (!event.repeat) steer(direction);
});

for (const button of byId("pad").children) {
  button.onpointerdown = (event) => {
    event.preventDefault();
    steer(button.dataset.direction);
  };
  button.onclick = (event) => event.detail === 0 && steer(button.dataset.direction); // by keyboard
}

// A finger steers whenever it has moved a little, without being lifted.
let finger = null;
canvas.onpointerdown = (event) => {
  canvas.setPointerCapture(event.pointerId);
  finger = { x: event.clientX, y: event.clientY };
};
canvas.onpointermove = (event) => {
  if (finger === null) return;
  const dx = event.clientX - finger.x;
  const dy = event.clientY - finger.y;
  if (Math.hypot(dx, dy) < SWIPE_PIXELS) return;
  finger = { x: event.clientX, y: event.clientY };
  if (Math.abs(dx) > Math.abs(dy)) steer(dx > 0 ? "right" : "left");
  else steer(dy > 0 ? "down" : "up");
};
canvas.onpointerup = canvas.onpointercancel = () => {
  finger = null;
};
