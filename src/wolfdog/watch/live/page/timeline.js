"use strict";
// Timeline: stacked probabilities, snapshot above and context below, on a canvas.

const timeline = { dirty: true, edge: 66, drawnAt: 0, luts: null, legend: "" };
const ARCS = 26;
const STRIP = 14;
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function timelineRight() {
  if (view.paused !== null && view.right !== null) return view.right;
  const source = chosen();
  const last = source?.last();
  return last && source.state !== "watching" ? Math.min(now(), last.at + 1 / source.facts.fps) : now();
}

function sized(canvas, height) {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  if (canvas.width !== w || canvas.height !== h) (canvas.width = w), (canvas.height = h);
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return [pen, width];
}

// Moments in the window as columns of pixels: [x, width, moment], one moment for each pixel at most.
function columnsOf(source, right, width, edge) {
  const left = right - view.span;
  const scale = (width - edge) / view.span;
  const found = [];
  const moments = source.moments;
  const longest = 2.5 / source.facts.fps;
  let at = 0;
  let high = moments.length;
  while (at < high) {
    const middle = (at + high) >> 1;
    if (moments[middle].at < left - longest) at = middle + 1;
    else high = middle;
  }
  let [taken, reached] = [-1, -1];
  const dots = window.devicePixelRatio || 1;
  for (; at < moments.length && moments[at].at <= right; at++) {
    const x = edge + (moments[at].at - left) * scale;
    const next = at + 1 < moments.length ? moments[at + 1].at : Math.min(right, moments[at].at + 1 / source.facts.fps);
    const end = edge + (Math.min(next, moments[at].at + longest, right) - left) * scale;
    if (end < edge || Math.floor(end) === taken) continue;
    taken = Math.floor(end);
    // Whole pixels of the screen, or seams would show between the columns.
    const follows = at > 0 && moments[at].at - moments[at - 1].at <= longest && reached >= 0;
    const from = follows ? reached : Math.round(Math.max(edge, x) * dots) / dots;
    reached = Math.max(Math.round(end * dots) / dots, from + 1 / dots);
    found.push([from, reached - from, moments[at]]);
  }
  return found;
}

// Classes that are shown on their own: those that matter somewhere in the window; the others are one grey.
function classesOf(source, columns) {
  if (source.classes.length <= 8) return [...source.classes.keys()];
  const most = new Float64Array(source.classes.length);
  for (const [, , moment] of columns) for (let k = 0; k < most.length; k++) most[k] = Math.max(most[k], moment.p[k], moment.q[k]);
  return [...most.keys()].filter((k) => most[k] > 0.12).sort((a, b) => most[b] - most[a]).slice(0, 14).sort((a, b) => a - b);
}

function hatched(pen, [fill, hatch]) {
  if (!hatch) return fill;
  const tile = make("canvas", { width: 6, height: 6 });
  const inner = tile.getContext("2d");
  inner.fillStyle = fill;
  inner.fillRect(0, 0, 6, 6);
  inner.strokeStyle = inner.fillStyle = "rgba(0, 0, 0, 0.65)";
  inner.beginPath();
  if (hatch === 2) inner.fillRect(2, 2, 2, 2);
  if (hatch === 1 || hatch === 3) (inner.moveTo(0, 6), inner.lineTo(6, 0));
  if (hatch === 3) (inner.moveTo(0, 0), inner.lineTo(6, 6));
  if (hatch === 4) (inner.moveTo(3, 0), inner.lineTo(3, 6));
  inner.stroke();
  return pen.createPattern(tile, "repeat");
}

function drawBand(pen, columns, classes, fills, values, top, height, others) {
  for (const [x, width, moment] of columns) {
    const p = moment[values];
    let y = top + height;
    for (let k = 0; k < classes.length; k++) {
      const h = p[classes[k]] * height;
      if (h < 0.25) continue;
      pen.fillStyle = fills[k];
      pen.fillRect(x, y - h, width, h);
      y -= h;
    }
    if (y - top > 0.5) {
      pen.fillStyle = others;
      pen.fillRect(x, top, width, y - top);
    }
  }
}

function drawTimeline() {
  const canvas = byId("bands");
  const source = chosen();
  if (!source || !canvas.clientWidth) return;
  const height = canvas.clientHeight;
  const [pen, width] = sized(canvas, height);
  const edge = timeline.edge;
  const right = timelineRight();
  const band = (height - ARCS - STRIP - 22) / 2;
  const [top, middle, below] = [ARCS, ARCS + band, ARCS + band + STRIP];
  pen.fillStyle = colour("--soft");
  pen.fillRect(edge, top, width - edge, band);
  pen.fillRect(edge, below, width - edge, band);
  const columns = columnsOf(source, right, width, edge);
  const classes = classesOf(source, columns);
  const fills = classes.map((k) => hatched(pen, source.facts.paints[k]));
  drawBand(pen, columns, classes, fills, "p", top, band, colour("--others"));
  drawBand(pen, columns, classes, fills, "q", below, band, colour("--others"));
  pen.fillStyle = colour("--changed");
  for (const [x, w, moment] of columns) if (moment.snapshot !== moment.context) pen.fillRect(x, middle + 4, w, STRIP - 8);
  pen.fillStyle = colour("--quiet");
  pen.font = "12px system-ui, sans-serif";
  const words = [["frame", top + band / 2 - 4], ["alone", top + band / 2 + 11], ["with", below + band / 2 - 4], ["memory", below + band / 2 + 11]];
  for (const [word, y] of words) pen.fillText(word, 0, y);
  pen.font = "13px system-ui, sans-serif";
  pen.fillStyle = colour("--changed");
  pen.fillText("≠", edge - 16, middle + STRIP - 3);
  drawTicks(pen, right, edge, width, height);
  drawRests(pen, source, right, edge, width, below);
  drawCursor(pen, source, right, edge, width, top, below + band);
  showLegend(source, classes);
  const moment = shown(source);
  if (moment && timeline.told !== moment.number && view.paused !== null) {
    timeline.told = moment.number;
    canvas.setAttribute("aria-label", `Probabilities over time. ${clockText(moment.utc)}: this frame alone ${moment.snapshot}, with memory ${moment.context}. Arrow keys move.`);
  }
}

function drawTicks(pen, right, edge, width, height) {
  const left = right - view.span;
  const scale = (width - edge) / view.span;
  const step = [5, 10, 15, 30, 60, 120, 300].find((one) => one * scale > 62) ?? 300;
  pen.fillStyle = colour("--quiet");
  pen.font = "11px system-ui, sans-serif";
  const present = now();
  for (let ago = Math.ceil((present - right) / step) * step; present - ago > left; ago += step) {
    const x = edge + (present - ago - left) * scale;
    const text = ago === 0 ? "now" : ago < 120 ? `−${ago} s` : `−${ago / 60} min`.replace(/(\.\d)\d+/, "$1");
    pen.fillRect(x, height - 20, 1, 4);
    const w = pen.measureText(text).width;
    if (x - w / 2 > edge - 10 && x + w / 2 < width) pen.fillText(text, x - w / 2, height - 4);
    else if (x + w / 2 >= width) pen.fillText(text, width - w, height - 4);
  }
}

// Arcs from the moment that is shown to the past moments that its label rests on.
function drawRests(pen, source, right, edge, width, below) {
  const moment = shown(source);
  const verdict = moment && source.verdict(moment);
  if (!verdict || source.background.has(verdict.label)) return;
  const left = right - view.span;
  const scale = (width - edge) / view.span;
  const x = Math.min(width, edge + (moment.at - left) * scale);
  const most = verdict.past[0]?.weight ?? 1;
  for (const past of verdict.past.slice(0, 3)) {
    const then = source.moment(past.number)?.at ?? moment.at - past.ago;
    const to = edge + (then - left) * scale;
    const end = Math.max(edge + 4, to);
    pen.strokeStyle = pen.fillStyle = colour("--accent");
    pen.globalAlpha = 0.35 + 0.65 * (past.weight / most);
    pen.lineWidth = 1 + 1.5 * (past.weight / most);
    pen.beginPath();
    pen.moveTo(x, ARCS - 2);
    pen.bezierCurveTo(x, 2, end, 2, end, ARCS - 4);
    pen.stroke();
    pen.beginPath();
    if (to >= edge) (pen.moveTo(end - 4, ARCS - 7), pen.lineTo(end + 4, ARCS - 7), pen.lineTo(end, ARCS));
    else (pen.moveTo(edge + 8, ARCS - 9), pen.lineTo(edge + 8, ARCS - 1), pen.lineTo(edge, ARCS - 5));
    pen.fill();
    pen.globalAlpha = 1;
  }
}

function drawCursor(pen, source, right, edge, width, top, bottom) {
  if (view.paused === null) return;
  const x = edge + ((view.paused - right + view.span) * (width - edge)) / view.span;
  if (x < edge || x > width) return;
  pen.strokeStyle = colour("--ink");
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(x, top - 3);
  pen.lineTo(x, bottom + 3);
  pen.stroke();
}

function showLegend(source, classes) {
  const key = `${view.chosen} ${classes.join()}`;
  if (key === timeline.legend) return;
  timeline.legend = key;
  const items = classes.map((k) => make("li", {}, dotOf(source, source.classes[k]), named(source.classes[k])));
  byId("legend").replaceChildren(...items);
}

function startTimeline() {
  const canvas = byId("bands");
  const go = (event) => {
    const edge = timeline.edge;
    const share = (event.offsetX - edge) / (canvas.clientWidth - edge);
    if (share >= 0) pauseAt(timelineRight() - view.span * (1 - share));
  };
  let pressed = false;
  canvas.addEventListener("pointerdown", (event) => {
    pressed = true;
    go(event);
  });
  canvas.addEventListener("pointermove", (event) => pressed && go(event));
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) canvas.addEventListener(name, () => (pressed = false));
  for (const button of document.querySelectorAll("[data-span]")) {
    button.addEventListener("click", () => setSpan(Number(button.dataset.span)));
  }
  setSpan(view.span);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    timeline.luts = null;
    timeline.dirty = true;
  });
  new ResizeObserver(() => (timeline.dirty = true)).observe(canvas);
  const frame = (time) => {
    requestAnimationFrame(frame);
    const live = view.paused === null && view.link === "open";
    const pause = live ? (view.span > 200 ? 200 : 66) : Infinity;
    if (!timeline.dirty && time - timeline.drawnAt < pause) return;
    timeline.dirty = false;
    timeline.drawnAt = time;
    drawTimeline();
    drawGates();
  };
  requestAnimationFrame(frame);
}

function setSpan(seconds) {
  view.span = seconds;
  for (const button of document.querySelectorAll("[data-span]")) button.setAttribute("aria-pressed", String(Number(button.dataset.span) === seconds));
  if (view.paused !== null) view.right = Math.min(now(), Math.max(view.paused + seconds / 2, view.paused));
  timeline.dirty = true;
}
