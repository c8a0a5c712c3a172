// One head: the words that attend and those attended to in two columns, lines between, the tree beside the first.

const ROW = 22;
const LINES = 190;
const ARC_STEP = 9;
const LEAST_WEIGHT = .04;

/** A weight as a share, or as the length that it is. */
const amount = (view, value) => `${value < 0 ? "−" : ""}${view.shares ? `${Math.round(100 * Math.abs(value))} %` : Math.abs(value).toFixed(2)}`;
/** A word as a part of a sentence, whichever way its script runs. */
const isolated = (text) => `\u2068${text}\u2069`;

/** The arcs of a tree over the shown words: rows of governor and dependent, and how far out each arc stands. */
function arcsOf(view) {
  if (!view.sentence.hasTree) return [];
  const rowOf = new Map(view.words.map((word, row) => [word, row]));
  const arcs = view.words.flatMap((word, row) => {
    if (word < 0) return [];
    const { governor } = view.sentence.words[word];
    return governor > 0 && rowOf.has(governor - 1) ? [{ from: rowOf.get(governor - 1), to: row, level: 0 }] : [];
  });
  const span = ({ from, to }) => [Math.min(from, to), Math.max(from, to)];
  const length = (arc) => Math.abs(arc.from - arc.to);
  for (const arc of [...arcs].sort((a, b) => length(a) - length(b))) {
    const [low, high] = span(arc);
    const under = arcs.filter((other) => other !== arc && other.level > 0 && span(other)[0] < high && span(other)[1] > low);
    arc.level = 1 + Math.max(0, ...under.map((other) => other.level));
  }
  return arcs;
}

/** Draws the chosen head of a box; the focus stays on the word at `place`. */
function drawHead(box, heads, place) {
  const { view, stage } = box;
  const value = (from, to) => (view.kind === "difference" ? view.between(heads, from, to) : view.weight(heads[0], from, to));
  const names = view.kind === "difference" && heads[0] !== heads[1]
    ? `${headName(data.sides[0], heads[0])} minus ${headName(data.sides[1], heads[1])}` : headName(view, heads[0]);
  const title = element("p", { class: "stage-title" }, element("strong", {}, names), element("span", { class: "soft" }, runsFromRight(view.labels) ? "attended to ← attending" : "attending → attended to"));
  const drawing = element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": `Lines of ${names}` }, lines(box, value, (next) => drawHead(box, heads, next)));
  stage.replaceChildren(title, drawing, asTable(view, value));
  if (place) stage.querySelector(`[data-place="${place}"]`)?.focus();
}

/** Whether a line follows the tree: one of the two words governs the other. */
function inTree(view, from, to) {
  const { words } = view.sentence;
  const [one, other] = [view.words[from], view.words[to]];
  return view.sentence.hasTree && one >= 0 && other >= 0 && (words[one].governor === other + 1 || words[other].governor === one + 1);
}

function lines(box, value, redraw) {
  const { view } = box;
  const rows = view.labels.length;
  const arcs = arcsOf(view);
  // On a narrow screen the table below has the relations.
  const narrow = window.innerWidth < 560;
  const relation = (row) => (!narrow && view.words[row] >= 0 && view.sentence.hasTree ? view.sentence.words[view.words[row]].relation : "");
  const widest = Math.max(20, ...view.labels.map((label) => textWidth(label)));
  const relations = Math.max(0, ...view.labels.map((_, row) => textWidth(relation(row), 11)));
  const step = narrow ? .7 * ARC_STEP : ARC_STEP;
  const outermost = 6 + step * Math.max(0, ...arcs.map((arc) => arc.level)) + (arcs.length > 0 ? 8 : 0);
  const from = outermost + (arcs.length > 0 ? relations + 8 : 0) + widest;
  const to = from + 12 + (narrow ? .35 * LINES : LINES) + 12;
  const width = to + widest + 46;
  const height = rows * ROW + 8;
  const fromRight = runsFromRight(view.labels);
  const x = (at) => (fromRight ? width - at : at);
  const y = (row) => row * ROW + 16;
  // A style, since the style of the page places words in their middle.
  const anchor = (begins) => `text-anchor: ${begins !== fromRight ? "start" : "end"}`;
  const root = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" }, svg("title", {}, "What each position attends to"));

  for (const arc of arcs) {
    const outer = outermost - step * arc.level - 8;
    const [top, bottom] = [y(arc.from) - 5 + (arc.to > arc.from ? 3 : -3), y(arc.to) - 5];
    const edge = outermost - 2;
    root.append(
      svg("path", { class: "arc", d: `M${x(edge)} ${top}H${x(outer + 4)}Q${x(outer)} ${top} ${x(outer)} ${top + Math.sign(bottom - top) * 4}V${bottom - Math.sign(bottom - top) * 4}Q${x(outer)} ${bottom} ${x(outer + 4)} ${bottom}H${x(edge - 5)}` }),
      svg("path", { class: "arrow", d: `M${x(edge)} ${bottom}l${fromRight ? 6 : -6} -3.5v7z` }),
    );
  }
  view.labels.forEach((_, row) => {
    if (relation(row)) root.append(svg("text", { class: "relation", x: x(outermost + 2), y: y(row) - 1, "text-anchor": fromRight ? "end" : "start" }, relation(row)));
  });

  const strokes = svg("g", {});
  const shares = svg("g", {});
  /** Lines of one word (`{ column, row }`), or of all words. */
  function show(focus) {
    strokes.replaceChildren();
    shares.replaceChildren();
    const inFront = [];
    for (let one = 0; one < rows; one += 1) {
      for (let other = 0; other < rows; other += 1) {
        if (focus && (focus.column === "from" ? one : other) !== focus.row) continue;
        const weight = value(one, other);
        const size = Math.min(1, Math.abs(weight) / view.scale);
        if (focus && size >= .01) {
          const row = focus.column === "from" ? other : one;
          // Beside the column that the lines end at; the attending side has its numbers within the lines' room.
          shares.append(focus.column === "from"
            ? svg("text", { class: "share", x: x(to + widest + 8), y: y(row), style: anchor(true) }, amount(view, weight))
            : svg("text", { class: "share", x: x(from + 10), y: y(row), style: anchor(true) }, amount(view, weight)));
        }
        if (size < LEAST_WEIGHT) continue;
        const kind = view.kind === "difference" ? (weight > 0 ? "more" : "less") : inTree(view, one, other) ? "tree" : "plain";
        const stroke = svg("line", {
          class: `weight ${kind}`, x1: x(from + 6), y1: y(one) - 5, x2: x(to - 6), y2: y(other) - 5,
          "stroke-opacity": Math.min(.95, (kind === "plain" ? .08 : .3) + size).toFixed(3), "stroke-width": (.6 + 4 * size).toFixed(2),
        }, svg("title", {}, `${isolated(view.labels[one])} → ${isolated(view.labels[other])}: ${amount(view, weight)}`));
        if (kind === "plain") strokes.append(stroke);
        else inFront.push(stroke);
      }
    }
    strokes.append(...inFront);
  }

  const words = svg("g", {});
  const pinned = state.pinned;
  for (const column of ["from", "to"]) {
    view.labels.forEach((label, row) => {
      const focus = { column, row };
      const isPinned = pinned?.column === column && pinned?.row === row;
      const width = Math.max(textWidth(label) + 8, 22);
      const at = column === "from" ? from : to;
      const left = (column === "from") !== fromRight ? x(at) - width + 4 : x(at) - 4;
      const target = svg("g", {
        class: "target", tabindex: "0", role: "button", "aria-pressed": isPinned, "data-place": `${column}-${row}`,
        "aria-label": column === "from" ? `what ${isolated(label)} attends to` : `what attends to ${isolated(label)}`,
      }, svg("rect", { x: left, y: y(row) - 16, width, height: 20 }),
      svg("text", { class: view.isSpecial[row] ? "word special" : "word", x: x(at), y: y(row), style: anchor(column !== "from"), direction: "ltr" }, label));
      const pin = () => { state.pinned = isPinned ? null : focus; redraw(`${column}-${row}`); };
      lookable(target, () => show(focus), () => show(state.pinned), pin);
      words.append(target);
    });
  }
  root.append(strokes, words, shares);
  show(pinned);
  return root;
}

/** The same for those who do not see drawings: what each position attends to most. */
function asTable(view, value) {
  const rows = view.labels.map((label, from) => {
    const weights = view.labels.map((other, to) => [other, value(from, to)]).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
    const most = weights.slice(0, 3).filter(([, weight]) => Math.abs(weight) >= .01).map(([other, weight]) => `${isolated(other)} ${amount(view, weight)}`);
    const word = view.words[from] >= 0 ? view.sentence.words[view.words[from]] : null;
    const tree = view.sentence.hasTree ? [element("td", {}, word ? `${word.relation} ${isolated(word.governor > 0 ? view.sentence.words[word.governor - 1].form : "ROOT")}`.trim() : "")] : [];
    return element("tr", {}, element("th", { scope: "row", dir: "auto" }, label), ...tree, element("td", { class: "wrap" }, most.join(", ") || "–"));
  });
  const titles = ["position", ...(view.sentence.hasTree ? ["governor"] : []), view.kind === "difference" ? "differs most on" : "attends most to"].map((title) => element("th", { scope: "col" }, title));
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...titles)), element("tbody", {}, ...rows));
  return element("details", {}, element("summary", {}, "As a table"), element("div", { class: "scroll" }, table));
}

start();
