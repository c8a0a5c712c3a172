// Curves, the map of heads, and bars of probes.

// Colours after Okabe and Ito, which colour-blind people tell apart, a set for each theme; each also has its own mark
// and its own kind of line.
const SERIES = 6;
const DASHES = ["", "7 4", "7 3 2 3", "11 4", "11 3 2 3", "4 2"];

/** All figures of curves. Those of one group stand beside each other and share their axes, where these mean the same. */
function startPanels() {
  for (const group of plots.panels) {
    for (const panel of group) {
      const alike = (name) => group.filter((other) => other[name] === panel[name]);
      const points = (panels) => panels.flatMap((of) => of.lines.flatMap((line) => line.points));
      const dots = (panels) => panels.flatMap((of) => [...of.dots, ...of.rings]);
      const xs = [...points(alike("x")).map((point) => point.x), ...dots(alike("x")).map((dot) => dot[0])];
      const ys = [...points(alike("y")).flatMap(({ y, interval }) => [y, ...(interval ?? [])]), ...dots(alike("y")).map((dot) => dot[1])];
      const draw = chart(panel.id, {
        name: () => panel.id, draw: (width) => panelDrawing(panel, width, range(xs), range(ys, true)), rows: () => panelRows(panel),
      });
      later(draw);
    }
  }
}

function panelRows(panel) {
  const points = panel.lines.flatMap((line) => line.points.map(({ x, y, interval, note }) => [line.name, x, y, interval?.[0], interval?.[1], note]));
  const dots = [...panel.dots, ...panel.rings].map(([x, y, name]) => [name, x, y, "", "", ""]);
  return [["of", panel.x, panel.y, "low", "high", "note"], ...points, ...dots];
}

/** Dots for single heads, a line for each series, dotted lines to compare with. */
function panelDrawing(panel, width, xRange, yRange) {
  const series = panel.lines.filter((line) => !line.reference);
  const kindOf = (line) => (line.reference ? "reference" : panel.dots.length ? "mean" : `series-${1 + series.indexOf(line) % SERIES}`);
  const dashOf = (line) => (line.reference ? "2 4" : DASHES[series.indexOf(line) % DASHES.length]);
  const entry = (line) => [(x, y) => svg("g", { class: `curve ${kindOf(line)}` },
    svg("path", { class: "stroke", d: `M${x - 12} ${y}h24`, "stroke-dasharray": dashOf(line) }),
    ...(line.reference ? [] : [mark(series.indexOf(line), x, y, "mark")])), shortened(line.name, 60)];
  const legend = legendOf(panel.lines.length > 1 ? panel.lines.map(entry) : [], 8, width - 8);
  const yTicks = ticks(...yRange, 5);
  const frame = { left: 34 + Math.max(...yTicks.map((at) => labelWidth(figures(at)))), right: width - 16, top: legend.height + 12, bottom: legend.height + 212 };
  const room = Math.max(2, (frame.right - frame.left) / 44);
  const { toX, toY, parts } = axes(frame, { title: panel.x, range: padded(xRange), ticks: ticks(...xRange, room, true) }, { title: panel.y, range: [yRange[0], yRange[1] * 1.04], ticks: yTicks });
  parts.push(...legend.parts);
  const said = (name, y, note = "") => `${name}: ${figures(y)}${note && `; ${note}`}`;
  for (const [x, y, name] of panel.dots) parts.push(tipped(svg("circle", { class: "dot", cx: toX(x), cy: toY(y), r: 3.4 }), said(name, y)));
  for (const line of panel.lines) {
    const places = line.points.map((point) => [toX(point.x), toY(point.y), point]);
    const group = svg("g", { class: `curve ${kindOf(line)}` });
    for (const [x, , { interval }] of places) {
      if (!interval) continue;
      const [low, high] = interval.map(toY);
      group.append(svg("path", { class: "interval", d: `M${x - 3} ${low}h6m-3 0V${high}m-3 0h6` }));
    }
    group.append(svg("path", { class: "stroke", d: places.map(([x, y], at) => `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join(""), "stroke-dasharray": dashOf(line) }));
    for (const [x, y, point] of places) {
      if (!line.reference && places.length <= 40) group.append(mark(series.indexOf(line), x, y, "mark"));
      group.append(tipped(svg("circle", { class: "touch", cx: x, cy: y, r: 9 }), said(`${line.name}, ${point.x} ${panel.x}`, point.y, point.note)));
    }
    parts.push(group);
  }
  for (const [x, y, name] of panel.rings) parts.push(tipped(svg("circle", { class: "ring", cx: toX(x), cy: toY(y), r: 8 }), said(name, y)));
  return drawing(width, frame.bottom + 46, ...parts);
}

/** Room for marks at both ends. */
function padded([low, high]) {
  const room = (high - low) * .03;
  return [low - room, high + room];
}

/** The map of all heads by multidimensional scaling, once by layer and once by what a head does. */
function startMap() {
  if (!byId("map-layers")) return;
  const heads = run.clusters;
  const labels = [...new Set(heads.map((head) => head.label))].sort((a, b) => (a === "") - (b === "") || a.localeCompare(b));
  const rows = () => [["head", "x", "y", "behaviour"], ...heads.map((head) => [headName(head.layer, head.head), head.x, head.y, head.label])];
  const pictures = { "map-layers": byLayerDrawing, "map-roles": (width, window) => byRoleDrawing(width, window, labels) };
  for (const [id, draw] of Object.entries(pictures)) {
    const window = { zoom: 1, x: .5, y: .5 };
    const again = chart(id, { name: () => id, draw: (width) => draw(width, window), rows });
    zoomable(byId(id), window, again);
    later(again);
  }
}

/** Where heads stand in a square of the page, as seen through a window. */
function placesOf(heads, frame, window) {
  const [xs, ys] = [range(heads.map((head) => head.x)), range(heads.map((head) => head.y))];
  const half = Math.max(xs[1] - xs[0], ys[1] - ys[0]) * .54 / window.zoom;
  const middle = ([low, high], at) => low + (high - low) * at;
  const [cx, cy] = [middle(xs, window.x), middle(ys, window.y)];
  const size = Math.min(frame.right - frame.left, frame.bottom - frame.top) / 2;
  const [mx, my] = [(frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2];
  const place = (head) => [mx + (head.x - cx) / half * size, my - (head.y - cy) / half * size];
  const inside = ([x, y]) => x >= frame.left && x <= frame.right && y >= frame.top && y <= frame.bottom;
  return heads.map((head) => [head, place(head)]).filter(([, at]) => inside(at));
}

const MAP_HEIGHT = 460;
const headTip = (head) => `head ${headName(head.layer, head.head)}${head.label ? `, ${head.label}` : ""}`;
const headMark = (shape, [x, y], head, kind, style) => {
  const node = mark(shape, x, y, `head-mark ${kind}`);
  node.setAttribute("transform", `${node.getAttribute("transform")} scale(1.35)`);
  if (style) node.setAttribute("style", style);
  node.addEventListener("click", () => choose({ layer: head.layer, head: head.head }));
  return tipped(node, headTip(head));
};

function byLayerDrawing(width, window) {
  const frame = { left: 12, right: width - 74, top: 12, bottom: MAP_HEIGHT - 12 };
  const layers = [1, Math.max(2, run.model.layers)];
  const places = placesOf(run.clusters, frame, window);
  const marks = places.map(([head, at]) => headMark(0, at, head, "", `fill: ${colourAt("amount", (head.layer + 1 - layers[0]) / (layers[1] - layers[0])).fill}`));
  return drawing(width, MAP_HEIGHT, ...marks, colourBar("amount", layers, { x: width - 62, top: 24, bottom: MAP_HEIGHT - 24, width: 12 }, "layer", true));
}

function byRoleDrawing(width, window, labels) {
  const kind = (label) => (label === "" ? "none" : `series-${1 + labels.indexOf(label) % SERIES}`);
  const shape = (label) => (label === "" ? 0 : labels.indexOf(label));
  const legend = legendOf(labels.map((label) => [(x, y) => mark(shape(label), x, y, `head-mark ${kind(label)}`), label || "no clear behaviour"]), 8, width - 8);
  const frame = { left: 12, right: width - 12, top: legend.height + 12, bottom: legend.height + MAP_HEIGHT - 24 };
  const marks = placesOf(run.clusters, frame, window).map(([head, at]) => headMark(shape(head.label), at, head, kind(head.label)));
  return drawing(width, legend.height + MAP_HEIGHT - 12, ...legend.parts, ...marks);
}

/** Buttons that look closer, and a pointer that moves what is seen. */
function zoomable(place, window, again) {
  const change = (zoom) => { Object.assign(window, zoom === 1 ? { zoom, x: .5, y: .5 } : { zoom }); again(); };
  const buttons = [["+", "Closer", () => change(Math.min(16, window.zoom * 1.6))], ["−", "Farther", () => change(Math.max(1, window.zoom / 1.6))], ["all", "Show all", () => change(1)]];
  const bar = element("p", { class: "zoom" }, ...buttons.map(([sign, label, action]) => {
    const button = element("button", { type: "button", "aria-label": `${label}: ${place.getAttribute("aria-label")}` }, sign);
    button.addEventListener("click", action);
    return button;
  }));
  place.before(bar);
  let from = null;
  place.addEventListener("pointerdown", (event) => { if (window.zoom > 1) from = [event.clientX, event.clientY]; });
  addEventListener("pointerup", () => { from = null; });
  place.addEventListener("pointermove", (event) => {
    if (!from) return;
    const part = 1 / (MAP_HEIGHT * window.zoom);
    const within = (value) => Math.max(0, Math.min(1, value));
    Object.assign(window, { x: within(window.x - (event.clientX - from[0]) * part), y: within(window.y + (event.clientY - from[1]) * part) });
    from = [event.clientX, event.clientY];
    again();
  });
}

/** Probe scores as bars with intervals, a measure at a time. */
function startProbes() {
  if (!byId("probe-plot")) return;
  const box = byId("probe-measure");
  fillSelect(box, run.probes.map((measure, at) => [at, measure.title]), 0);
  const measure = () => run.probes[Number(box.value)];
  const draw = chart("probe-plot", {
    name: () => `probes-${measure().title}`, draw: (width) => barsDrawing(measure(), width),
    rows: () => [["probe", measure().title, "low", "high"], ...measure().scores.map((row) => [row.name, row.value, row.low, row.high])],
  });
  box.addEventListener("change", draw);
  later(draw);
}

function barsDrawing({ title, share, scores }, width) {
  const factor = share ? 100 : 1;
  const names = scores.map((row) => shortened(row.name, 44));
  const narrow = width < 560;
  const left = narrow ? 14 : 24 + Math.max(...names.map(labelWidth));
  const step = narrow ? 44 : 34;
  const frame = { left, right: width - 56, top: 10, bottom: 10 + step * scores.length };
  const x = range(scores.flatMap((row) => [row.value, row.low, row.high]).filter((value) => value !== null).map((value) => factor * value), true);
  const { toX, parts } = axes(frame, { title: share ? "%" : title, range: x, ticks: ticks(...x, Math.max(2, (frame.right - left) / 70)) }, { range: [0, 1], ticks: [] });
  scores.forEach((row, at) => {
    const middle = frame.top + step * at + (narrow ? 30 : step / 2);
    const [value, low, high] = [row.value, row.low ?? row.value, row.high ?? row.value].map((number) => factor * number);
    const from = toX(Math.max(x[0], 0));
    parts.push(narrow ? text(left, middle - 15, "bar-name start", names[at]) : text(left - 9, middle + 4, "bar-name end", names[at]));
    parts.push(tipped(svg("rect", { class: "bar", x: Math.min(from, toX(value)), width: Math.abs(toX(value) - from), y: middle - 9, height: 18 }),
      `${row.name}: ${figures(value)}${row.low === null ? "" : ` [${figures(low)}, ${figures(high)}]`}`));
    if (row.low !== null) parts.push(svg("path", { class: "bar-interval", d: `M${toX(low)} ${middle - 4}v8m0-4H${toX(high)}m0-4v8` }));
    parts.push(text(toX(Math.max(value, high, 0)) + 7, middle + 4, "bar-number start", value.toFixed(share ? 1 : 2)));
  });
  return drawing(width, frame.bottom + 46, ...parts);
}
