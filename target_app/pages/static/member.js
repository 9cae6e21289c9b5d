// A socket to a channel for signed-in users, with its state in the status line of the page.

import { account } from "./account.js";
import { openSocket } from "./page.js";
import { newerToken, signInPage } from "./session.js";

// Close codes after which the user must sign in again.
const SIGNED_OUT = new Set([1008, 4001, 4002]);

// Like openSocket, but onMessage gets the parsed message, or the ArrayBuffer of a binary one. Messages about the connection
// itself are handled here. Without a session the login page opens.
export function openMemberSocket(path, { onMessage, onConnected = () => {}, onDisconnected = () => {} }) {
  const socket = openSocket(path, {
    onMessage(data) {
      const message = typeof data === "string" ? JSON.parse(data) : null;
      if (!handled(message)) onMessage(message ?? data);
    },
    onConnected,
    onDisconnected(state) {
      onDisconnected(state);
      if (SIGNED_OUT.has(state?.code)) offerSignIn();
    },
  });
  requireAccount();

  function handled(message) {
    switch (message?.type) {
      case "ping":
        socket.send(JSON.stringify({ type: "pong", id: message.id }));
        return true;
      case "pong":
      case "refreshed":
        return true;
      case "token_expiring":
        refresh();
        return true;
      case "announcement":
        announce(`${message.by}: ${message.text}`);
        return true;
      case "system.draining":
        socket.comeBackAfter(message.reconnect_after_ms);
        return true;
      default:
        return false;
    }
  }

  async function refresh() {
    const token = await newerToken().catch(() => null);
    if (token !== null) socket.send(JSON.stringify({ type: "refresh", token }));
  }

  return socket;
}

// Without a session, open the login page.
async function requireAccount() {
  if ((await account) === null) location.replace(signInPage());
}

function offerSignIn() {
  if (document.getElementById("again") !== null) return;
  const link = document.createElement("a");
  link.id = "again";
  link.href = signInPage();
  link.textContent = "Sign in again";
  document.querySelector(".heading").append(link);
}

function announce(text) {
  let banner = document.getElementById("announcement");
  if (banner === null) {
    banner = document.createElement("p");
    banner.id = "announcement";
    banner.setAttribute("role", "alert");
    document.querySelector("main").prepend(banner);
  }
  banner.textContent = text;
}
