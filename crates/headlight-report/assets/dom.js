// Elements: what the scripts of all pages are made with.

const byId = (id) => document.getElementById(id);
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** An HTML element with attributes and children; texts are set as text, so that markup in data stays text. */
function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Options of a select box, each `[value, text]`. */
function fillSelect(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
  if (chosen !== undefined) select.value = chosen;
}

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with attributes and children. */
function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

let canvas = null;
function textWidth(text, size = 15) {
  canvas ??= document.createElement("canvas").getContext("2d");
  canvas.font = `${size}px ${css("--sans")}`;
  return canvas.measureText(text).width;
}

/** Has a word looked at by pointer and by key, and held by a click, Enter or the space bar. */
function lookable(target, look, leave, hold) {
  target.addEventListener("mouseenter", look);
  target.addEventListener("mouseleave", leave);
  target.addEventListener("focus", look);
  target.addEventListener("blur", leave);
  target.addEventListener("click", hold);
  target.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); hold(); }
  });
}

