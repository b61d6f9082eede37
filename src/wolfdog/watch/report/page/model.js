// The report's data: columns of all rows, and the entries of the three lists, each a run of rows.

const data = JSON.parse(byId("data").textContent);
const columns = data.columns;
const N = columns.frame.length;
const mediumOf = new Uint32Array(N);
const classes = data.classes;
const UNIT = 1000; // of probabilities

{
  let row = 0;
  for (const [medium, length] of columns.media) {
    mediumOf.fill(medium, row, row + length);
    row += length;
  }
}

function isShown(row) {
  return !columns.shown || columns.shown[row] === 1;
}

const deploymentOf = new Uint32Array(N);
data.deployments.forEach(([, start, stop], number) => deploymentOf.fill(number, start, stop));

function entriesOf(kind) {
  return data[kind].map(([start, stop, top, ...more], number) => {
    let frames = 0;
    let sure = 0;
    for (let row = start; row < stop; row++) {
      if (kind === "events" && !isShown(row)) continue;
      frames += 1;
      sure += columns.q[row];
    }
    let first = start;
    while (kind === "events" && !isShown(first)) first += 1;
    return {
      kind, number, start, stop, top, frames, first, sure: sure / frames, context: columns.context[first],
      snapshot: columns.snapshot[first], deployment: deploymentOf[start], medium: mediumOf[start],
      past: kind === "disagreements" ? more[0] : null,
      gain: kind === "queue" ? more[0] : null, ask: kind === "queue" ? more[1] : "", given: kind === "queue" ? more[2] : "",
    };
  });
}

const KINDS = { disagreements: "Disagreements", queue: "Review queue", events: "Events" };
const entries = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, entriesOf(kind)]));
const pictureRows = Object.keys(data.pictures).map(Number).sort((a, b) => a - b);

// The picture of an entry: that of its middle row, or else the first one among its rows.
function pictureOf(entry) {
  const middle = (entry.start + entry.stop - 1) >> 1;
  let row = middle;
  if (!(middle in data.pictures)) {
    let low = 0;
    let high = pictureRows.length;
    while (low < high) {
      const at = (low + high) >> 1;
      if (pictureRows[at] < entry.start) low = at + 1;
      else high = at;
    }
    row = pictureRows[low];
  }
  return row < entry.stop && row in data.pictures ? `data:image/jpeg;base64,${data.pictures[row]}` : null;
}

function clockOf(row) {
  return data.media[mediumOf[row]][2];
}

// Seconds of the clock that is shown; null where the time is not known or counts from the start of the file.
function wallSeconds(row) {
  const [, , clock, offset] = data.media[mediumOf[row]];
  return clock && columns.time[row] !== null ? columns.time[row] + offset : null;
}

function dateText(seconds) {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds} s` : date.toISOString().slice(0, 19).replace("T", " ");
}

function durationText(seconds) {
  const tenths = Math.round(seconds * 10) / 10;
  if (tenths < 60) return `${tenths} s`;
  const whole = Math.round(seconds);
  const two = (value) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)} h` : `${minutes}:${two(whole % 60)} min`;
}

function timeText(row) {
  const wall = wallSeconds(row);
  if (wall !== null) return dateText(wall) + (clockOf(row) === "utc" ? " UTC" : "");
  const first = data.media[mediumOf[row]][1];
  return columns.time[row] === null || first === null ? `frame ${columns.frame[row]}` : durationText(columns.time[row] - first);
}

function mediaName(row) {
  return data.media[mediumOf[row]][0] || data.deployments[deploymentOf[row]][0] || "(no name)";
}

function deploymentName(number) {
  return data.deployments[number][0] || "(no name)";
}
