// Heat maps of all heads. All of them frame the head that the sentences show, and choose it.

const { layers: LAYERS, heads: HEADS } = run.model;
/** A column alone, of maps of layers, is not drawn wider than this. */
const WIDEST = 96;
const NARROW = 560;
/** Cells narrower than this have no numbers. */
const LEGIBLE = 24;

/** How many heads a layer has in a list of all of them: masking takes those of the model also where maps sum them. */
const headsIn = (flat) => flat.length / LAYERS;
/** The head in view, as far as a layer has so many. */
const viewOf = (heads) => ({ layer: view.layer, head: Math.min(view.head, heads - 1) });

/**
 * A heat map at the place `id`. `current` says what it shows: `values` by head, `labels` for cells, `unit`, `colours`, the
 * heads `chosen` by the run, a `name` for files; `text` says the value of a head and `readout` that of the head in view.
 */
function headMap(id, current, first = false) {
  const place = byId(id);
  const heads = () => headsIn(current()?.values ?? [0]);
  const draw = chart(id, {
    name: () => current()?.name ?? id, rows: () => mapRows(current()),
    draw: (width) => {
      const map = current();
      if (!map) return null;
      byId(`${id}-readout`).textContent = map.readout;
      return mapDrawing(map, width);
    },
  });
  // The first map answers at once, the others when there is time.
  later(() => {
    listeners.push(first ? draw : () => later(draw));
    draw();
  });
  place.addEventListener("click", (event) => {
    const cell = event.target.closest("[data-cell]")?.dataset.cell.split("-").map(Number);
    if (cell) choose({ layer: cell[0], head: cell[1] });
  });
  place.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const within = (value, end) => Math.max(0, Math.min(end - 1, value));
    choose({ layer: within(view.layer + step[0], LAYERS), head: within(viewOf(heads()).head + step[1], heads()) });
  });
  return draw;
}

function mapRows(map) {
  const cells = map.values.map((value, at) => [Math.floor(at / headsIn(map.values)) + 1, at % headsIn(map.values) + 1, value, map.text(at)]);
  return [["layer", "head", map.unit, "in words"], ...cells];
}

function mapDrawing(map, width) {
  const heads = headsIn(map.values);
  const narrow = width < NARROW;
  const left = narrow ? 34 : 46;
  const room = width - left - (narrow ? 46 : 76);
  const cell = { width: Math.min(heads === 1 ? WIDEST : 110, room / heads), height: Math.max(22, Math.min(38, 820 / LAYERS)) };
  const [right, top, bottom] = [left + heads * cell.width, 10, 10 + LAYERS * cell.height];
  const largest = map.values.reduce((most, value) => Math.max(most, Math.abs(value ?? 0)), 0) || 1;
  const amount = map.colours === "amount";
  const share = (value) => (amount ? value / largest : (value / largest + 1) / 2);
  const parts = [];
  map.values.forEach((value, at) => {
    const [layer, head] = [Math.floor(at / heads), at % heads];
    const [x, y] = [left + head * cell.width, top + layer * cell.height];
    const colour = value === null ? { fill: "none" } : colourAt(map.colours, share(value));
    const box = svg("rect", { class: "cell", x: x + .5, y: y + .5, width: Math.max(1, cell.width - 1), height: cell.height - 1, style: `fill: ${colour.fill}` });
    const label = cell.width >= LEGIBLE && map.labels[at] ? [text(x + cell.width / 2, y + cell.height / 2 + 4, "cell-label", map.labels[at], { style: `fill: ${colour.ink}` })] : [];
    parts.push(tipped(svg("g", { "data-cell": `${layer}-${head}` }, box, ...label), `head ${headName(layer, head)}: ${map.text(at)}`));
  });
  const numbers = (count, size) => Array.from({ length: count }, (_, at) => at).filter((at) => size >= 18 || at % 2 === 0);
  for (const layer of numbers(LAYERS, cell.height)) parts.push(text(left - 7, top + (layer + .5) * cell.height + 4, "tick end", layer + 1));
  for (const head of numbers(heads, cell.width)) parts.push(text(left + (head + .5) * cell.width, bottom + 16, "tick", head + 1));
  parts.push(text((left + right) / 2, bottom + 34, "axis-title", "head"), text(12, (top + bottom) / 2, "axis-title", "layer", { transform: `rotate(-90 12 ${(top + bottom) / 2})` }));
  const seen = viewOf(heads);
  const isSeen = ([layer, head]) => layer === seen.layer && head === seen.head;
  // Two lines on each other, dark and light, which are seen on all colours.
  const framed = (layer, head, inset, kind) => ["dark", "light"].map((shade) => svg("rect", {
    class: `frame ${kind} ${shade}`, x: left + head * cell.width + inset, y: top + layer * cell.height + inset,
    width: cell.width - 2 * inset, height: cell.height - 2 * inset,
  }));
  for (const [layer, head] of (map.chosen ?? []).filter((chosen) => !isSeen(chosen))) parts.push(...framed(layer, head, 2, "chosen"));
  parts.push(...framed(seen.layer, seen.head, 0, "seen"));
  const bar = { x: right + 14, top, bottom, width: narrow ? 8 : 12 };
  parts.push(colourBar(map.colours, amount ? [0, largest] : [-largest, largest], bar, narrow ? "" : map.unit));
  return drawing(width, bottom + 42, ...parts);
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
