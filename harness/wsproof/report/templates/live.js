"use strict";
const place = document.getElementById("live");
async function refresh() {
  try {
    const answer = await fetch("body", { cache: "no-store" });
    if (answer.ok && !document.hidden) {
      const text = await answer.text();
      const scroll = window.scrollY;
      place.innerHTML = text;
      window.scrollTo(0, scroll);
    }
  } catch (error) {
    document.title = "wsproof – Locust does not answer";
  }
  setTimeout(refresh, 2000);
}
setTimeout(refresh, 2000);
