// Review: the chosen list, its filters, the chosen entry with its evidence, and answers by button and key.

const EMPTY = {
  disagreements: "No disagreement here: the context labels are the snapshot labels.",
  queue: "No review queue: wolfdog smooth --review 0.05 writes one.",
  events: "No event here.",
};
const ORDERS = {
  rank: ["most worth first", null],
  frames: ["most frames", (a, b) => b.frames - a.frames],
  unsure: ["least sure", (a, b) => a.sure - b.sure],
  time: ["time", (a, b) => a.first - b.first],
};
const ORDERS_OF = { disagreements: ["frames", "unsure", "time"], queue: ["rank", "unsure", "time"], events: ["time", "unsure", "frames"] };

const review = { kind: "disagreements", list: null, choices: [] };

function chosenEntry() {
  return review.list.shown[review.list.chosen] || null;
}

function showKind(kind) {
  review.kind = kind;
  for (const tab of byId("tabs").children) {
    tab.setAttribute("aria-selected", String(tab.dataset.kind === kind));
    tab.tabIndex = tab.dataset.kind === kind ? 0 : -1;
  }
  byId("sort").replaceChildren(...ORDERS_OF[kind].map((name) => option(name, ORDERS[name][0])));
  const labels = [...new Set(entries[kind].map((entry) => entry.context))].sort((a, b) => a - b);
  byId("filter-label").replaceChildren(option("", "all"), ...labels.map((label) => option(String(label), classes[label])));
  applyFilters();
}

function applyFilters() {
  const [label, place, open] = [byId("filter-label").value, byId("filter-deployment").value, byId("filter-open").checked];
  const shown = entries[review.kind].filter((entry) => (label === "" || entry.context === Number(label)) && (place === "" || entry.deployment === Number(place)) && (!open || answerOf(entry) === -1));
  const compare = ORDERS[byId("sort").value][1];
  if (compare) shown.sort(compare);
  review.list.show(shown, entries[review.kind].length ? "No entry fits these filters." : EMPTY[review.kind]);
  choose(shown.length ? 0 : -1);
}

function choose(at) {
  review.list.choose(at);
  showDetail();
}

function move(by) {
  const { shown, chosen } = review.list;
  if (shown.length) choose(Math.max(0, Math.min(shown.length - 1, chosen + by)));
}

// Choose the disagreement, or else the event, that a row is in.
function chooseRow(row) {
  const kind = ["disagreements", "events"].find((one) => entries[one].some((entry) => entry.start <= row && row < entry.stop));
  if (!kind) return;
  byId("filter-open").checked = false;
  byId("filter-deployment").value = "";
  showKind(kind);
  choose(review.list.shown.findIndex((entry) => entry.start <= row && row < entry.stop));
  byId("review").scrollIntoView({ block: "start" });
}

function accept() {
  const entry = chosenEntry();
  if (entry) give(classes[entry.context]);
}

function give(label) {
  const entry = chosenEntry();
  if (!entry || labelNumber(label) < 0) return;
  answer(entry, label);
  say(`${shortened(classes[entry.context], 60)} at ${timeText(entry.first)}: ${shortened(answerNames[answerOf(entry)], 60)}`);
  const { shown, chosen } = review.list;
  const next = shown.findIndex((one, at) => at > chosen && answerOf(one) === -1);
  refreshAnswers();
  choose(next >= 0 ? next : chosen);
}

function undo() {
  const action = undoAnswer();
  if (!action) return;
  say(`Undone: ${shortened(action.label, 60)}`);
  refreshAnswers();
  const at = review.list.shown.findIndex((entry) => entry.start === action.start && entry.stop === action.stop);
  if (at >= 0) choose(at);
  else showDetail();
}

function refreshAnswers() {
  review.list.refresh();
  const all = entries[review.kind];
  const done = all.filter((entry) => answerOf(entry) !== -1).length;
  byId("progress").textContent = all.length ? `${grouped(done)} of ${grouped(all.length)} answered` : "";
  byId("undo").disabled = byId("download").disabled = !actions.length;
}

function showDetail() {
  const entry = chosenEntry();
  const box = byId("detail");
  box.scrollTop = 0;
  if (!entry) {
    box.replaceChildren();
    return;
  }
  const source = pictureOf(entry);
  const picture = source ? make("img", { class: "picture", src: source, alt: `Frame of ${shortened(mediaName(entry.first), 80)}` }) : null;
  const strip = make("canvas", { class: "strip", role: "img", "aria-label": "Snapshot labels above and context labels below, around this entry" });
  box.replaceChildren(make("div", { class: "facts" }, picture, factsOf(entry)), strip, probabilitiesOf(entry), ...pastOf(entry), answerBox(entry));
  drawStrip(strip, entry);
}

function factsOf(entry) {
  const snapshot = entry.kind === "events" ? null : columns.p.slice(entry.start, entry.stop).reduce((a, b) => a + b, 0) / (entry.stop - entry.start);
  const line = (name, label, p) => [make("dt", {}, name), make("dd", {}, dotOf(label), named(classes[label])), make("span", { class: "p" }, percent(p))];
  const more = [];
  if (entry.gain !== null) more.push(make("p", { class: "quiet" }, `A look is expected to correct ${entry.gain.toFixed(2)} labels.${entry.ask === "yes" ? " Too unsure to stand without a person." : ""}`));
  if (entry.given) more.push(make("p", { class: "quiet" }, "Filled in in the queue: ", named(entry.given)));
  const last = entry.medium === mediumOf[entry.stop - 1] ? null : make("p", { class: "quiet" }, "to ", named(mediaName(entry.stop - 1)));
  return make("div", {}, make("h3", {}, named(mediaName(entry.first))), make("p", { class: "quiet" }, whenOf(entry)), last,
    make("dl", { class: "verdict" }, ...(snapshot === null ? [] : line("snapshot", entry.snapshot, snapshot)), ...line("context", entry.context, entry.sure)), ...more);
}

function probabilitiesOf(entry) {
  const bar = (value, kind) => {
    const element = make("span", { class: `bar ${kind}` });
    element.style.width = `${value / 10}%`;
    return element;
  };
  const rows = entry.top.map(([label, p, q]) => make("tr", {}, make("td", {}, make("span", { class: "name" }, dotOf(label), named(classes[label]))), make("td", {}, bar(p, "of-snapshot"), bar(q, "")), make("td", { class: "n" }, `${percent(p)} → ${percent(q)}`)));
  return make("table", { class: "odds" }, make("caption", { class: "hidden" }, "Mean probabilities: snapshot, then context"), make("tbody", {}, ...rows));
}

function pastOf(entry) {
  if (!entry.past || !entry.past.length) return [];
  const rows = entry.past.map(([start, stop, value]) => {
    const label = columns.snapshot[start];
    return make("li", {}, make("span", {}, dotOf(label), named(classes[label]), ` · ${timeText(start)} · ${several(stop - start, "row")}${mediumOf[start] === entry.medium ? "" : " · "}`, mediumOf[start] === entry.medium ? "" : named(mediaName(start))),
      make("span", { class: value > 0 ? "for" : "against", title: "Change of the log odds of the context label" }, `${value > 0 ? "+" : ""}${value.toFixed(2)} ${value > 0 ? "for" : "against"}`));
  });
  return [make("div", {}, make("h3", {}, "Past moments that made the label"), make("ul", { class: "past" }, ...rows))];
}

function drawStrip(canvas, entry) {
  const [, first, stop] = data.deployments[entry.deployment];
  const room = Math.max(30, entry.stop - entry.start);
  const axis = axisOf(Math.max(first, entry.start - room), Math.min(stop, entry.stop + room), "order");
  drawLanes(canvas, axis, { edge: 0, lanes: { snapshot: [3, 18], context: [25, 18] }, mark: entry });
}

function answerBox(entry) {
  review.choices = [...new Set([entry.snapshot, ...entry.top.map(([label]) => label)])].filter((label) => label !== entry.context).slice(0, 9);
  const choices = review.choices.map((label, at) => make("button", { type: "button", onclick: () => give(classes[label]) }, make("kbd", { "aria-hidden": "true" }, String(at + 1)), " ", dotOf(label), named(classes[label])));
  const note = make("p", { class: "note", role: "status" });
  const input = make("input", { id: "other", placeholder: "another label", autocomplete: "off", "aria-label": "Another label", maxLength: 200 });
  input.setAttribute("list", "labels");
  input.addEventListener("input", () => {
    const fresh = input.value.trim() && !answerNames.some((name) => plainLabel(name) === plainLabel(input.value.trim()));
    note.textContent = fresh ? "Not one of the classes: wolfdog train can learn it, wolfdog smooth --verified cannot take it." : "";
  });
  const form = make("form", {}, input, make("button", { type: "submit" }, "Correct"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    give(input.value);
    byId("list").focus({ preventScroll: true });
  });
  return make("div", { class: "answer" },
    make("div", { class: "choices" }, make("button", { type: "button", class: "primary", id: "accept", onclick: accept }, "Accept ", named(classes[entry.context]), " ", make("kbd", { "aria-hidden": "true" }, "Enter")), ...choices), form, note);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target;
  const typing = target.matches("input, select, textarea");
  if (typing) {
    if (event.key === "Escape") byId("list").focus();
    return;
  }
  const within = byId("review").contains(target);
  const control = target.matches("button, a, summary");
  const digit = Number(event.key);
  if (event.key === "j" || (within && !control && event.key === "ArrowDown")) move(1);
  else if (event.key === "k" || (within && !control && event.key === "ArrowUp")) move(-1);
  else if (event.key === "u") undo();
  else if (event.key === "c" && chosenEntry()) byId("other").focus();
  else if (event.key === "Enter" && !control && (within || target === document.body)) accept();
  else if (within && event.key === "Home") move(-Infinity);
  else if (within && event.key === "End") move(Infinity);
  else if (digit >= 1 && digit <= review.choices.length) give(classes[review.choices[digit - 1]]);
  else return;
  event.preventDefault();
}

function onTabKey(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...event.currentTarget.children];
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  showKind(next.dataset.kind);
  next.focus();
}

function startReview() {
  review.list = new EntryList(byId("list"), byId("spacer"), (at) => {
    choose(at);
    if (matchMedia("(max-width: 760px)").matches) byId("detail").scrollIntoView({ block: "start" });
  });
  byId("tabs").replaceChildren(...Object.entries(KINDS).map(([kind, name]) => {
    const tab = make("button", { type: "button", role: "tab", "aria-controls": "list", onclick: () => showKind(kind) }, name, make("span", { class: "count" }, grouped(entries[kind].length)));
    tab.dataset.kind = kind;
    return tab;
  }));
  byId("tabs").addEventListener("keydown", onTabKey);
  byId("filter-deployment").replaceChildren(option("", "all"), ...data.deployments.map((_, number) => option(String(number), deploymentName(number))));
  byId("filter-deployment-label").hidden = data.deployments.length < 2;
  for (const id of ["filter-label", "filter-deployment", "sort", "filter-open"]) byId(id).addEventListener("change", () => (applyFilters(), refreshAnswers()));
  byId("undo").addEventListener("click", undo);
  byId("download").addEventListener("click", downloadCorrections);
  document.body.append(make("datalist", { id: "labels" }, ...classes.map((name) => make("option", { value: name }))));
  document.addEventListener("keydown", onKey);
  window.addEventListener("beforeunload", (event) => {
    if (!kept && actions.length) event.preventDefault();
  });
  const redraw = () => chosenEntry() && drawStrip(byId("detail").querySelector(".strip"), chosenEntry());
  window.addEventListener("resize", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  showKind(entries.disagreements.length ? "disagreements" : entries.queue.length ? "queue" : "events");
  refreshAnswers();
}
