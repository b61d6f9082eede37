// List of entries that holds elements for the visible rows alone, so that its length does not matter.

const ROW = 68;
const SPARE = 6;

class EntryList {
  constructor(box, spacer, choose) {
    Object.assign(this, { box, spacer, shown: [], chosen: -1, rows: new Map(), due: false });
    box.addEventListener("scroll", () => this.soon(), { passive: true });
    box.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row) choose(Number(row.dataset.at));
    });
    new ResizeObserver(() => this.soon()).observe(box);
  }

  show(shown, empty) {
    this.shown = shown;
    this.clear();
    this.spacer.style.height = `${shown.length * ROW}px`;
    this.box.scrollTop = 0;
    if (!shown.length) this.spacer.append(make("p", { class: "empty" }, empty));
    this.render();
  }

  // Draw again, where answers have changed.
  refresh() {
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
    this.render();
  }

  clear() {
    this.rows.clear();
    this.spacer.replaceChildren();
  }

  soon() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      this.render();
    });
  }

  render() {
    const height = this.box.clientHeight || 560;
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW) - SPARE);
    const stop = Math.min(this.shown.length, Math.ceil((this.box.scrollTop + height) / ROW) + SPARE);
    for (const [at, row] of this.rows) {
      if (at >= first && at < stop) continue;
      row.remove();
      this.rows.delete(at);
    }
    for (let at = first; at < stop; at++) {
      if (!this.rows.has(at)) {
        const row = this.made(at);
        this.rows.set(at, row);
        this.spacer.append(row);
      }
      const [row, selected] = [this.rows.get(at), String(at === this.chosen)];
      if (row.getAttribute("aria-selected") !== selected) row.setAttribute("aria-selected", selected);
    }
    if (this.rows.has(this.chosen)) this.box.setAttribute("aria-activedescendant", `entry-${this.chosen}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  choose(at) {
    this.chosen = at;
    if (at >= 0) {
      const top = at * ROW;
      const low = this.box.scrollTop + this.box.clientHeight - ROW;
      if (top < this.box.scrollTop) this.box.scrollTop = top;
      else if (top > low) this.box.scrollTop = top - this.box.clientHeight + ROW;
    }
    this.render();
  }

  made(at) {
    const entry = this.shown[at];
    const row = make(
      "div",
      { class: "row", id: `entry-${at}`, role: "option", "aria-setsize": this.shown.length, "aria-posinset": at + 1 },
      ...(pictureRows.length ? [thumbOf(entry)] : []),
      make("div", { class: "words" }, whatOf(entry), make("div", { class: "where" }, named(mediaName(entry.first)), ` · ${whenOf(entry)}`)),
      stateOf(entry),
    );
    row.dataset.at = at;
    row.style.top = `${at * ROW}px`;
    return row;
  }
}

function thumbOf(entry) {
  const source = pictureOf(entry);
  return source ? make("img", { class: "thumb", src: source, alt: "" }) : make("span", { class: "thumb" });
}

function dotOf(label) {
  const [colour, hatch] = data.paints[label] || ["#888888", 0];
  const dot = make("span", { class: `dot h${hatch}`, "aria-hidden": "true" });
  dot.style.backgroundColor = colour;
  return dot;
}

function whatOf(entry) {
  const words = [dotOf(entry.context), named(classes[entry.context])];
  if (entry.kind !== "events" && entry.snapshot !== entry.context) {
    words.push(make("span", { class: "was" }, " instead of ", named(classes[entry.snapshot])));
  }
  return make("div", { class: "what" }, ...words);
}

function whenOf(entry) {
  return `${timeText(entry.first)}${entry.frames > 1 ? ` · ${several(entry.frames, "frame")}` : ""}`;
}

function stateOf(entry) {
  const found = answerOf(entry);
  if (found === -2) return make("span", { class: "state changed" }, "several answers");
  if (found < 0) {
    const text = entry.gain === null ? percent(entry.sure) : `gain ${entry.gain.toFixed(2)}`;
    return make("span", { class: "state" }, text, make("span", { class: "hidden" }, entry.gain === null ? " sure" : " labels"));
  }
  const same = found === entry.context;
  return make("span", { class: `state ${same ? "good" : "changed"}` }, same ? "✓ accepted" : "✎ ", same ? null : named(answerNames[found]));
}
