"use strict";
// Picture, labels, tiles and numbers.

const BARS = 5;
const STATES = { starting: "starting", lost: "connection lost", failed: "cannot be read", ended: "ended" };

const AGAIN = 2; // seconds after which a picture that did not come is asked for again

// A picture that is asked for only when the one before it has come, so that a slow connection shows fewer.
class LivePicture {
  constructor(element) {
    this.element = element;
    this.loading = false;
    this.wanted = null;
    this.current = null;
    this.failed = null;
    this.failedAt = 0;
    const done = () => {
      this.loading = false;
      if (this.wanted !== null) this.load(this.wanted);
    };
    element.addEventListener("load", () => {
      this.failed = null;
      done();
    });
    element.addEventListener("error", () => {
      [this.failed, this.failedAt, this.current] = [this.current, now(), null];
      done();
    });
  }

  show(address) {
    if (address === this.current && this.wanted === null) return;
    if (address === this.failed && now() - this.failedAt < AGAIN) return;
    if (this.loading) this.wanted = address;
    else this.load(address);
  }

  load(address) {
    this.wanted = null;
    if (address === this.current) return;
    this.current = address;
    this.loading = true;
    this.element.src = address;
  }
}

const stage = { picture: null, tiles: [], saidAt: 0, said: "", delays: [] };

function makeTiles() {
  const box = byId("tiles");
  box.hidden = view.sources.length < 2;
  stage.tiles = view.sources.map((source, number) => {
    const picture = make("img", { alt: "" });
    const state = make("span", { class: "state", hidden: true });
    const [alone, memory] = [make("b", {}, "–"), make("b", {}, "–")];
    const dots = [make("span", { class: "dot" }), make("span", { class: "dot" })];
    const two = make("span", { class: "two" }, make("span", { title: "this frame alone" }, dots[0], alone), make("span", { title: "with memory" }, dots[1], memory));
    const tile = make("button", { type: "button", class: "tile", "aria-pressed": "false", "aria-keyshortcuts": String(number + 1) }, make("span", { class: "frame" }, picture, state), make("span", { class: "words" }, make("span", { class: "name" }, named(source.name)), two));
    tile.addEventListener("click", () => choose(number));
    return { tile, picture: new LivePicture(picture), state, labels: [alone, memory], dots };
  });
  box.replaceChildren(...stage.tiles.map((one) => one.tile));
}

function choose(number) {
  if (!view.sources[number] || number === view.chosen) return;
  view.chosen = number;
  const moment = shown(chosen());
  if (view.paused !== null && !moment) goLive();
  showAll();
}

function showTile(number) {
  const one = stage.tiles[number];
  if (!one || view.sources.length < 2) return;
  const source = view.sources[number];
  const moment = shown(source);
  one.tile.setAttribute("aria-pressed", String(number === view.chosen));
  one.state.hidden = source.state === "watching";
  one.state.textContent = STATES[source.state] ?? source.state;
  if (!moment) return;
  one.picture.show(pictureAddress(source, moment.number));
  [moment.snapshot, moment.context].forEach((label, k) => {
    one.labels[k].textContent = shortened(label, 40);
    paintDot(one.dots[k], source.paint(label));
  });
  one.tile.classList.toggle("differs", moment.snapshot !== moment.context);
  one.tile.setAttribute("aria-label", `${shortened(source.name, 60)}: this frame alone ${moment.snapshot}, with memory ${moment.context}`);
}

function showLabel(kind, source, name, probabilities, other) {
  byId(`${kind}-name`).textContent = shortened(name, 40);
  byId(`${kind}-name`).title = name;
  paintDot(byId(`${kind}-dot`), source.paint(name));
  byId(`${kind}-sure`).textContent = percentOf(probabilities[source.place.get(name)]);
  const weight = (k) => Math.max(probabilities[k], other[k]);
  const places = [...probabilities.keys()].sort((a, b) => weight(b) - weight(a)).slice(0, BARS).sort((a, b) => a - b);
  const box = byId(`${kind}-bars`);
  while (box.children.length < 3 * places.length) box.append(make("span", { class: "class" }), make("span", { class: "track" }, make("span")), make("span", { class: "n" }));
  while (box.children.length > 3 * places.length) box.lastChild.remove();
  places.forEach((k, line) => {
    const [label, track, number] = [box.children[3 * line], box.children[3 * line + 1], box.children[3 * line + 2]];
    label.textContent = source.classes[k];
    label.title = source.classes[k];
    const [fill, hatch] = source.facts.paints[k];
    const bar = track.firstChild;
    bar.className = hatch ? `h${hatch}` : "";
    bar.style.backgroundColor = fill;
    bar.style.width = `${100 * probabilities[k]}%`;
    number.textContent = percentOf(probabilities[k]);
  });
}

function showStage() {
  const source = chosen();
  if (!source) return;
  if (!stage.picture) {
    stage.picture = new LivePicture(byId("picture"));
    byId("picture").addEventListener("error", showStage);
    byId("picture").addEventListener("load", ({ target }) => byId("stage").classList.toggle("wide", target.naturalWidth > 1.2 * target.naturalHeight));
  }
  const moment = shown(source);
  const waiting = byId("waiting");
  const gone = moment && view.link === "open" && stage.picture.failed === pictureAddress(source, moment.number);
  const fault = gone ? "the picture of this moment is no longer held" : "";
  const state = source.state === "watching" ? fault : [STATES[source.state] ?? source.state, source.text].filter(Boolean).join(": ");
  waiting.hidden = Boolean(moment) && !state;
  waiting.classList.toggle("over", Boolean(moment));
  waiting.textContent = state && state !== "starting" ? shortened(state, 240) : "waiting for the first picture";
  if (!moment) {
    byId("picture").removeAttribute("src");
    stage.picture.current = null;
    return;
  }
  stage.picture.show(pictureAddress(source, moment.number));
  byId("picture").alt = `Picture of ${shortened(source.name, 60)}`;
  showLabel("snapshot", source, moment.snapshot, moment.p, moment.q);
  showLabel("context", source, moment.context, moment.q, moment.p);
  const differs = moment.snapshot !== moment.context;
  const verdict = byId("verdict");
  verdict.classList.toggle("differs", differs);
  verdict.textContent = differs ? `Memory says ${shortened(moment.context, 40)} where this frame alone says ${shortened(moment.snapshot, 40)}.` : "Memory agrees with the frame.";
  const stamp = byId("moment-time");
  stamp.hidden = view.paused === null;
  stamp.textContent = view.paused === null ? "" : `${clockText(moment.utc)} · ${agoText(now() - moment.at)}`;
  if (view.paused === null) announce(moment);
}

// What a screen reader hears: a new label with memory, at most every three seconds.
function announce(moment) {
  const text = `With memory: ${moment.context}. Frame alone: ${moment.snapshot}.`;
  if (text === stage.said || now() - stage.saidAt < 3) return;
  stage.said = text;
  stage.saidAt = now();
  say(text);
}

function showNumbers() {
  const source = chosen();
  const last = source?.last();
  const status = byId("status");
  const stale = last && source.state === "watching" && now() - last.at > Math.max(2, 5 / source.facts.fps);
  const [text, kind] =
    view.link !== "open" ? [view.linkText || view.link, view.link === "lost" ? "trouble" : ""]
    : view.paused !== null ? ["paused", "paused"]
    : !last ? ["waiting", ""]
    : source.state === "ended" ? ["ended", ""]
    : source.state !== "watching" ? [STATES[source.state] ?? source.state, "trouble"]
    : stale ? [`no picture for ${Math.round(now() - last.at)} s`, "trouble"]
    : ["live", "live"];
  if (status.textContent !== text) status.textContent = text;
  status.className = `pill ${kind}`;
  if (!last) return;
  const end = source.state === "watching" ? now() : last.at;
  let count = 0;
  for (let k = source.moments.length - 1; k >= 0 && source.moments[k].at > end - 5; k--) count += 1;
  byId("rate").textContent = `${(count / Math.min(5, Math.max(end - source.moments[0].at, 0.5))).toFixed(1)} /s`;
  byId("dropped").textContent = grouped(last.dropped);
  const recent = stage.delays.filter((one) => one.source === view.chosen);
  if (recent.length) {
    const page = recent.map((one) => one.page).sort((a, b) => a - b)[recent.length >> 1];
    byId("delay").textContent = `${Math.round(1000 * Math.max(page, last.delay))} ms`;
  }
}

function showNotice() {
  const lines = view.sources.filter((source) => source.state === "failed" || source.state === "lost").map((source) => source.text);
  const notice = byId("notice");
  notice.hidden = !lines.length;
  const text = shortened(lines.join(" "), 500);
  if (notice.textContent !== text) notice.textContent = text;
}

function showAll() {
  view.sources.forEach((_, number) => showTile(number));
  showStage();
  showNumbers();
  showNotice();
  showPast();
  showEvents();
  showTelevision();
  showControls();
  timeline.dirty = true;
}

function showControls() {
  const live = view.paused === null;
  const pause = byId("pause");
  pause.textContent = live ? "Pause" : "Play";
  pause.setAttribute("aria-pressed", String(!live));
  byId("live").hidden = live;
  byId("forward").disabled = byId("forward-ten").disabled = live;
}

function pauseAt(time) {
  const source = chosen();
  const first = source?.moments[0];
  if (!first) return;
  const moment = source.at(Math.max(first.at, Math.min(time, source.last().at)));
  if (view.paused === null) view.right = timelineRight();
  view.paused = moment.at;
  const inside = view.paused <= view.right && view.paused >= view.right - view.span;
  if (!inside) view.right = Math.min(now(), view.paused + view.span / 2);
  showAll();
}

function goLive() {
  view.paused = view.right = null;
  showAll();
}

function step(count) {
  const source = chosen();
  if (!source?.moments.length) return;
  const moment = shown(source);
  const place = source.index(moment.number) + count;
  if (view.paused !== null && place >= source.moments.length) goLive();
  else pauseAt(source.moments[Math.max(0, Math.min(place, source.moments.length - 1))].at);
}

function stepSeconds(seconds) {
  const source = chosen();
  if (!source?.moments.length) return;
  const time = shown(source).at + seconds;
  if (view.paused !== null && time > source.last().at) goLive();
  else pauseAt(time);
}
