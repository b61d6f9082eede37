"use strict";
// Beginning of the page.

document.addEventListener("keydown", onKey);
byId("pause").addEventListener("click", togglePause);
byId("live").addEventListener("click", goLive);
byId("back").addEventListener("click", () => step(-1));
byId("forward").addEventListener("click", () => step(1));
byId("back-ten").addEventListener("click", () => stepSeconds(-10));
byId("forward-ten").addEventListener("click", () => stepSeconds(10));
byId("background").addEventListener("change", showEvents);
startTelevision();
startTimeline();
showControls();
setInterval(() => view.link === "open" && setClock(), 20000);
setInterval(() => {
  showNumbers();
  if (view.paused === null) showPast();
}, 500);
// A page that nobody sees reads nothing; when it is seen again, it asks for what it has missed.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    connection.stream?.close();
    connection.round += 1;
  } else connect();
});
connect();
