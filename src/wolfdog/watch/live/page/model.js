"use strict";
// State of the page: sources with the moments, events, verdicts and gates of the last ten minutes.

const HELD = 600;
const MOST_EVENTS = 120;
const MOST_VERDICTS = 900;

const view = {
  session: null,
  sources: [],
  chosen: 0,
  paused: null, // time in seconds of the session at which the page stands still; null: live
  right: null, // right end of the timeline while it stands still
  span: 60,
  link: "connecting", // connecting, open, lost
  linkText: "",
  offset: 0, // from this page's clock to the session's, in seconds
};

function now() {
  return performance.now() / 1000 + view.offset;
}

class Source {
  constructor(facts) {
    this.facts = facts;
    this.name = facts.name;
    this.classes = facts.classes;
    this.place = new Map(facts.classes.map((name, number) => [name, number]));
    this.background = new Set(facts.background);
    this.state = facts.state;
    this.text = facts.text;
    this.moments = [];
    this.missing = 0; // number of the first moment that has to be asked for; null: none
    this.events = [];
    this.verdicts = [];
    this.gates = new Map(); // number of a moment -> values of all panels
    this.panels = [];
    this.rows = 0;
    this.order = [];
    this.orderedAt = -Infinity;
  }

  last() {
    return this.moments.at(-1);
  }

  // Moment at a time: the last one that is not later.
  at(time) {
    let [low, high] = [0, this.moments.length - 1];
    if (high < 0) return undefined;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.moments[middle].at <= time + 1e-6) low = middle;
      else high = middle - 1;
    }
    return this.moments[low];
  }

  index(number) {
    let [low, high] = [0, this.moments.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.moments[middle].number < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  moment(number) {
    const found = this.moments[this.index(number)];
    return found && found.number === number ? found : undefined;
  }

  add(moment) {
    moment.p = moment.snapshot_probabilities;
    moment.q = moment.context_probabilities;
    const last = this.last();
    if (!last || moment.number > last.number) this.moments.push(moment);
    else {
      const place = this.index(moment.number);
      if (this.moments[place].number === moment.number) return;
      this.moments.splice(place, 0, moment);
    }
    const oldest = this.last().at - HELD;
    let gone = 0;
    while (this.moments[gone].at < oldest) gone += 1;
    if (gone > 20 || this.moments[0].at < oldest - 30) {
      for (const one of this.moments.splice(0, gone)) this.gates.delete(one.number);
    }
  }

  addEvent(event) {
    if (this.events.some((one) => one.first === event.first)) return;
    this.events.push(event);
    this.events.sort((a, b) => a.first - b.first);
    if (this.events.length > MOST_EVENTS) this.events.shift();
  }

  addVerdict(verdict) {
    const last = this.verdicts.at(-1);
    if (last && verdict.number <= last.number) {
      if (this.verdicts.some((one) => one.number === verdict.number)) return;
      this.verdicts.push(verdict);
      this.verdicts.sort((a, b) => a.number - b.number);
    } else this.verdicts.push(verdict);
    if (this.verdicts.length > MOST_VERDICTS) this.verdicts.shift();
  }

  // Verdict that holds for a moment: the last one before it, or just after it, with the same context label.
  verdict(moment) {
    let found;
    for (const one of this.verdicts) {
      if (one.number > moment.number + 10) break;
      if (one.label === moment.context) found = one;
    }
    if (!found) return undefined;
    const from = this.moment(found.number);
    return from && Math.abs(from.at - moment.at) < 12 ? found : undefined;
  }

  addGates(message) {
    this.panels = message.panels;
    this.rows = message.rows;
    const bytes = Uint8Array.from(atob(message.values), (letter) => letter.charCodeAt(0));
    const size = this.panels.length * this.rows;
    for (let k = 0; k < message.moments; k++) this.gates.set(message.first + k, bytes.subarray(k * size, (k + 1) * size));
    while (this.gates.size > 4000) this.gates.delete(this.gates.keys().next().value);
  }

  // Order of the units: those that hold on top, by the mean of the forget gate.
  unitOrder() {
    if (this.order.length === this.rows && now() - this.orderedAt < 30) return this.order;
    this.orderedAt = now();
    const panel = this.panels.indexOf("forget");
    const means = new Float64Array(this.rows);
    for (const values of this.gates.values()) for (let row = 0; row < this.rows; row++) means[row] += values[panel * this.rows + row];
    this.order = [...means.keys()].sort((a, b) => means[b] - means[a]);
    return this.order;
  }

  paint(name) {
    return this.facts.paints[this.place.get(name)] ?? ["#888888", 0];
  }
}

function chosen() {
  return view.sources[view.chosen];
}

// Moment that is shown of a source: the last one, or the one at which the page stands still.
function shown(source) {
  return view.paused === null ? source.last() : source.at(view.paused);
}

function paintDot(element, paint) {
  element.style.backgroundColor = paint[0];
  element.className = `dot${paint[1] ? ` h${paint[1]}` : ""}`;
}

function dotOf(source, name) {
  const dot = make("span", { class: "dot" });
  paintDot(dot, source.paint(name));
  return dot;
}

function percentOf(share) {
  return `${Math.round(100 * share)} %`;
}

function pictureAddress(source, number) {
  return `/pictures/${source.facts.number}/${number}.jpg`;
}

function clockText(utc) {
  return utc ? new Date(utc).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }) : "";
}

function agoText(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s ago`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s ago`;
}
