"use strict";
// Past moments that a label rests on, and the list of events.

const lists = { past: "", events: "" };

function showPast() {
  const source = chosen();
  const moment = source && shown(source);
  const box = byId("past");
  const verdict = moment && source.verdict(moment);
  byId("why-title").textContent = moment ? `The past that the label ${shortened(moment.context, 30)} rests on` : "The past that it rests on";
  const past = verdict ? verdict.past : [];
  const key = `${view.chosen} ${verdict?.number ?? "-"} ${past.map((one) => one.number).join()}`;
  if (key !== lists.past) {
    lists.past = key;
    const most = past[0]?.weight ?? 1;
    const cards = past.map((one) => {
      const strength = make("span", { class: "strength" });
      strength.style.width = `${Math.round((100 * one.weight) / most)}%`;
      const measure = verdict.measure === "nats" ? `raises the log odds by ${one.weight.toFixed(1)} nats` : `has ${percentOf(one.weight)} of the attention`;
      const words = make("span", { class: "words" }, make("b", {}, shortened(one.label, 30)), make("span", { class: "ago" }), strength);
      const button = make("button", { type: "button", title: `It ${measure}. Show this moment.` }, make("img", { src: pictureAddress(source, one.number), alt: `Picture of a ${one.label}` }), words);
      button.addEventListener("click", () => {
        const then = source.moment(one.number);
        if (then) pauseAt(then.at);
      });
      const item = make("li", {}, button);
      item.dataset.number = one.number;
      item.dataset.ago = one.ago;
      return item;
    });
    const none = !moment ? "" : source.background.has(moment.context) ? "None is looked for: this label names nothing." : verdict ? "Nothing in the last minutes: the frame itself, or what lies further back." : "…";
    box.replaceChildren(...(cards.length ? cards : [make("li", { class: "none" }, none)]));
  }
  for (const item of box.children) {
    if (!item.dataset.number) continue;
    const then = source.moment(Number(item.dataset.number));
    const text = agoText(then ? moment.at - then.at : Number(item.dataset.ago));
    const ago = item.querySelector(".ago");
    if (ago.textContent !== text) ago.textContent = text;
  }
}

function showEvents() {
  const source = chosen();
  if (!source) return;
  const all = byId("background").checked;
  byId("background").closest("label").hidden = !source.background.size;
  const events = source.events.filter((event) => all || !source.background.has(event.label)).slice(-60).reverse();
  const key = `${view.chosen} ${all} ${events.map((event) => event.first).join()}`;
  if (key === lists.events) return;
  lists.events = key;
  const box = byId("event-list");
  if (!events.length) {
    box.replaceChildren(make("li", { class: "none" }, "No event is over yet."));
    return;
  }
  const known = new Map([...box.children].map((item) => [item.dataset.key, item]));
  box.replaceChildren(...events.map((event) => known.get(`${view.chosen} ${event.first}`) ?? eventItem(source, event)));
}

function eventItem(source, event) {
  const what = make("span", { class: "what" }, dotOf(source, event.label), named(event.label));
  const seconds = event.end - event.start;
  const length = seconds < 10 ? `${seconds.toFixed(1)} s` : agoText(seconds).replace(" ago", "");
  const when = make("span", { class: "when" }, `${clockText(event.utc)} · ${length} · ${percentOf(event.probability)}`);
  const picture = make("img", { src: pictureAddress(source, event.number), alt: "", loading: "lazy" });
  const button = make("button", { type: "button", title: "Show this moment" }, picture, make("span", {}, what, when));
  button.addEventListener("click", () => {
    const moment = source.moment(event.number) ?? source.moment(event.first);
    if (moment) pauseAt(moment.at);
    else say("This moment is no longer held.");
  });
  const item = make("li", {}, button);
  item.dataset.key = `${view.chosen} ${event.first}`;
  return item;
}
