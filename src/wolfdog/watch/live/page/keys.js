"use strict";
// Keyboard.

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const target = event.target;
  if (target.matches("input[type=range], input[type=text], select, textarea") && event.key.startsWith("Arrow")) return;
  if (event.key === " " && target.matches("button, input, summary")) return;
  const back = event.key === "ArrowLeft";
  if (event.key === " ") togglePause();
  else if (back || event.key === "ArrowRight") event.shiftKey ? stepSeconds(back ? -10 : 10) : step(back ? -1 : 1);
  else if (event.key === "Home") pauseAt(-Infinity);
  else if (event.key === "End" || event.key === "l") goLive();
  else if (event.key === "s") setSpan(view.span === 60 ? 180 : view.span === 180 ? 600 : 60);
  else if (/^[1-9]$/.test(event.key)) choose(Number(event.key) - 1);
  else if (!televisionKey(event.key)) return;
  event.preventDefault();
}

function televisionKey(key) {
  const facts = chosen()?.facts.television;
  if (!facts) return false;
  const label = facts.shows.find((one) => one[0] === key);
  if (key === "z") tellTelevision({ do: "zap" });
  else if (label) tellTelevision({ do: "show", label });
  return key === "z" || Boolean(label);
}

function togglePause() {
  if (view.paused === null) pauseAt(chosen()?.last()?.at ?? 0);
  else goLive();
}
