// The plots, drawn by plotly.

// Colours after Okabe and Ito, which colour-blind people tell apart, a set for each theme; each also has its own marker
// and its own kind of line.
const SERIES = 6;
const seriesColour = (at) => css(`--series-${1 + at % SERIES}`);
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "star", "cross"];
const DASHES = ["solid", "dash", "dashdot", "longdash", "longdashdot", "5px,2px"];

/** Plotly reads some markup in texts; as entities, data shows as it is. */
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

function axis(title, extra = {}) {
  return {
    fixedrange: true, title: { text: title, standoff: 8 }, gridcolor: css("--grid"), zerolinecolor: css("--line"), linecolor: css("--line"),
    tickcolor: css("--line"), automargin: true, ...extra,
  };
}

function layout(extra) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: css("--sans"), size: 13, color: css("--ink") },
    hoverlabel: { bgcolor: css("--panel"), bordercolor: css("--line"), font: { color: css("--ink"), family: css("--sans") } },
    margin: { l: 60, r: 20, t: 36, b: 48 }, showlegend: false,
    modebar: { bgcolor: "rgba(0,0,0,0)", color: css("--faint"), activecolor: css("--accent") }, ...extra,
  };
}

/** Draws at the place `id`, which gets the height of the plot: plotly takes it from there when the window changes. */
function plot(id, traces, extra, name, tools = false) {
  const options = {
    responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    displayModeBar: tools ? "hover" : false, toImageButtonOptions: { format: "svg", filename: name },
  };
  byId(id).style.height = `${extra.height + 2}px`;
  return Plotly.react(byId(id), traces, layout({ dragmode: tools ? "pan" : false, ...extra }), options);
}

/** Numbers of any size without SI prefixes. */
const figures = (value) => Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 });

/** All figures of curves: dots for single heads, a line for each series, dotted lines to compare with. */
function startPanels() {
  for (const panel of plots.panels) later(() => themed(() => drawPanel(panel)));
}

function drawPanel(panel) {
  const dots = (points, marker) => ({
    type: "scatter", mode: "markers", x: points.map((dot) => dot[0]), y: points.map((dot) => dot[1]), showlegend: false,
    text: points.map((dot) => plain(`${dot[2]}: ${figures(dot[1])}`)), hovertemplate: "%{text}<extra></extra>", marker,
  });
  const series = panel.lines.filter((line) => !line.reference);
  const traces = panel.dots.length ? [dots(panel.dots, { color: css("--bar"), size: 6, opacity: .55 })] : [];
  for (const line of panel.lines) {
    const at = series.indexOf(line);
    const colour = line.reference ? css("--soft") : panel.dots.length ? css("--wrong") : seriesColour(at);
    const bar = (end, sign) => line.points.map(({ y, interval }) => (interval ? sign * (interval[end] - y) : 0));
    traces.push({
      type: "scatter", mode: line.reference || line.points.length > 40 ? "lines" : "lines+markers", name: plain(shortened(line.name, 60)),
      x: line.points.map((point) => point.x), y: line.points.map((point) => point.y),
      text: line.points.map(({ x, y, note }) => plain(`${line.name}, ${x} ${panel.x}: ${figures(y)}${note ? `; ${note}` : ""}`)),
      hovertemplate: "%{text}<extra></extra>",
      line: { color: colour, width: line.reference ? 1.5 : 2.3, dash: line.reference ? "dot" : DASHES[Math.max(at, 0) % DASHES.length] },
      marker: { symbol: SYMBOLS[Math.max(at, 0) % SYMBOLS.length], size: 7 },
      error_y: {
        type: "data", symmetric: false, visible: line.points.some((point) => point.interval), color: colour, thickness: 1.2, width: 3,
        array: bar(1, 1), arrayminus: bar(0, -1),
      },
    });
  }
  if (panel.rings.length) traces.push(dots(panel.rings, { color: css("--ink"), size: 15, symbol: "circle-open", line: { width: 2 } }));
  const most = Math.max(...panel.lines.flatMap((line) => line.points.map((point) => point.x)));
  plot(panel.id, traces, {
    height: 280, showlegend: panel.lines.length > 1, legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 12 } },
    xaxis: axis(panel.x, { zeroline: false, tickformat: "d", ...(most <= 12 ? { dtick: 1 } : {}) }),
    yaxis: axis(plain(panel.y), { rangemode: "tozero", zeroline: false, exponentformat: "power" }), margin: { l: 60, r: 16, t: 24, b: 44 },
  }, panel.id);
}

/** The map of all heads by multidimensional scaling, once by layer and once by what a head does. */
function startMap() {
  if (!byId("map-layers")) return;
  const heads = run.clusters;
  const place = (group) => ({
    type: "scatter", mode: "markers", x: group.map((head) => head.x), y: group.map((head) => head.y),
    text: group.map((head) => `head ${headName(head.layer, head.head)}${head.label ? `<br>${plain(head.label)}` : ""}`), hovertemplate: "%{text}<extra></extra>",
  });
  const square = () => ({
    height: 460, xaxis: axis("", { showticklabels: false, zeroline: false, fixedrange: false }),
    yaxis: axis("", { showticklabels: false, zeroline: false, scaleanchor: "x", fixedrange: false }), margin: { l: 20, r: 20, t: 36, b: 20 },
    legend: { orientation: "h", y: -.04 },
  });
  later(() => themed(() => {
    plot("map-layers", [{
      ...place(heads),
      marker: {
        size: 11, color: heads.map((head) => head.layer + 1), colorscale: "Viridis", line: { width: 1, color: css("--panel") },
        colorbar: { title: { text: "layer" }, thickness: 12, outlinewidth: 0, dtick: run.model.layers > 8 ? 2 : 1 },
      },
    }], square(), "map-by-layer", true);
    const labels = [...new Set(heads.map((head) => head.label))].sort((a, b) => (a === "") - (b === "") || a.localeCompare(b));
    const traces = labels.map((label, at) => {
      const [color, symbol] = label === "" ? [css("--faint"), "circle-open"] : [seriesColour(at), SYMBOLS[at % SYMBOLS.length]];
      return {
        ...place(heads.filter((head) => head.label === label)), name: plain(label || "no clear behaviour"),
        marker: { size: 11, color, symbol, line: { width: 1, color: label === "" ? color : css("--panel") } },
      };
    });
    plot("map-roles", traces, { ...square(), showlegend: true }, "map-by-role", true);
  }));
}

/** Probe scores as bars with intervals, a measure at a time. */
function startProbes() {
  if (!byId("probe-plot")) return;
  const box = byId("probe-measure");
  fillSelect(box, run.probes.map((measure, at) => [at, measure.title]), 0);
  const draw = () => {
    const measure = run.probes[Number(box.value)];
    const rows = [...measure.scores].reverse();
    const scale = measure.share ? 100 : 1;
    const trace = {
      type: "bar", orientation: "h", y: rows.map((_, at) => at), x: rows.map((row) => scale * row.value),
      marker: { color: css("--bar") }, text: rows.map((row) => plain(`${row.name}: ${figures(scale * row.value)}`)), textposition: "none",
      hovertemplate: "%{text}<extra></extra>",
      error_x: {
        type: "data", symmetric: false, color: css("--ink"), thickness: 1.2,
        array: rows.map((row) => (row.high === null ? 0 : scale * (row.high - row.value))),
        arrayminus: rows.map((row) => (row.low === null ? 0 : scale * (row.value - row.low))),
      },
    };
    // The numbers stand behind the intervals.
    const numbers = {
      type: "scatter", mode: "text", y: trace.y, x: rows.map((row) => scale * Math.max(row.value, row.high ?? row.value, 0)), cliponaxis: false,
      text: rows.map((row) => ` ${(scale * row.value).toFixed(measure.share ? 1 : 2)}`), textposition: "middle right", hoverinfo: "skip",
    };
    plot("probe-plot", [trace, numbers], {
      height: 90 + 34 * rows.length, xaxis: axis(measure.share ? "%" : plain(measure.title), { rangemode: "tozero" }),
      yaxis: axis("", { showgrid: false, zeroline: false, tickvals: trace.y, ticktext: rows.map((row) => plain(shortened(row.name, 36))) }),
      margin: { l: 60, r: 50, t: 10, b: 48 },
    }, "probes");
  };
  box.addEventListener("change", draw);
  later(() => themed(draw));
}
