"use strict";
// Gates of the memory over time, beneath the timeline and on the same axis.

const PANEL = 46;
const GATE_TEXTS = {
  learn: "learn: dark where the memory takes something in",
  forget: "forget: dark where it holds what it has",
  remember: "remember: what it holds, blue below zero and orange above",
  use: "use: dark where what it holds is read",
};

function rgb(text) {
  const pen = (timeline.probe ??= make("canvas", { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true }));
  pen.fillStyle = text;
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

// Colours of the values 0 to 255: of gates from closed to open, of a memory from below zero to above it.
function lookUp() {
  const [low, high, minus, plus] = ["--low", "--high", "--minus", "--plus"].map((name) => rgb(colour(name)));
  const between = (a, b, t) => a.map((value, k) => Math.round(value + (b[k] - value) * t));
  const gate = Array.from({ length: 256 }, (_, v) => between(low, high, v / 255));
  const signed = Array.from({ length: 256 }, (_, v) => (v < 128 ? between(minus, low, v / 128) : between(low, plus, (v - 128) / 127)));
  timeline.luts = { gate, signed };
}

function drawGates() {
  const source = chosen();
  const box = byId("gates");
  box.hidden = !source?.panels.length;
  if (box.hidden) return;
  const canvas = byId("gate-panels");
  const panels = source.panels;
  const height = panels.length * (PANEL + 6);
  canvas.style.height = `${height}px`;
  const [pen, width] = sized(canvas, height);
  const edge = timeline.edge;
  if (!timeline.luts) lookUp();
  const right = timelineRight();
  const left = right - view.span;
  const columns = columnsOf(source, right, width, edge);
  const order = source.unitOrder();
  const scale = window.devicePixelRatio || 1;
  const wide = Math.max(1, Math.round((width - edge) * scale));
  panels.forEach((name, panel) => {
    const top = panel * (PANEL + 6);
    pen.fillStyle = colour("--quiet");
    pen.font = "12px system-ui, sans-serif";
    pen.fillText(name, 0, top + PANEL / 2 + 4);
    const image = pen.createImageData(wide, source.rows);
    const empty = rgb(colour("--soft"));
    for (let k = 0; k < image.data.length; k += 4) (image.data[k] = empty[0]), (image.data[k + 1] = empty[1]), (image.data[k + 2] = empty[2]), (image.data[k + 3] = 255);
    const lut = name === "remember" ? timeline.luts.signed : timeline.luts.gate;
    for (const [x, w, moment] of columns) {
      const values = source.gates.get(moment.number);
      if (!values) continue;
      const from = Math.max(0, Math.round((x - edge) * scale));
      const to = Math.min(wide, Math.max(from + 1, Math.round((x - edge + w) * scale)));
      for (let row = 0; row < source.rows; row++) {
        const [r, g, b] = lut[values[panel * source.rows + order[row]]];
        for (let place = 4 * (row * wide + from), end = 4 * (row * wide + to); place < end; place += 4) {
          image.data[place] = r;
          image.data[place + 1] = g;
          image.data[place + 2] = b;
        }
      }
    }
    const sheet = (timeline.sheet ??= make("canvas"));
    if (sheet.width !== wide || sheet.height !== source.rows) (sheet.width = wide), (sheet.height = source.rows);
    sheet.getContext("2d").putImageData(image, 0, 0);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(sheet, 0, 0, wide, source.rows, edge, top, width - edge, PANEL);
  });
  drawCursor(pen, source, right, edge, width, 3, height - 6);
  const text = panels.map((name) => GATE_TEXTS[name]).join(" · ");
  if (byId("gates-text").textContent !== text) byId("gates-text").textContent = text;
  canvas.setAttribute("aria-label", `Gates over time, ${source.rows} rows each. ${text}`);
}
