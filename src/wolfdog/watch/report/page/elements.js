// Elements of the page. Names and labels are only ever the text of a node, never markup.

const SVG = "http://www.w3.org/2000/svg";

function byId(id) {
  return document.getElementById(id);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name === "class") element.setAttribute("class", value);
    else if (name in element && !name.startsWith("aria")) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function make(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// A name in a part of its own, so that one written from right to left does not turn the text around it.
function named(text) {
  return make("bdi", { title: text.length > 24 ? text.slice(0, 500) : "" }, shortened(text, 240));
}

function shortened(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function option(value, text) {
  return make("option", { value }, shortened(text, 60));
}

const NUMBERS = new Intl.NumberFormat("en");

function grouped(number) {
  return NUMBERS.format(number);
}

function several(count, word) {
  return `${grouped(count)} ${word}${count === 1 ? "" : "s"}`;
}

function percent(thousandths) {
  return `${(thousandths / 10).toFixed(1)} %`;
}

function say(text) {
  byId("said").textContent = text;
}
