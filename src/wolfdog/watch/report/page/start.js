// Title, numbers and settings; then the parts of the page.

function startNumbers() {
  const shown = columns.shown ? columns.shown.reduce((a, b) => a + b, 0) : N;
  const differing = entries.disagreements.reduce((sum, entry) => sum + entry.frames, 0);
  const tile = (name, value, more = "") => make("div", {}, make("dt", {}, name), make("dd", {}, grouped(value), more && make("small", {}, more)));
  const found = new Set(entries.events.map((event) => event.context).filter((label) => !data.background[label]));
  byId("tiles").replaceChildren(
    tile("Deployments", data.deployments.length),
    tile("Videos and images", data.media.length),
    tile(columns.shown ? "Frames" : "Moments", shown),
    tile("Events", entries.events.length),
    tile("Labels found", found.size),
    tile("Disagreements", entries.disagreements.length, `${percent((1000 * differing) / N)} of ${columns.shown ? "rows" : "moments"}`),
    ...(entries.queue.length ? [tile("To review", entries.queue.length)] : []),
  );
  byId("title").textContent = shortened(data.title, 300);
  const dated = data.media.map(([, first, clock, offset]) => (clock ? first + offset : null)).filter((time) => time !== null);
  const span = dated.length ? ` · ${dateText(dated.reduce((a, b) => Math.min(a, b))).slice(0, 10)} to ${dateText(dated.reduce((a, b) => Math.max(a, b))).slice(0, 10)}` : "";
  byId("summary").textContent = `${several(data.media.length, "file")} of ${several(data.deployments.length, "deployment")}${span}`;
  const settings = data.absent ? [...data.settings, ["Review queue", `${several(data.absent, "row")} of it are not in the results`]] : data.settings;
  byId("settings-list").replaceChildren(...settings.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

restore();
startNumbers();
startReview();
byId("activity-label").replaceChildren(option("", "all animals"), ...[...new Set(entries.events.map((event) => event.context))].sort((a, b) => a - b).map((label) => option(String(label), classes[label])));
byId("activity-label").addEventListener("change", drawHours);
byId("measure").addEventListener("change", drawTotals);
drawTotals();
drawHours();
startTimelines(chooseRow);
