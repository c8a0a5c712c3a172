// Heat maps of all heads. All of them frame the head that the sentences show, and choose it.

const { layers: LAYERS, heads: HEADS } = run.model;
/** A column alone, of maps of layers, is not drawn wider than this. */
const WIDEST = 96;
const NARROW = 560;
const LEGIBLE = 30;

/** From harmless blue over nothing to harmful orange. */
const HARM = [[0, "#0072B2"], [.25, "#7fb6d8"], [.5, "#f4f1ea"], [.75, "#eda873"], [1, "#D55E00"]];
const scaleOf = {
  amount: "Viridis", "harm-above": HARM, "harm-below": HARM.map(([at], place) => [at, HARM.at(-1 - place)[1]]),
};

/** How many heads a layer has in a list of all of them: masking takes those of the model also where maps sum them. */
const headsIn = (flat) => flat.length / LAYERS;
const byLayer = (flat) => Array.from({ length: LAYERS }, (_, layer) => flat.slice(layer * headsIn(flat), (layer + 1) * headsIn(flat)));
/** The head in view, as far as a layer has so many. */
const viewOf = (heads) => ({ layer: view.layer, head: Math.min(view.head, heads - 1) });

/** Two lines on each other, dark and light, which are seen on all colours. */
function headFrame({ layer, head }, inset, dash) {
  const shape = (color, width) => ({
    type: "rect", x0: head + .5 + inset, x1: head + 1.5 - inset, y0: layer + .5 + inset, y1: layer + 1.5 - inset, line: { color, width, dash },
  });
  return [{ ...shape("#000", 5), line: { color: "#000", width: 5 } }, shape("#fff", 2.5)];
}

/**
 * A heat map at the place `id`. `current` says what it shows: `values` by head, `labels` for cells, `unit`, `colours`, the
 * heads `chosen` by the run, a `name` for files; `text` says the value of a head and `readout` that of the head in view.
 */
function headMap(id, current, first = false) {
  const place = byId(id);
  let heads = HEADS;
  const look = () => {
    const narrow = place.clientWidth < NARROW;
    const room = place.clientWidth - (narrow ? 100 : 190);
    return { narrow, labels: room / heads >= LEGIBLE, spare: heads === 1 ? Math.max(0, room - WIDEST) : 0 };
  };
  let looked = "";
  const draw = () => {
    const map = current();
    if (!map) return;
    heads = headsIn(map.values);
    const { narrow, labels, spare } = look();
    looked = JSON.stringify(look());
    const seen = viewOf(heads);
    const most = Math.max(...map.values.map((value) => Math.abs(value ?? 0))) || 1;
    const trace = {
      type: "heatmap", colorscale: scaleOf[map.colours], xgap: 1, ygap: 1, zmin: map.colours === "amount" ? 0 : -most, zmax: most,
      x: Array.from({ length: heads }, (_, head) => head + 1), y: Array.from({ length: LAYERS }, (_, layer) => layer + 1),
      z: byLayer(map.values),
      text: byLayer(map.values.map((_, at) => (labels ? map.labels[at] : ""))), texttemplate: "%{text}", textfont: { size: 11 },
      customdata: byLayer(map.values.map((_, at) => plain(`head ${headName(Math.floor(at / heads), at % heads)}: ${map.text(at)}`))),
      hovertemplate: "%{customdata}<extra></extra>",
      colorbar: { title: { text: narrow ? "" : plain(map.unit), side: "right" }, thickness: narrow ? 8 : 12, outlinewidth: 0 },
    };
    const others = (map.chosen ?? []).filter(([layer, head]) => layer !== seen.layer || head !== seen.head);
    const chosen = others.flatMap(([layer, head]) => headFrame({ layer, head }, .06, "3px,3px"));
    plot(id, [trace], {
      height: Math.max(300, Math.min(900, 110 + 38 * LAYERS)), shapes: [...chosen, ...headFrame(seen, 0, "solid")],
      xaxis: axis("head", { dtick: 1, showgrid: false, zeroline: false }),
      yaxis: axis("layer", { dtick: 1, autorange: "reversed", showgrid: false, zeroline: false }),
      margin: { l: 50, r: 16 + spare, t: 16, b: 48 },
    }, map.name);
    byId(`${id}-readout`).textContent = map.readout;
  };
  later(() => {
    // The first map answers at once, the others when there is time.
    listeners.push(first ? draw : () => later(draw));
    themed(draw);
    new ResizeObserver(() => { if (looked && looked !== JSON.stringify(look())) draw(); }).observe(place);
    place.on?.("plotly_click", ({ points: [point] }) => choose({ layer: point.y - 1, head: point.x - 1 }));
  });
  place.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const within = (value, end) => Math.max(0, Math.min(end - 1, value));
    choose({ layer: within(view.layer + step[0], LAYERS), head: within(viewOf(heads).head + step[1], heads) });
  });
  return draw;
}

/** Accuracy of all heads for a relation and direction. */
function startHeads() {
  if (!byId("heat-map")) return;
  const { relations, totals, correct, tests } = run.scores;
  const relationBox = byId("heat-relation");
  const directionBox = byId("heat-direction");
  const names = relations.map((relation, at) => [relation, `${isolated(relation)} (${totals[at].toLocaleString("en")})`]);
  fillSelect(relationBox, names, view.relation);
  fillSelect(directionBox, DIRECTIONS.map((name) => [name, ARROWS[name]]), view.direction);
  relationBox.addEventListener("change", () => chooseRelation(relationBox.value));
  directionBox.addEventListener("change", () => {
    const counts = correct[directionBox.value][relations.indexOf(view.relation)];
    const best = counts.indexOf(Math.max(...counts));
    choose({ direction: directionBox.value, layer: Math.floor(best / HEADS), head: best % HEADS });
  });
  headMap("heat-map", () => {
    const at = relations.indexOf(view.relation);
    if (at < 0) return null;
    relationBox.value = view.relation;
    directionBox.value = view.direction;
    const [total, counts] = [totals[at], correct[view.direction][at]];
    const best = run.best[view.relation];
    const chosenHeads = (best?.heads ?? []).filter(({ direction }) => direction === view.direction);
    const seen = viewOf(HEADS);
    const isChosen = chosenHeads.some(({ layer, head }) => layer === seen.layer && head === seen.head);
    const chosen = isChosen ? ` This is the head that was chosen${best.heads.length > 1 ? " on one of two folds" : ""}.` : "";
    const qs = tests?.[view.direction][at];
    const better = (head) => (qs ? `; q of being better than the best baseline ${qs[head] < .001 ? "< 0.001" : `= ${qs[head].toFixed(3)}`}` : "");
    const star = (head) => (qs && qs[head] < .05 ? "*" : "");
    const base = best ? `${chosen} Best baseline: ${percent(best.baselineAccuracy)} % (${best.baseline}).` : "";
    const share = percent(counts[seen.layer * HEADS + seen.head] / total);
    return {
      values: counts.map((count) => 100 * count / total), labels: counts.map((count, head) => `${(100 * count / total).toFixed(0)}${star(head)}`),
      text: (head) => `${counts[head].toLocaleString("en")} of ${total.toLocaleString("en")}: ${percent(counts[head] / total)} %${better(head)}`,
      unit: "% right", colours: "amount", name: `heads-${view.relation}-${view.direction}`,
      chosen: chosenHeads.map(({ layer, head }) => [layer, head]),
      readout: `Head ${headName(seen.layer, seen.head)}, ${ARROWS[view.direction]}, ${isolated(view.relation)}: ${share} % of ${total.toLocaleString("en")}${better(seen.layer * HEADS + seen.head)}.${base}`,
    };
  });
}

/** The other heat maps: each has a box that chooses what it shows. */
function startGrids() {
  for (const grid of plots.grids) {
    const box = byId(`${grid.id}-map`);
    fillSelect(box, grid.maps.map((map, at) => [at, map.title]), 0);
    const draw = headMap(grid.id, () => {
      const map = grid.maps[Number(box.value)];
      const chosen = map.chosen ? ` The run chose head ${headName(map.chosen[0], map.chosen[1])}.` : "";
      const seen = viewOf(headsIn(map.values));
      const value = map.texts[seen.layer * headsIn(map.values) + seen.head];
      return {
        ...map, chosen: map.chosen && [map.chosen], text: (head) => map.texts[head], name: `${grid.id}-${box.value}`,
        readout: `Head ${headName(seen.layer, seen.head)}, ${map.title}: ${value}.${chosen}`,
      };
    });
    box.addEventListener("change", draw);
  }
}
