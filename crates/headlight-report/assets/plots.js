// The plots, drawn by plotly.

// Okabe and Ito's colours, which colour-blind people tell apart; each also has its own marker.
const COLOURS = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#999999"];
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "star", "cross", "circle-open"];

/** Plotly reads some markup in texts; as entities, data shows as it is. */
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

function axis(title, extra = {}) {
  return {
    title: { text: title, standoff: 8 }, gridcolor: css("--grid"), zerolinecolor: css("--line"), linecolor: css("--line"),
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

function plot(id, traces, extra, name) {
  const options = {
    responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    toImageButtonOptions: { format: "svg", filename: name },
  };
  return Plotly.react(byId(id), traces, layout(extra), options);
}

/** Layer × head heat map of a relation and direction. */
function startHeatMap() {
  if (!byId("heat-map")) return;
  const { layers, heads } = run.model;
  const names = run.scores.relations.map((relation, at) => [relation, `${relation} (${run.scores.totals[at].toLocaleString("en")})`]);
  const relationBox = byId("heat-relation");
  const directionBox = byId("heat-direction");
  fillSelect(relationBox, names, view.relation);
  fillSelect(directionBox, DIRECTIONS.map((name) => [name, ARROWS[name]]), view.direction);
  relationBox.addEventListener("change", () => chooseRelation(relationBox.value));
  directionBox.addEventListener("change", () => {
    const at = run.scores.relations.indexOf(view.relation);
    const best = bestOf(run.scores.correct[directionBox.value][at]);
    choose({ direction: directionBox.value, layer: Math.floor(best / heads), head: best % heads });
  });

  const draw = () => {
    const at = run.scores.relations.indexOf(view.relation);
    if (at < 0) return;
    relationBox.value = view.relation;
    directionBox.value = view.direction;
    const total = run.scores.totals[at];
    const correct = run.scores.correct[view.direction][at];
    const cell = (make) => Array.from({ length: layers }, (_, layer) =>
      Array.from({ length: heads }, (_, head) => make(layer, head, correct[layer * heads + head])));
    const crowded = layers * heads > 200;
    const trace = {
      type: "heatmap", colorscale: "Viridis", xgap: 1, ygap: 1, zmin: 0,
      x: Array.from({ length: heads }, (_, head) => head + 1), y: Array.from({ length: layers }, (_, layer) => layer + 1),
      z: cell((_layer, _head, count) => 100 * count / total),
      text: cell((layer, head, count) => `head ${headName(layer, head)}<br>${count.toLocaleString("en")} of ${total.toLocaleString("en")}: ${percent(count / total)} %`),
      hovertemplate: "%{text}<extra></extra>", texttemplate: crowded ? "" : "%{z:.0f}", textfont: { size: 11 },
      colorbar: { title: { text: "% right", side: "right" }, thickness: 12, outlinewidth: 0 },
    };
    const frame = (layer, head) => ({
      type: "rect", x0: head + .5, x1: head + 1.5, y0: layer + .5, y1: layer + 1.5, line: { color: css("--wrong"), width: 3 },
    });
    plot("heat-map", [trace], {
      height: Math.max(300, Math.min(900, 110 + 38 * layers)), shapes: [frame(view.layer, view.head)],
      xaxis: axis("head", { dtick: 1, showgrid: false, zeroline: false }),
      yaxis: axis("layer", { dtick: 1, autorange: "reversed", showgrid: false, zeroline: false }), margin: { l: 60, r: 20, t: 16, b: 48 },
    }, `heat-map-${view.relation}`);
    const count = correct[view.layer * heads + view.head];
    const best = run.best[view.relation];
    const base = best ? ` Best baseline: ${percent(best.baselineAccuracy)} % (${best.baseline}).` : "";
    byId("heat-readout").textContent =
      `Head ${headName(view.layer, view.head)}, ${ARROWS[view.direction]}, ${view.relation}: ${percent(count / total)} % of ${total.toLocaleString("en")}.${base}`;
  };
  listeners.push(draw);
  themed(draw);
  byId("heat-map").on("plotly_click", ({ points: [point] }) => choose({ layer: point.y - 1, head: point.x - 1 }));
}

const bestOf = (counts) => counts.reduce((best, count, at) => (count > counts[best] ? at : best), 0);

/** Small multiples over layers: a dot a head, the layer's mean as a line, a dashed line for what uniform attention has. */
function startLayers() {
  for (const group of run.surface) {
    const columns = Math.min(3, group.measures.length);
    const rows = Math.ceil(group.measures.length / columns);
    const draw = () => {
      const traces = [];
      const extra = { height: 60 + 215 * rows, grid: { rows, columns, pattern: "independent", xgap: .16, ygap: .32 }, annotations: [] };
      group.measures.forEach((measure, at) => {
        const suffix = at === 0 ? "" : at + 1;
        const place = { xaxis: `x${suffix}`, yaxis: `y${suffix}`, type: "scatter" };
        if (measure.heads.length) {
          traces.push({
            ...place, mode: "markers", x: measure.heads.map((head) => head[0] + 1), y: measure.heads.map((head) => head[2]),
            text: measure.heads.map((head) => headName(head[0], head[1])), hovertemplate: "head %{text}: %{y:.3f}<extra></extra>",
            marker: { color: css("--bar"), size: 6, opacity: .55 },
          });
        }
        traces.push({
          ...place, mode: "lines", x: measure.layers.map((layer) => layer[0] + 1), y: measure.layers.map((layer) => layer[1]),
          hovertemplate: "layer %{x}: %{y:.3f}<extra></extra>", line: { color: css("--wrong"), width: 2.5 },
        });
        if (measure.uniform.length) {
          traces.push({
            ...place, mode: "lines", x: measure.uniform.map((layer) => layer[0] + 1), y: measure.uniform.map((layer) => layer[1]),
            hovertemplate: "uniform attention: %{y:.2f}<extra></extra>", line: { color: css("--faint"), width: 1.5, dash: "dot" },
          });
        }
        extra[`xaxis${suffix}`] = axis(at >= group.measures.length - columns ? "layer" : "", { dtick: run.model.layers > 8 ? 2 : 1, zeroline: false });
        extra[`yaxis${suffix}`] = axis("", { rangemode: "tozero", zeroline: false });
        extra.annotations.push({
          text: `<b>${plain(measure.title)}</b>`, xref: `x${suffix} domain`, yref: `y${suffix} domain`, x: 0, y: 1.03, xanchor: "left", yanchor: "bottom", showarrow: false,
        });
      });
      plot(group.id, traces, extra, group.id);
    };
    themed(draw);
  }
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
    height: 460, xaxis: axis("", { showticklabels: false, zeroline: false }),
    yaxis: axis("", { showticklabels: false, zeroline: false, scaleanchor: "x" }), margin: { l: 20, r: 20, t: 20, b: 20 },
    legend: { orientation: "h", y: -.04 },
  });
  themed(() => {
    plot("map-layers", [{
      ...place(heads),
      marker: {
        size: 11, color: heads.map((head) => head.layer + 1), colorscale: "Viridis", line: { width: 1, color: css("--panel") },
        colorbar: { title: { text: "layer" }, thickness: 12, outlinewidth: 0, dtick: run.model.layers > 8 ? 2 : 1 },
      },
    }], square(), "map-by-layer");
    const labels = [...new Set(heads.map((head) => head.label))].sort((a, b) => (a === "") - (b === "") || a.localeCompare(b));
    const traces = labels.map((label, at) => {
      const style = label === "" ? COLOURS.length - 1 : at % (COLOURS.length - 1);
      return {
        ...place(heads.filter((head) => head.label === label)), name: plain(label || "no clear behaviour"),
        marker: { size: 11, color: COLOURS[style], symbol: SYMBOLS[style], line: { width: 1, color: label === "" ? COLOURS[style] : css("--panel") } },
      };
    });
    plot("map-roles", traces, { ...square(), showlegend: true }, "map-by-role");
  });
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
      type: "bar", orientation: "h", y: rows.map((row) => plain(row.name)), x: rows.map((row) => scale * row.value),
      marker: { color: css("--bar") }, hovertemplate: "%{y}: %{x:.2f}<extra></extra>",
      text: rows.map((row) => (scale * row.value).toFixed(measure.share ? 1 : 2)), textposition: "outside", cliponaxis: false,
      error_x: {
        type: "data", symmetric: false, color: css("--ink"), thickness: 1.2,
        array: rows.map((row) => (row.high === null ? 0 : scale * (row.high - row.value))),
        arrayminus: rows.map((row) => (row.low === null ? 0 : scale * (row.value - row.low))),
      },
    };
    plot("probe-plot", [trace], {
      height: 90 + 34 * rows.length, xaxis: axis(measure.share ? `${measure.title} in %` : measure.title, { rangemode: "tozero" }),
      yaxis: axis("", { showgrid: false }), margin: { l: 60, r: 50, t: 10, b: 48 },
    }, "probes");
  };
  box.addEventListener("change", draw);
  themed(draw);
}
