// The page of a collection: a table of which the rows in sight are drawn, and curves against a number that runs differ in.

const data = JSON.parse(byId("collection-data").textContent);
const RUNS = data.names.length;
const setting = (column, run) => (column.texts ? column.texts[column.values[run]] ?? "" : column.values[run]);
const count = (number) => number.toLocaleString("en");

// Which runs and which results are looked at.

const byText = data.settings.filter((column) => column.texts);
const byNumber = data.settings.filter((column) => !column.texts);
const haystack = Array.from({ length: RUNS }, (_, run) => [data.names[run], ...data.settings.map((column) => `${column.name}=${setting(column, run)}`)].join(" ").toLowerCase());
const measures = [...new Set(data.results.map((result) => result.measure))];
const titles = { best_head: "accuracy of the best head, %", masked_lm_loss: "loss, nats per hidden piece", pairs_accuracy: "minimal pairs, %" };
const view = { measure: measures[0], show: "value", rows: "run", sort: null, descending: true };

function foundRuns() {
  const words = byId("find-runs").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  return haystack.map((_, run) => run).filter((run) => words.every((word) => haystack[run].includes(word)));
}
function foundResults() {
  const wanted = byId("find-columns").value.trim().toLowerCase().split(/[\s,]+/).filter(Boolean);
  const ofMeasure = data.results.filter((result) => result.measure === view.measure);
  return ofMeasure.filter((result) => !wanted.length || wanted.some((word) => result.of.toLowerCase().includes(word)));
}

/** The number of a result of one run as the page shows it, or null. */
function number(result, run) {
  const value = result.value[run];
  if (value === null) return null;
  if (view.show === "value") return value;
  const baseline = result.baseline?.[run] ?? null;
  return baseline === null ? null : value - baseline;
}
function mean(result, runs) {
  let [sum, counted, low, high] = [0, 0, Infinity, -Infinity];
  for (const run of runs) {
    const value = number(result, run);
    if (value === null) continue;
    sum += value; counted += 1; low = Math.min(low, value); high = Math.max(high, value);
  }
  return counted ? { value: sum / counted, counted, low, high } : null;
}
const factor = (result) => (result.share ? 100 : 1);
const shown = (result, value) => `${view.show === "difference" && value > 0 ? "+" : ""}${(factor(result) * value).toFixed(result.share ? 1 : 3)}`.replace("-", "−");

/** What a number rests on, in words. */
function note(result, runs, cell) {
  if (runs.length > 1) {
    const spread = cell.counted > 1 ? `, from ${shown(result, cell.low)} to ${shown(result, cell.high)}` : "";
    return `${result.of}: mean of ${count(cell.counted)} of ${count(runs.length)} runs${spread}`;
  }
  const run = runs[0];
  const of = (column) => result[column]?.[run] ?? null;
  const parts = [`${result.of}: ${shown(result, cell.value)}${result.share ? " %" : ""}`];
  if (of("total") !== null) parts.push(`${count(of("correct"))} of ${count(of("total"))}`);
  if (of("low") !== null) parts.push(`interval ${(factor(result) * of("low")).toFixed(1)} to ${(factor(result) * of("high")).toFixed(1)}`);
  if (of("head") !== null) parts.push(`${data.heads[of("head")]}, the best of ${count(data.candidates[run])} heads; chosen: ${data.selection[run]}`);
  if (of("baseline") !== null) parts.push(`baseline ${(factor(result) * of("baseline")).toFixed(1)}`);
  return parts.join("; ");
}

// The table.

const HEIGHT = 32;
let lines = [];
let columns = [];

/** Groups of runs, each a row. */
function groups() {
  const runs = foundRuns();
  if (view.rows === "run") return runs.map((run) => ({ name: data.names[run], runs: [run] }));
  const column = data.settings.find((it) => it.name === view.rows);
  const found = new Map();
  for (const run of runs) {
    const key = String(setting(column, run) ?? "");
    if (!found.has(key)) found.set(key, { name: key, runs: [] });
    found.get(key).runs.push(run);
  }
  return [...found.values()];
}

function keyOf(line, column) {
  if (column.name === undefined) return line.name;
  if (column.result) return mean(column.result, line.runs)?.value ?? null;
  return column.setting ? setting(column.setting, line.runs[0]) : line.runs.length;
}
function sortLines() {
  const column = columns.find((it) => it.id === view.sort);
  if (!column) return;
  const keyed = lines.map((line) => [keyOf(line, column), line]);
  const order = (x, y) => (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true }));
  // What has no number stands last in both orders.
  const missing = (key) => key === null || key === "";
  keyed.sort(([x], [y]) => missing(x) - missing(y) || (missing(x) ? 0 : (view.descending ? -1 : 1) * order(x, y)));
  lines = keyed.map(([, line]) => line);
}

function drawTable() {
  const results = foundResults();
  const single = view.rows === "run";
  lines = groups();
  columns = [{ id: "name", title: single ? "run" : view.rows }];
  if (single) columns.push(...data.settings.map((it) => ({ id: `s ${it.name}`, name: it.name, title: it.name, setting: it })));
  else columns.push({ id: "runs", name: "runs", title: "runs" });
  columns.push(...results.map((it) => ({ id: `r ${it.of}`, name: it.of, title: it.of, result: it })));
  sortLines();
  const [head, body] = [byId("matrix-table").tHead, byId("matrix-table").tBodies[0]];
  head.replaceChildren(element("tr", {}, ...columns.map((column) => {
    const sorted = column.id === view.sort ? (view.descending ? "descending" : "ascending") : "none";
    const button = element("button", { type: "button" }, column.title);
    button.addEventListener("click", () => {
      const numeric = Boolean(column.result) || column.id === "runs" || (column.setting && !column.setting.texts);
      view.descending = view.sort === column.id ? !view.descending : Boolean(numeric);
      view.sort = column.id;
      drawTable();
    });
    return element("th", { scope: "col", "aria-sort": sorted, ...(column.result ? { class: "number" } : {}) }, button);
  })));
  const ends = results.map((result) => {
    const values = lines.map((line) => mean(result, line.runs)?.value).filter((value) => value !== undefined);
    return [Math.min(...values), Math.max(...values)];
  });
  // Shares have one scale, other numbers one for each column.
  const scale = new Map(results.map((result, at) => [result, result.share && view.show === "value" ? [0, 1] : ends[at]]));
  body.dataset.columns = columns.length;
  body.scale = scale;
  byId("matrix-table").setAttribute("aria-rowcount", lines.length + 1);
  byId("matrix-readout").textContent = `${count(lines.length)} rows of ${count(lines.reduce((sum, line) => sum + line.runs.length, 0))} of ${count(RUNS)} runs, ${count(results.length)} columns of ${titles[view.measure] ?? view.measure}`;
  drawRows();
}

function drawRows() {
  const [box, body] = [byId("matrix-window"), byId("matrix-table").tBodies[0]];
  const first = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - 10);
  const last = Math.min(lines.length, first + Math.ceil(box.clientHeight / HEIGHT) + 25);
  const space = (rows) => element("tr", { class: "space", "aria-hidden": "true" }, element("td", { colspan: columns.length, style: `height:${rows * HEIGHT}px` }));
  const row = (line, at) => element("tr", { "aria-rowindex": at + 2 }, ...columns.map((column) => cellOf(line, column, body.scale)));
  body.replaceChildren(space(first), ...lines.slice(first, last).map((line, at) => row(line, first + at)), space(lines.length - last));
}

function cellOf(line, column, scale) {
  if (column.name === undefined) {
    const link = view.rows === "run" ? data.links[line.runs[0]] : null;
    return element("th", { scope: "row", title: line.name }, link ? element("a", { href: link }, line.name) : line.name || "(none)");
  }
  if (column.id === "runs") return element("td", { class: "number" }, count(line.runs.length));
  if (column.setting) {
    const value = setting(column.setting, line.runs[0]);
    return element("td", { class: column.setting.texts ? "text" : "number", title: value ?? "" }, value === null ? "" : String(value));
  }
  const cell = mean(column.result, line.runs);
  if (!cell) return element("td", { class: "number" }, "");
  const [low, high] = scale.get(column.result);
  const share = high > low ? (cell.value - low) / (high - low) : 0;
  return element("td", { class: "cell", style: `--share:${share.toFixed(3)}`, title: note(column.result, line.runs, cell) }, shown(column.result, cell.value));
}

// The curves.

const MOST_LINES = 12;
const DASHES = ["", "7 4", "2 3", "9 3 2 3", "12 4", "4 2"];

function drawCurves() {
  const column = byNumber.find((it) => it.name === byId("against").value);
  const results = foundResults();
  const [by, plot] = [byId("lines").value, byId("curves-plot")];
  byId("of").disabled = by === "of";
  if (!column || !results.length) {
    byId("curves-readout").textContent = column ? "no result of this name" : "runs differ in no number";
    plot.replaceChildren();
    return;
  }
  const runs = foundRuns().filter((run) => column.values[run] !== null);
  const one = results.find((it) => it.of === byId("of").value) ?? results[0];
  let all;
  if (by === "of") all = results.map((result) => ({ name: result.of, result, runs }));
  else {
    const group = byText.find((it) => it.name === by);
    const names = group ? [...new Set(runs.map((run) => setting(group, run)))] : ["all runs"];
    all = names.map((name) => ({ name, result: one, runs: group ? runs.filter((run) => setting(group, run) === name) : runs }));
  }
  const curves = all.map(({ name, result, runs: own }) => {
    const at = new Map();
    for (const run of own) {
      if (!at.has(column.values[run])) at.set(column.values[run], []);
      at.get(column.values[run]).push(run);
    }
    const points = [...at].map(([x, group]) => ({ x, group, cell: mean(result, group) })).filter((point) => point.cell);
    return { name, result, points: points.sort((a, b) => a.x - b.x) };
  }).filter((curve) => curve.points.length);
  const drawn = curves.slice(0, MOST_LINES);
  byId("curves-readout").textContent = `${by === "of" ? "" : `${one.of}; `}${count(drawn.length)} of ${count(curves.length)} lines, ${count(runs.length)} runs${curves.length > MOST_LINES ? "; searching narrows them" : ""}`;
  plot.replaceChildren(drawn.length ? chart(drawn, column) : "");
}

function ticks(low, high) {
  const step = 10 ** Math.floor(Math.log10((high - low) / 4 || 1));
  const wide = [1, 2, 5, 10].map((times) => times * step).find((size) => (high - low) / size <= 6) ?? step;
  const all = [];
  for (let at = Math.ceil(low / wide) * wide; at <= high + wide / 1e6; at += wide) all.push(Number(at.toPrecision(12)));
  return all;
}

function chart(curves, column) {
  const [width, height, left, top, bottom] = [1100, 440, 64, 16, 46];
  const right = 250;
  const bent = byId("logarithmic").checked ? (x) => Math.sign(x) * Math.log10(1 + Math.abs(x)) : (x) => x;
  const [xs, ys] = [curves.flatMap((it) => it.points.map((p) => p.x)), curves.flatMap((it) => it.points.map((p) => factor(it.result) * p.cell.value))];
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const [y0, y1] = [Math.min(0, ...ys), Math.max(...ys) || 1];
  const place = (low, high, from, to) => (value) => from + ((to - from) * (value - low)) / (high - low || 1);
  const bentX = place(bent(x0), bent(x1), left, width - right);
  const [px, py] = [(x) => bentX(bent(x)), place(y0, y1, height - bottom, top)];
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `curves against ${column.name}` });
  for (const y of ticks(y0, y1)) {
    drawing.append(svg("line", { class: "grid", x1: left, x2: width - right, y1: py(y), y2: py(y) }), svg("text", { x: left - 8, y: py(y) + 4, "text-anchor": "end" }, String(y)));
  }
  const places = [...new Set(xs)].sort((a, b) => a - b);
  let last = -Infinity;
  for (const x of places.length <= 12 || byId("logarithmic").checked ? places : ticks(x0, x1)) {
    if (px(x) - last < 44) continue;
    last = px(x);
    drawing.append(svg("line", { class: "grid", x1: px(x), x2: px(x), y1: top, y2: height - bottom }), svg("text", { x: px(x), y: height - bottom + 18, "text-anchor": "middle" }, String(x)));
  }
  drawing.append(svg("text", { x: (left + width - right) / 2, y: height - 8, "text-anchor": "middle" }, column.name));
  curves.forEach((curve, at) => {
    const colour = `var(--series-${1 + (at % 6)})`;
    const points = curve.points.map((point) => [px(point.x), py(factor(curve.result) * point.cell.value)]);
    const style = { fill: "none", stroke: colour, "stroke-width": 2.2, "stroke-dasharray": DASHES[Math.floor(at / 6) % DASHES.length] };
    drawing.append(svg("polyline", { points: points.map((it) => it.join(",")).join(" "), ...style }));
    points.forEach(([x, y], number) => {
      const point = curve.points[number];
      const dot = svg("circle", { cx: x, cy: y, r: 4, fill: colour });
      dot.append(svg("title", {}, `${curve.name}, ${column.name} ${point.x}; ${note(curve.result, point.group, point.cell)}; ${shown(curve.result, point.cell.value)}`));
      drawing.append(dot);
    });
    const y = top + 12 + at * 22;
    drawing.append(svg("line", { x1: width - right + 16, x2: width - right + 44, y1: y - 4, y2: y - 4, ...style }));
    const name = curve.name.length > 28 ? `${curve.name.slice(0, 27)}…` : curve.name;
    drawing.append(svg("text", { x: width - right + 50, y }, name || "(none)"));
  });
  return drawing;
}

function fillOf() {
  fillSelect(byId("of"), data.results.filter((it) => it.measure === view.measure).map((it) => [it.of, it.of]));
}
function drawAll() {
  drawTable();
  drawCurves();
}

fillSelect(byId("measure"), measures.map((it) => [it, titles[it] ?? it]), view.measure);
fillSelect(byId("show"), [["value", "the number"], ["difference", "difference to the baseline"]], "value");
fillSelect(byId("rows"), [["run", "each run"], ...data.settings.map((it) => [it.name, `mean by ${it.name}`])], "run");
fillSelect(byId("against"), byNumber.map((it) => [it.name, it.name]));
fillSelect(byId("lines"), [["of", "each relation"], ["", "all runs together"], ...byText.map((it) => [it.name, `each ${it.name}`])], "of");
fillOf();
byId("measure").addEventListener("change", (event) => { view.measure = event.target.value; view.sort = null; fillOf(); drawAll(); });
byId("show").addEventListener("change", (event) => { view.show = event.target.value; drawAll(); });
byId("rows").addEventListener("change", (event) => { view.rows = event.target.value; view.sort = null; drawTable(); });
byId("find-runs").addEventListener("input", drawAll);
byId("find-columns").addEventListener("input", drawAll);
for (const id of ["against", "lines", "of", "logarithmic"]) byId(id).addEventListener("change", drawCurves);
byId("matrix-window").addEventListener("scroll", () => requestAnimationFrame(drawRows));
addEventListener("resize", drawRows);
drawAll();
document.documentElement.dataset.drawn = "yes";
