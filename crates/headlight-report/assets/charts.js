// Charts: what all of them are made with. A chart is an SVG element that is drawn anew where its place changes its width;
// its colours are the page's, so that themes and print need no script.

const labelWidth = (text) => textWidth(text, 12);

/** Numbers of any size without SI prefixes. */
const figures = (value) => Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 });

/** Steps of 1, 2 or 5 times a power of ten between two values, about `most` of them; whole numbers where `whole`. */
function ticks(low, high, most, whole = false) {
  const rough = Math.max((high - low) / Math.max(1, most), Number.MIN_VALUE);
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough * .999) ?? 10);
  if (whole) step = Math.max(1, Math.round(step));
  const all = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at += 1) all.push(Number((at * step).toPrecision(12)));
  return all;
}

/** A line of numbers onto a line of pixels. */
const scale = ([low, high], [start, end]) => (value) => start + (end - start) * (high > low ? (value - low) / (high - low) : .5);

/** The smallest and largest of values, with 0 where `zero`; something where there is none. */
function range(values, zero = false) {
  const finite = values.filter(Number.isFinite);
  if (zero) finite.push(0);
  if (finite.length === 0) return [0, 1];
  const [low, high] = [finite.reduce((a, b) => Math.min(a, b)), finite.reduce((a, b) => Math.max(a, b))];
  return low === high ? [low - (zero ? 0 : .5), high + (zero ? 1 : .5)] : [low, high];
}

/** What pointing at a part of a chart says. */
const tips = new WeakMap();
function tipped(node, text) {
  tips.set(node, text);
  return node;
}

const tip = element("div", { class: "tip", "aria-hidden": "true", hidden: "" });
document.body.append(tip);
function showTip(event) {
  let node = event.target;
  while (node && node !== event.currentTarget && !tips.has(node)) node = node.parentNode;
  const text = tips.get(node);
  tip.hidden = text === undefined;
  if (tip.hidden) return;
  tip.textContent = text;
  const { width, height } = tip.getBoundingClientRect();
  const left = Math.min(event.clientX + 14, document.documentElement.clientWidth - width - 6);
  const above = event.clientY + 18 + height > document.documentElement.clientHeight;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${above ? event.clientY - height - 10 : event.clientY + 18}px`;
}

/**
 * A chart at the place `id`. `draw(width)` returns its SVG element, `rows()` what it shows as a table, titles first, `name()` is
 * that of its files. Returns what draws it anew.
 */
function chart(id, { draw, rows, name }) {
  const place = byId(id);
  let drawn = 0;
  const again = () => {
    drawn = Math.max(240, place.clientWidth);
    const drawing = draw(drawn);
    if (drawing) place.replaceChildren(drawing);
  };
  place.addEventListener("pointermove", showTip);
  place.addEventListener("pointerleave", () => { tip.hidden = true; });
  place.after(downloads(place.getAttribute("aria-label")?.split(/[:;]/)[0] ?? name(), {
    SVG: () => save(`${name()}.svg`, "image/svg+xml", standalone(place.querySelector("svg")).text),
    PNG: () => savePicture(`${name()}.png`, standalone(place.querySelector("svg"))),
    CSV: () => save(`${name()}.csv`, "text/csv", asCsv(rows())),
  }));
  new ResizeObserver(() => { if (drawn && Math.abs(drawn - Math.max(240, place.clientWidth)) > 1) again(); }).observe(place);
  return again;
}

/** A chart's SVG element of this size. Its place says what it is, and its numbers can be saved. */
function drawing(width, height, ...parts) {
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "chart", "aria-hidden": "true" }, ...parts);
}

const text = (x, y, kind, content, extra = {}) => svg("text", { x, y, class: kind, ...extra }, content);

/** A frame with axes: gridlines and numbers at `ticks`, titles below and at the side. Both axes are `{ title, range, ticks, show }`. */
function axes({ left, right, top, bottom }, x, y) {
  const [toX, toY] = [scale(x.range, [left, right]), scale(y.range, [bottom, top])];
  const parts = [];
  for (const at of y.ticks) {
    parts.push(svg("line", { class: "grid-line", x1: left, x2: right, y1: toY(at), y2: toY(at) }),
      text(left - 7, toY(at) + 4, "tick end", (y.show ?? figures)(at)));
  }
  for (const at of x.ticks) {
    parts.push(svg("line", { class: "grid-line", x1: toX(at), x2: toX(at), y1: top, y2: bottom }),
      text(toX(at), bottom + 17, "tick", (x.show ?? figures)(at)));
  }
  parts.push(svg("line", { class: "axis-line", x1: left, x2: right, y1: bottom, y2: bottom }));
  if (x.title) parts.push(text((left + right) / 2, bottom + 36, "axis-title", x.title));
  if (y.title) {
    const middle = (top + bottom) / 2;
    parts.push(text(14, middle, "axis-title", y.title, { transform: `rotate(-90 14 ${middle})` }));
  }
  return { toX, toY, parts };
}

/** Entries `[mark(x, y), name]` side by side from the top left, in as many lines as they need; with the height. */
function legendOf(entries, left, width) {
  let [x, y] = [left, 14];
  const parts = [];
  for (const [mark, name] of entries) {
    const needs = 30 + labelWidth(name) + 14;
    if (x > left && x + needs > width) [x, y] = [left, y + 18];
    parts.push(mark(x + 12, y - 4), text(x + 30, y, "legend-text", name));
    x += needs;
  }
  return { parts, height: entries.length ? y + 8 : 0 };
}

/** Marks that tell series apart without colour. */
const MARKS = [
  "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0", "M-3.6-3.6h7.2v7.2h-7.2z", "M0-5L5 0L0 5L-5 0z", "M0-5L4.8 3.6H-4.8z",
  "M0-5.2L1.5-1.7L5.2-1.6L2.3.8L3.3 4.5L0 2.4L-3.3 4.5L-2.3.8L-5.2-1.6L-1.5-1.7z", "M-1.6-5h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4v-3.2h3.4z",
];
const mark = (at, x, y, kind) => svg("path", { d: MARKS[at % MARKS.length], transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, class: kind });

// Colours of amounts: viridis (Smith & van der Walt 2015, CC0), and from harmless blue over nothing to harmful orange.
const VIRIDIS = ["440154", "482475", "414487", "355f8d", "2a788e", "21918c", "22a884", "44bf70", "7ad151", "bddf26", "fde725"];
const HARM = ["0072b2", "7fb6d8", "f4f1ea", "eda873", "d55e00"];
const COLOURS = { amount: VIRIDIS, "harm-above": HARM, "harm-below": [...HARM].reverse() };

/** The colour at a share of a scale, and black or white, whichever is legible on it. */
function colourAt(name, share) {
  const stops = COLOURS[name];
  const at = Math.max(0, Math.min(1, share)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  const part = (stop, channel) => parseInt(stops[stop].slice(2 * channel, 2 * channel + 2), 16);
  const rgb = [0, 1, 2].map((channel) => Math.round(part(low, channel) + (at - low) * (part(low + 1, channel) - part(low, channel))));
  const linear = rgb.map((value) => (value <= 10 ? value / 3294.6 : ((value / 255 + .055) / 1.055) ** 2.4));
  const luminance = .2126 * linear[0] + .7152 * linear[1] + .0722 * linear[2];
  return { fill: `rgb(${rgb.join(" ")})`, ink: luminance > .179 ? "#000" : "#fff" };
}

/** A bar of all colours of a scale with its numbers, upwards. */
function colourBar(name, range, { x, top, bottom, width }, unit, whole = false) {
  const steps = 40;
  const at = scale(range, [bottom, top]);
  const height = (bottom - top) / steps;
  const parts = Array.from({ length: steps }, (_, step) => svg("rect", {
    x, y: bottom - (step + 1) * height, width, height: height + .5, style: `fill: ${colourAt(name, (step + .5) / steps).fill}`,
  }));
  for (const value of ticks(range[0], range[1], whole ? 12 : 5, whole)) parts.push(text(x + width + 5, at(value) + 4, "tick start", figures(value)));
  if (unit) {
    const middle = (top + bottom) / 2;
    const right = x + width + 48;
    parts.push(text(right, middle, "axis-title", unit, { transform: `rotate(-90 ${right} ${middle})` }));
  }
  return svg("g", {}, ...parts);
}

// Files: a chart as SVG and PNG, a table as CSV.

/** Links that save something in each of several formats. */
function downloads(what, formats) {
  const buttons = Object.entries(formats).map(([format, action]) => {
    const button = element("button", { type: "button", "aria-label": `Save ${what} as ${format}` }, format);
    button.addEventListener("click", action);
    return button;
  });
  return element("p", { class: "downloads" }, element("span", {}, "Save as"), ...buttons);
}

function save(name, type, content) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  element("a", { href: address, download: name.replace(/[^\p{L}\p{N}._-]+/gu, "_") }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

const KEPT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "stroke-linecap", "opacity", "paint-order",
  "font-family", "font-size", "font-weight", "text-anchor", "direction"];

/** The text of a file of the element alone, in the light theme, whatever the page's, and its size. */
function standalone(source) {
  const { width, height } = source.viewBox.baseVal;
  const copy = source.cloneNode(true);
  const root = document.documentElement;
  root.dataset.theme = "light";
  const [from, to] = [source, copy].map((node) => [node, ...node.querySelectorAll("*")]);
  from.forEach((node, at) => {
    const computed = getComputedStyle(node);
    to[at].removeAttribute("class");
    to[at].setAttribute("style", KEPT.map((name) => `${name}:${computed.getPropertyValue(name)}`).join(";"));
  });
  delete root.dataset.theme;
  copy.prepend(svg("rect", { width, height, fill: "#fff" }));
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  // XML holds no control characters, not even written out.
  const content = new XMLSerializer().serializeToString(copy).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");
  return { text: content, width, height };
}

/** Twice as many pixels as on the page. */
function savePicture(name, { text: content, width, height }) {
  const image = new Image();
  image.onload = () => {
    const picture = element("canvas", { width: 2 * width, height: 2 * height });
    const context = picture.getContext("2d");
    context.drawImage(image, 0, 0, 2 * width, 2 * height);
    picture.toBlob((blob) => save(name, "image/png", blob));
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(content)}`;
}

/** As in the run's own tables: control characters are written out, and what a spreadsheet would compute is text. */
function cellText(value) {
  if (typeof value === "number") return String(value);
  const written = String(value ?? "").replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (character) => `\\u{${character.codePointAt(0).toString(16)}}`);
  const start = written.trimStart();
  return /^[=＝]./su.test(start) || /^[+\-@＋－＠].*[(|!（｜！]/su.test(start) ? `'${written}` : written;
}

function asCsv(rows) {
  const cell = (value) => {
    const content = cellText(value);
    return /[",\r\n]/.test(content) ? `"${content.replaceAll("\"", "\"\"")}"` : content;
  };
  return `${rows.map((row) => row.map(cell).join(",")).join("\n")}\n`;
}
