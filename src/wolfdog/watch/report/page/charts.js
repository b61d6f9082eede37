// Totals by label and by deployment, and events by hour of day.

const TOP = 8;

function totals(measure) {
  const byClass = new Array(classes.length).fill(0);
  const byDeployment = data.deployments.map(() => new Map());
  const add = (deployment, label, amount) => {
    byClass[label] += amount;
    const counts = byDeployment[deployment];
    counts.set(label, (counts.get(label) || 0) + amount);
  };
  if (measure === "events") for (const event of entries.events) add(event.deployment, event.context, 1);
  else for (let row = 0; row < N; row++) if (isShown(row)) add(deploymentOf[row], columns.context[row], 1);
  return { byClass, byDeployment };
}

function drawTotals() {
  const measure = byId("measure").value;
  const { byClass, byDeployment } = totals(measure);
  const order = byClass.map((_, label) => label).filter((label) => byClass[label] > 0);
  order.sort((a, b) => byClass[b] - byClass[a]);
  const all = order.reduce((sum, label) => sum + byClass[label], 0);
  const bars = order.slice(0, 40).map((label) => {
    const bar = make("span", { class: "bar" });
    bar.style.width = `${(100 * byClass[label]) / byClass[order[0]]}%`;
    const share = all ? ` (${percent((1000 * byClass[label]) / all)})` : "";
    return make("div", { title: `${byClass[label]} ${measure}${share}` }, make("span", { class: "name" }, dotOf(label), named(classes[label])), make("span", { class: "track" }, bar), make("span", { class: "n" }, grouped(byClass[label])));
  });
  byId("class-totals").replaceChildren(...bars);
  const first = order.slice(0, TOP);
  const rest = order.length > TOP;
  const head = make("tr", {}, make("th", { scope: "col" }, "Deployment"), make("th", { scope: "col", class: "n" }, `All ${measure}`),
    make("th", { scope: "col", class: "n" }, "Labels that differ"),
    ...first.map((label) => make("th", { scope: "col", class: "n" }, make("span", { class: "name" }, dotOf(label), named(classes[label])))),
    rest ? make("th", { scope: "col", class: "n" }, "Others") : null);
  const rows = data.deployments.map(([, start, stop], number) => {
    const counts = byDeployment[number];
    const sum = [...counts.values()].reduce((a, b) => a + b, 0);
    const listed = first.reduce((a, label) => a + (counts.get(label) || 0), 0);
    let [differing, shown] = [0, 0];
    for (let row = start; row < stop; row++) {
      if (!isShown(row)) continue;
      shown += 1;
      differing += columns.snapshot[row] !== columns.context[row];
    }
    const cell = (value) => make("td", { class: "n" }, value ? grouped(value) : "·");
    return make("tr", {}, make("td", {}, make("span", { class: "name" }, named(deploymentName(number)))), cell(sum),
      make("td", { class: "n" }, percent((1000 * differing) / shown)), ...first.map((label) => cell(counts.get(label) || 0)), rest ? cell(sum - listed) : null);
  });
  byId("deployment-totals").replaceChildren(make("table", {}, make("caption", { class: "hidden" }, `${measure} by deployment and label`), make("thead", {}, head), make("tbody", {}, ...rows)));
}

const OF_CLOCK = { local: "local time of the cameras", utc: "UTC", results: "times of the results file" };

function hourOf(row) {
  const wall = wallSeconds(row);
  return wall === null ? -1 : Math.floor((((wall % 86400) + 86400) % 86400) / 3600);
}

function drawHours() {
  const wanted = byId("activity-label").value;
  const found = entries.events.filter((event) => (wanted === "" ? !data.background[event.context] : event.context === Number(wanted)) && hourOf(event.first) >= 0);
  const clocks = [...new Set(found.map((event) => OF_CLOCK[clockOf(event.first)]))];
  const box = byId("hours");
  if (!found.length) {
    const dated = data.media.some((medium) => medium[2]);
    box.replaceChildren(make("p", { class: "empty" }, dated ? "No event with this label has a time of day." : "The times of day are not known: these results count from the start of each file."));
    return;
  }
  const counts = Array.from({ length: 24 }, () => new Map());
  for (const event of found) {
    const hour = counts[hourOf(event.first)];
    hour.set(event.context, (hour.get(event.context) || 0) + 1);
  }
  const sums = counts.map((hour) => [...hour.values()].reduce((a, b) => a + b, 0));
  box.replaceChildren(hoursDrawing(counts, sums), make("p", { class: "quiet" }, `Events by the hour in which they begin, ${clocks.join(" or ")}.`), hoursTable(sums));
}

function hoursDrawing(counts, sums) {
  const [W, H, LEFT, LOW] = [960, 230, 34, 24];
  const most = Math.max(...sums);
  const step = (W - LEFT) / 24;
  const y = (value) => 8 + (H - LOW - 8) * (1 - value / most);
  const drawing = draw("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", preserveAspectRatio: "none", "aria-label": `Events by hour of day; most, ${most}, in the hour from ${sums.indexOf(most)}:00` });
  for (const value of new Set([0, Math.round(most / 2), most])) {
    drawing.append(draw("line", { x1: LEFT, x2: W, y1: y(value), y2: y(value) }), draw("text", { x: LEFT - 7, y: y(value) + 4, "text-anchor": "end" }, String(value)));
  }
  counts.forEach((hour, at) => {
    let low = 0;
    for (const [label, count] of [...hour].sort(([a], [b]) => a - b)) {
      const bar = draw("rect", { x: LEFT + at * step + step * 0.12, width: step * 0.76, y: y(low + count), height: Math.max(1, y(low) - y(low + count)), fill: data.paints[label][0] });
      bar.append(draw("title", {}, `${at}:00 ${shortened(classes[label], 80)}: ${count}`));
      drawing.append(bar);
      low += count;
    }
    if (at % 3 === 0) drawing.append(draw("text", { x: LEFT + (at + 0.5) * step, y: H - 6, "text-anchor": "middle" }, `${at}`));
  });
  return drawing;
}

function hoursTable(sums) {
  const rows = sums.map((sum, hour) => make("tr", {}, make("th", { scope: "row" }, `${hour}:00`), make("td", { class: "n" }, String(sum))));
  return make("details", {}, make("summary", {}, "The numbers as a table"), make("table", {}, make("tbody", {}, ...rows)));
}
