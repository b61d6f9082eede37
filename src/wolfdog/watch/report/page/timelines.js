// Timelines: for each deployment the snapshot labels, the context labels and their probability, on a canvas.

const LANES = { snapshot: [0, 26], context: [32, 26], q: [68, 34] };
const LANE_NAMES = { snapshot: "snapshot", context: "context", q: "sure" };
const EDGE = 62;

function colourOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// Rows of a deployment that are drawn, and their places from 0 to 1: by time where that rises and leaves few empty parts.
function axisOf(start, stop, wanted) {
  const rows = [];
  for (let row = start; row < stop; row++) if (isShown(row)) rows.push(row);
  let [rising, covered] = [true, 0];
  rows.forEach((row, at) => {
    const time = columns.time[row];
    if (time === null || (at && !(time >= columns.time[rows[at - 1]]))) rising = false;
    covered += columns.duration[row];
  });
  const [first, last] = [columns.time[rows[0]], columns.time[rows.at(-1)]];
  const span = last + columns.duration[rows.at(-1)] - first;
  const byTime = rising && span > 0 && (wanted === "time" || (wanted === "" && covered > span / 4));
  const low = (at) => (byTime ? (columns.time[rows[at]] - first) / span : at / rows.length);
  const high = (at) => {
    const next = at + 1 < rows.length ? low(at + 1) : 1;
    return byTime && columns.duration[rows[at]] > 0 ? Math.min(next, low(at) + columns.duration[rows[at]] / span + 1e-9) : next;
  };
  return { rows, low, high, byTime };
}

// Fill of a label: its colour, with a hatch where labels share one.
function fillOf(context, label) {
  const [colour, hatch] = data.paints[label];
  if (!hatch) return colour;
  const tile = make("canvas", { width: 6, height: 6 });
  const pen = tile.getContext("2d");
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 6, 6);
  pen.strokeStyle = pen.fillStyle = "rgba(0, 0, 0, 0.65)";
  pen.beginPath();
  if (hatch === 2) pen.fillRect(2, 2, 2, 2);
  if (hatch === 1 || hatch === 3) (pen.moveTo(0, 6), pen.lineTo(6, 0));
  if (hatch === 3) (pen.moveTo(0, 0), pen.lineTo(6, 6));
  if (hatch === 4) (pen.moveTo(3, 0), pen.lineTo(3, 6));
  pen.stroke();
  return context.createPattern(tile, "repeat");
}

function drawLanes(canvas, axis, { edge = EDGE, lanes = LANES, mark = null } = {}) {
  const box = canvas.getBoundingClientRect();
  if (box.width <= edge + 1) return; // not laid out
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(box.width * scale));
  canvas.height = Math.max(1, Math.round(box.height * scale));
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const width = box.width - edge;
  const place = (share) => edge + share * width;
  const fills = new Map();
  pen.font = "12px system-ui, sans-serif";
  for (const [name, [top, height]] of Object.entries(lanes)) {
    if (edge) {
      pen.fillStyle = colourOf("--quiet");
      pen.fillText(LANE_NAMES[name], 0, top + height / 2 + 4);
    }
    pen.fillStyle = colourOf("--soft");
    pen.fillRect(edge, top, width, height);
    if (name === "q") drawProbability(pen, axis, place, top, height);
    else {
      for (let at = 0; at < axis.rows.length; ) {
        const label = columns[name][axis.rows[at]];
        const left = place(axis.low(at));
        let right = place(axis.high(at));
        at += 1;
        while (at < axis.rows.length && columns[name][axis.rows[at]] === label && place(axis.low(at)) <= right + 0.5) right = place(axis.high(at++));
        if (!fills.has(label)) fills.set(label, fillOf(pen, label));
        pen.fillStyle = fills.get(label);
        pen.fillRect(left, top, Math.max(right - left, 0.8), height);
      }
    }
  }
  if (edge) drawTicks(pen, axis, place, box);
  if (mark) {
    const at = axis.rows.findIndex((row) => row >= mark.start);
    let last = at;
    while (last + 1 < axis.rows.length && axis.rows[last + 1] < mark.stop) last += 1;
    pen.strokeStyle = colourOf("--ink");
    pen.lineWidth = 2;
    pen.strokeRect(place(axis.low(at)), 1, Math.max(place(axis.high(last)) - place(axis.low(at)), 2), box.height - 2);
  }
}

// Times below the lanes: as many as there is room for, each at the place of its frame.
function drawTicks(pen, axis, place, box) {
  pen.fillStyle = colourOf("--quiet");
  pen.font = "11px system-ui, sans-serif";
  const count = Math.max(2, Math.floor((box.width - EDGE) / 190) + 1);
  let at = 0;
  let taken = -Infinity;
  for (let tick = 0; tick < count; tick++) {
    const share = tick / count;
    while (at + 1 < axis.rows.length && axis.low(at + 1) <= share) at += 1;
    const x = place(axis.low(at));
    const text = timeText(axis.rows[at]);
    if (x < taken || x + pen.measureText(text).width > box.width) continue;
    pen.fillRect(x, 103, 1, 4);
    pen.fillText(text, x, 117);
    taken = x + pen.measureText(text).width + 14;
  }
}

function drawProbability(pen, axis, place, top, height) {
  pen.strokeStyle = colourOf("--accent");
  pen.lineWidth = 1.4;
  pen.beginPath();
  let [last, low, high] = [-1, 0, 0];
  const y = (value) => top + height * (1 - value / UNIT);
  axis.rows.forEach((row, at) => {
    const x = Math.floor(place((axis.low(at) + axis.high(at)) / 2));
    const value = columns.q[row];
    if (x !== last) {
      if (last >= 0 && high !== low) (pen.lineTo(last, y(low)), pen.lineTo(last, y(high)));
      pen.lineTo(x, y(value));
      [last, low, high] = [x, value, value];
    } else [low, high] = [Math.min(low, value), Math.max(high, value)];
  });
  pen.stroke();
}

function makeLane(number, choose) {
  const [, start, stop] = data.deployments[number];
  const canvas = make("canvas", { tabIndex: 0, role: "img" });
  const output = make("output", {}, "");
  const ends = make("span", { class: "quiet" });
  const lane = make("div", { class: "lane" }, make("div", { class: "head" }, make("h3", {}, named(deploymentName(number))), ends), canvas, output);
  let axis = null;
  let at = -1;
  const tell = (next) => {
    at = Math.max(0, Math.min(axis.rows.length - 1, next));
    const row = axis.rows[at];
    output.textContent = `${timeText(row)} · ${shortened(mediaName(row), 60)} · snapshot ${shortened(classes[columns.snapshot[row]], 40)} ${percent(columns.p[row])} · context ${shortened(classes[columns.context[row]], 40)} ${percent(columns.q[row])}`;
  };
  const nearest = (event) => {
    const share = (event.offsetX - EDGE) / (canvas.clientWidth - EDGE);
    let [low, high] = [0, axis.rows.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (axis.low(middle) <= share) low = middle;
      else high = middle - 1;
    }
    tell(low);
  };
  canvas.addEventListener("pointermove", nearest);
  canvas.addEventListener("click", (event) => {
    nearest(event);
    choose(axis.rows[at]);
  });
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") tell(at + (event.key === "ArrowRight" ? 1 : -1));
    else if (event.key === "Enter" && at >= 0) choose(axis.rows[at]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  lane.redraw = () => {
    axis = axisOf(start, stop, byId("axis").value);
    drawLanes(canvas, axis);
    const [first, last] = [axis.rows[0], axis.rows.at(-1)];
    ends.textContent = axis.byTime || wallSeconds(first) !== null ? `${timeText(first)} to ${timeText(last)}${axis.byTime ? "" : ", in order"}` : `${several(axis.rows.length, "frame")} in order`;
    canvas.setAttribute("aria-label", `Timeline of ${shortened(deploymentName(number), 80)}: ${several(axis.rows.length, "frame")}. Arrow keys move through them.`);
  };
  return lane;
}

function startTimelines(choose) {
  const used = new Set();
  for (let row = 0; row < N; row++) if (isShown(row)) used.add(columns.snapshot[row]).add(columns.context[row]);
  byId("legend").replaceChildren(...[...used].sort((a, b) => a - b).slice(0, 60).map((label) => make("li", {}, dotOf(label), named(classes[label]))));
  const lanes = data.deployments.map((_, number) => makeLane(number, choose));
  byId("lanes").replaceChildren(...lanes);
  const seen = new Set();
  const watcher = new IntersectionObserver((changes) => {
    for (const { target, isIntersecting } of changes) {
      if (isIntersecting && !seen.has(target)) {
        seen.add(target);
        target.redraw();
      } else if (!isIntersecting) seen.delete(target);
    }
  }, { rootMargin: "300px" });
  lanes.forEach((lane) => watcher.observe(lane));
  const redraw = () => seen.forEach((lane) => lane.redraw());
  new ResizeObserver(redraw).observe(byId("lanes"));
  byId("axis").addEventListener("change", redraw);
  window.addEventListener("beforeprint", () => lanes.forEach((lane) => lane.redraw()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}
