"use strict";
// Connection to the server: messages as they come, and what was missed after a pause.

const connection = { stream: null, wait: 500, timer: 0, since: 0, lostAt: 0, round: 0 };

function connect() {
  clearTimeout(connection.timer);
  connection.stream?.close();
  const round = (connection.round += 1);
  const stream = (connection.stream = new EventSource("/events"));
  stream.addEventListener("message", (event) => round === connection.round && receive(JSON.parse(event.data)));
  stream.addEventListener("error", () => {
    if (round !== connection.round) return;
    stream.close();
    connection.round += 1;
    if (view.link !== "lost") connection.lostAt = performance.now();
    view.link = "lost";
    view.linkText = "no connection, trying again";
    timeline.dirty = true;
    showNumbers();
    connection.timer = setTimeout(connect, connection.wait);
    connection.wait = Math.min(connection.wait * 1.6, 5000);
  });
}

// The server's clock, from the request with the shortest way there and back; a clock that drifts is set again and again.
async function setClock() {
  let best = Infinity;
  for (let k = 0; k < 6; k++) {
    const before = performance.now();
    const answer = await fetch("/clock", { cache: "no-store" }).catch(() => null);
    if (!answer?.ok) return;
    const { at } = await answer.json();
    const after = performance.now();
    if (after - before < best) {
      best = after - before;
      view.offset = at - (before + after) / 2000;
    }
  }
}

// Moments of a source that passed without a connection, from the first one that is missing.
async function fill_(source) {
  if (source.missing === null) return;
  const answer = await fetch(`/history?source=${source.facts.number}&after=${source.missing}`, { cache: "no-store" }).catch(() => null);
  if (!answer?.ok) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let [rest, whole] = ["", true];
  for (;;) {
    const part = await reader.read().catch(() => null);
    if (part === null) whole = false;
    if (part === null || part.done) break;
    const lines = (rest + part.value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line) keep(JSON.parse(line));
  }
  if (whole) source.missing = null;
  showAll();
}

function receive(message) {
  if (message.type === "session") {
    begin(message);
    return;
  }
  keep(message);
  const source = view.sources[message.source];
  if (!source) return;
  if (message.type === "moment") {
    const page = now() - message.at;
    stage.delays.push({ source: message.source, page });
    if (stage.delays.length > 25) stage.delays.shift();
    showTile(message.source);
    if (message.source === view.chosen) {
      if (view.paused === null) {
        showStage();
        showPast();
        showTelevision();
      }
      showNumbers();
    }
  } else if (message.type === "event") showEvents();
  else if (message.type === "evidence") showPast();
  else if (message.type === "source") showAll();
  else if (message.type === "television") {
    source.facts.television.between = message.between;
    showBetween();
  }
  if (message.type === "gates" && view.paused !== null) timeline.dirty = true;
}

function keep(message) {
  const source = view.sources[message.source];
  if (!source) return;
  if (message.type === "moment") source.add(message);
  else if (message.type === "event") source.addEvent(message);
  else if (message.type === "evidence") source.addVerdict(message);
  else if (message.type === "gates") source.addGates(message);
  else if (message.type === "source") [source.state, source.text] = [message.state, message.text];
}

async function begin(session) {
  const other = view.session?.id !== session.id;
  view.session = session;
  view.link = "open";
  connection.wait = 500;
  if (view.offset === 0 || other) view.offset = session.at - performance.now() / 1000;
  if (other) {
    view.sources = session.sources.map((facts) => new Source(facts));
    view.chosen = Math.min(view.chosen, view.sources.length - 1);
    view.paused = view.right = null;
    remote.source = -1;
    timeline.legend = "";
    lists.past = lists.events = "";
    byId("event-list").replaceChildren();
    makeTiles();
    document.title = `${view.sources.length === 1 ? `${shortened(view.sources[0].name, 40)} · ` : ""}wolfdog live`;
  } else {
    session.sources.forEach((facts, k) => {
      [view.sources[k].state, view.sources[k].text] = [facts.state, facts.text];
      if (facts.television) view.sources[k].facts.television = facts.television;
      view.sources[k].missing ??= (view.sources[k].last()?.number ?? -1) + 1; // before new moments come
    });
    showBetween();
  }
  showAll();
  await setClock();
  await Promise.all(view.sources.map(fill_));
}
