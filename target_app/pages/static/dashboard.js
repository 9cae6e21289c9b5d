import { byId, openSocket } from "./page.js";

const REMEMBERED = 60;
const FIGURES = {
  cpu_usage: { digits: 1, full: 100 },
  memory_usage: { digits: 1, full: 100 },
  active_users: { digits: 0, full: null },
  response_time: { digits: 3, full: null },
};

const past = Object.fromEntries(Object.keys(FIGURES).map((name) => [name, []]));
const note = byId("note");
const cards = byId("cards");
let seen = false;

openSocket("/dashboard-feed", {
  onMessage: show,
  onConnected() {
    note.textContent = seen ? "Connected again, waiting for the next reading." : "Waiting for the first reading.";
  },
  onDisconnected() {
    cards.classList.toggle("stale", seen);
    if (seen) note.textContent = "These figures are old: they are from before the connection was lost.";
  },
});

function show(text) {
  const reading = JSON.parse(text);
  for (const [name, { digits, full }] of Object.entries(FIGURES)) {
    const value = reading[name];
    byId(name).textContent = value.toFixed(digits);
    past[name] = [...past[name], value].slice(-REMEMBERED);
    draw(byId(`trend-${name}`).firstElementChild, past[name], full);
  }
  seen = true;
  cards.classList.remove("stale");
  note.textContent = "The same reading goes to every viewer.";
}

function draw(line, values, full) {
  const top = full ?? Math.max(...values, Number.EPSILON) * 1.25;
  const step = 120 / (REMEMBERED - 1);
  const first = REMEMBERED - values.length;
  const points = values.map((value, i) => `${((first + i) * step).toFixed(1)},${(31 - (value / top) * 30).toFixed(1)}`);
  line.setAttribute("points", points.join(" "));
}
