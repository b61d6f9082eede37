// Answers of a person: a label for each row, made by actions that can be undone, kept in the browser where it allows.

const STORE = `wolfdog-report:${data.digest}`;
const answerNames = [...classes];
const answers = new Int32Array(N).fill(-1);
let actions = [];
let kept = true;

// The form in which labels are compared: as labels files are read, capitals and spaces do not make another label.
function plainLabel(text) {
  return text.toLowerCase().replace(/[\s_-]+/g, " ");
}

function labelNumber(text) {
  const label = text.normalize("NFC").trim().replace(/\s+/g, " ");
  if (!label) return -1;
  const exact = answerNames.indexOf(text) >= 0 ? answerNames.indexOf(text) : answerNames.indexOf(label);
  if (exact >= 0) return exact;
  const alike = answerNames.findIndex((name) => plainLabel(name) === plainLabel(label));
  return alike >= 0 ? alike : answerNames.push(label) - 1;
}

function applies(entry, row) {
  return entry.kind !== "events" || isShown(row);
}

function perform({ start, stop, shown, label }) {
  const number = labelNumber(label);
  for (let row = start; row < stop; row++) if (!shown || isShown(row)) answers[row] = number;
}

function answer(entry, label) {
  const action = { start: entry.start, stop: entry.stop, shown: entry.kind === "events", label };
  actions.push(action);
  perform(action);
  keep();
}

function undoAnswer() {
  const action = actions.pop();
  if (!action) return null;
  answers.fill(-1);
  actions.forEach(perform);
  keep();
  return action;
}

// The answer to an entry: the number of its label, -1 for none, -2 where its rows have different ones.
function answerOf(entry) {
  let found = null;
  for (let row = entry.start; row < entry.stop; row++) {
    if (!applies(entry, row)) continue;
    if (found === null) found = answers[row];
    else if (found !== answers[row]) return -2;
  }
  return found === null ? -1 : found;
}

function keep() {
  try {
    localStorage.setItem(STORE, JSON.stringify(actions));
    kept = true;
  } catch {
    kept = false; // no storage: the page warns before it is left
  }
}

function restore() {
  try {
    const found = JSON.parse(localStorage.getItem(STORE) || "[]");
    const whole = (value) => Number.isInteger(value) && value >= 0 && value <= N;
    actions = found.filter((one) => whole(one.start) && whole(one.stop) && typeof one.label === "string" && one.label.trim());
    actions.forEach(perform);
  } catch {
    actions = [];
  }
}

function csvField(value) {
  // Spreadsheets run texts that begin like a formula: such a text gets an apostrophe, which readers of labels take off.
  const text = typeof value === "string" && /^'*[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n;\t]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// Labels as a table that `wolfdog smooth --verified` and `wolfdog train --labels` read: spans of frames; or, where frames
// hold several detections or files have no name of their own, a line for each row.
function correctionsCSV() {
  const lines = [data.spans ? ["video", "start_frame", "end_frame", "label", "deployment"] : ["deployment", "file", "frame", "detection", "label"]];
  for (let row = 0; row < N; row++) {
    if (answers[row] < 0) continue;
    const medium = data.media[mediumOf[row]][0];
    const place = data.deployments[deploymentOf[row]][0];
    const label = answerNames[answers[row]];
    if (!data.spans) {
      lines.push([place, medium, columns.frame[row], columns.detection ? columns.detection[row] : -1, label]);
      continue;
    }
    const first = columns.frame[row];
    while (row + 1 < N && answers[row + 1] === answers[row] && mediumOf[row + 1] === mediumOf[row] && columns.frame[row + 1] > columns.frame[row]) row += 1;
    lines.push([medium, first, columns.frame[row] + 1, label, place]);
  }
  return lines.map((line) => line.map(csvField).join(",")).join("\r\n") + "\r\n";
}

function downloadCorrections() {
  const name = data.title.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 80) || "report";
  const url = URL.createObjectURL(new Blob([correctionsCSV()], { type: "text/csv" }));
  const link = make("a", { href: url, download: `${name}.corrections.csv` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  say(`${several(actions.length, "answer")} written`);
}
