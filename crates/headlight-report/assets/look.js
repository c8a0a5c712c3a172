// The page of `headlight look`: grids of small maps, and the head that is chosen among them.

const data = JSON.parse(byId("look-data").textContent);
const state = { sentence: 0, level: "words", shade: "alike", specials: true, heads: [0, 0], linked: true, pinned: null };
const areAlike = data.sides.length === 2 && data.sides[0].layers === data.sides[1].layers && data.sides[0].heads === data.sides[1].heads;

/** What maps run over at a level: labels of positions, and which of them are words. */
function positionsOf(side, sentence, level) {
  if (level === "pieces" && sentence.pieceMaps) {
    const inner = [side.frame.before.length, sentence.pieces.length - side.frame.after.length];
    return { labels: sentence.pieces, isSpecial: (at) => at < inner[0] || at >= inner[1], word: null };
  }
  const first = side.frame.before.length;
  const labels = [...side.frame.before, ...sentence.words.map((word) => word.form), ...side.frame.after];
  const word = (at) => (at >= first && at < first + sentence.words.length ? at - first : -1);
  return { labels, isSpecial: (at) => word(at) < 0, word };
}

/** The bytes of all maps of a sentence at a level, unpacked when they are first looked at. */
async function unpacked(maps) {
  if (!maps.bytes) {
    const packed = Uint8Array.from(atob(maps.weights), (character) => character.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    maps.bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    maps.weights = null;
  }
  return maps.bytes;
}

/**
 * What is drawn of one side: labels of its rows and columns, and the weight of a head from one to another. Without special
 * pieces their rows and columns are left out.
 */
async function viewOf(number) {
  const side = data.sides[number];
  const sentence = side.sentences[state.sentence];
  const maps = state.level === "pieces" && sentence.pieceMaps ? sentence.pieceMaps : sentence.wordMaps;
  const bytes = await unpacked(maps);
  const positions = positionsOf(side, sentence, state.level);
  const all = positions.labels.length;
  const shown = [...positions.labels.keys()].filter((at) => state.specials || !positions.isSpecial(at));
  return {
    kind: "side", shares: side.shares, scale: maps.scale, name: side.name || sentence.words.map((word) => word.form).join(" "), layers: side.layers, heads: side.heads, sentence, shown,
    labels: shown.map((at) => positions.labels[at]),
    isSpecial: shown.map((at) => positions.isSpecial(at)),
    words: shown.map((at) => (positions.word ? positions.word(at) : -1)),
    weight: (head, from, to) => maps.scale * bytes[head * all * all + shown[from] * all + shown[to]] / 255,
  };
}

/** The difference of two sides over the positions that belong together. */
function difference([first, second]) {
  const pair = data.pairs[state.sentence];
  const over = state.level === "pieces" && (first.sentence.pieceMaps || second.sentence.pieceMaps) ? "pieces" : "words";
  const pairs = pair[over].map(([one, other]) => [first.shown.indexOf(one), second.shown.indexOf(other)]).filter(([one, other]) => one >= 0 && other >= 0);
  const label = ([one, other]) => (first.labels[one] === second.labels[other] ? first.labels[one] : `${first.labels[one]} / ${second.labels[other]}`);
  return {
    kind: "difference", shares: first.shares && second.shares, scale: Math.max(first.scale, second.scale), name: "Difference", layers: first.layers, heads: first.heads, sentence: first.sentence,
    labels: pairs.map(label),
    isSpecial: pairs.map(([one]) => first.isSpecial[one]),
    words: pairs.map(([one]) => first.words[one]),
    left: [first.shown.length - pairs.length, second.shown.length - pairs.length],
    between: (heads, from, to) => first.weight(heads[0], pairs[from][0], pairs[to][0]) - second.weight(heads[1], pairs[from][1], pairs[to][1]),
    weight(head, from, to) { return this.between([head, head], from, to); },
  };
}

const FROM_RIGHT = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u;

/** Whether most letters are of scripts that run from right to left. */
function runsFromRight(labels) {
  const letters = labels.flatMap((label) => [...label]).filter((character) => /\p{Alphabetic}/u.test(character));
  return 2 * letters.filter((letter) => FROM_RIGHT.test(letter)).length > letters.length;
}

/** The red, green and blue of a colour of the style. */
function colour(name) {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  context.fillRect(0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data;
}

/** One small map. The root makes light weights visible beside heavy ones. */
function paint(canvas, view, head, most, colours) {
  const size = view.labels.length;
  canvas.width = canvas.height = Math.max(size, 1);
  canvas.classList.toggle("from-right", runsFromRight(view.labels));
  if (size === 0) return;
  const context = canvas.getContext("2d");
  const image = context.createImageData(size, size);
  let largest = most;
  if (largest === null) {
    largest = 1e-9;
    for (let from = 0; from < size; from += 1) for (let to = 0; to < size; to += 1) largest = Math.max(largest, Math.abs(view.weight(head, from, to)));
  }
  for (let from = 0; from < size; from += 1) {
    for (let to = 0; to < size; to += 1) {
      const value = view.weight(head, from, to);
      const [red, green, blue] = value >= 0 ? colours.more : colours.less;
      image.data.set([red, green, blue, Math.round(255 * Math.sqrt(Math.min(1, Math.abs(value) / largest)))], 4 * (from * size + to));
    }
  }
  context.putImageData(image, 0, 0);
}

/** The largest difference of all heads, which is small beside what a head can attend to. */
function largestOf(view) {
  let largest = 1e-9;
  for (let head = 0; head < view.layers * view.heads; head += 1) {
    for (let from = 0; from < view.labels.length; from += 1) {
      for (let to = 0; to < view.labels.length; to += 1) largest = Math.max(largest, Math.abs(view.weight(head, from, to)));
    }
  }
  return largest;
}

const headName = (view, head) => (view.heads === 1 ? `layer ${Math.floor(head / view.heads) + 1}` : `head ${Math.floor(head / view.heads) + 1}-${head % view.heads + 1}`);

/** What is said of a head. */
function said(view, head) {
  if (view.kind === "difference" || view.sentence.found.length === 0) return headName(view, head);
  const [row, column] = view.sentence.found[head];
  return `${headName(view, head)}: of ${view.sentence.governed} words it finds the governor of ${row} by the dependent's row, of ${column} by its column`;
}

/** The grid of small maps of a view; `chosen` is called with a head. */
function grid(view, current, choose, colours) {
  const box = element("div", { class: "heads", role: "radiogroup", "aria-label": `Heads, ${view.name}`, style: `--columns: ${view.heads}` });
  box.append(element("span"), ...Array.from({ length: view.heads }, (_, head) => element("span", { class: "axis", "aria-hidden": "true" }, view.heads === 1 ? "" : String(head + 1))));
  let most = null;
  if (state.shade === "alike") most = view.kind === "difference" ? largestOf(view) : view.sentence.wordMaps.scale;
  const buttons = [];
  for (let head = 0; head < view.layers * view.heads; head += 1) {
    if (head % view.heads === 0) box.append(element("span", { class: "axis", "aria-hidden": "true" }, String(head / view.heads + 1)));
    const canvas = element("canvas");
    const button = element("button", { type: "button", role: "radio", "aria-checked": head === current, tabindex: head === current ? 0 : -1, "aria-label": said(view, head), title: said(view, head) }, canvas);
    button.addEventListener("click", () => choose(head));
    buttons.push(button);
    paint(canvas, view, head, most, colours);
    box.append(button);
  }
  box.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(document.activeElement);
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: view.heads, ArrowUp: -view.heads, Home: -at, End: buttons.length - 1 - at }[event.key];
    if (at < 0 || by === undefined) return;
    event.preventDefault();
    const next = at + by;
    if (next < 0 || next >= buttons.length) return;
    choose(next);
  });
  box.select = (head, withFocus) => {
    buttons.forEach((button, at) => { button.setAttribute("aria-checked", at === head); button.tabIndex = at === head ? 0 : -1; });
    if (withFocus) buttons[head].focus();
  };
  return box;
}

/** The heads that a view shows: one, of a difference one of each side. */
const headsOf = (at) => (at < 2 ? [state.heads[at]] : state.heads);

/** Draws everything anew. */
async function render() {
  writeAddress();
  const views = await Promise.all(data.sides.map((_, number) => viewOf(number)));
  if (views.length === 2) views.push(difference(views));
  const colours = { more: colour("--accent"), less: colour("--wrong") };
  const boxes = [];
  const sections = views.map((view, at) => {
    const section = element("section", { class: "side", "aria-label": view.name }, element("h2", { dir: "auto" }, view.name));
    const readout = element("p", { class: "readout", role: "status" });
    const stage = element("div", { class: "stage" });
    // Two models of different shapes have no heads that are the same; their chosen heads can be subtracted all the same.
    const hasGrid = view.kind === "side" || areAlike;
    if (view.kind === "difference") section.append(element("p", { class: "side-note note" }, aboutDifference(view, hasGrid)));
    const maps = hasGrid ? grid(view, headsOf(at)[0], (head) => choose(head, at), colours) : null;
    section.append(element("div", {}, ...(maps ? [maps, readout] : [])), stage);
    boxes.push({ view, maps, readout, stage, at });
    return section;
  });
  state.boxes = boxes;
  byId("sides").replaceChildren(...sections);
  boxes.forEach(showHead);
}

function aboutDifference(view, hasGrid) {
  const left = view.left.some((count) => count > 0) ? ` ${view.left[0]} positions of the first and ${view.left[1]} of the second have no counterpart and are left out.` : "";
  const grids = hasGrid ? "" : " The two have different numbers of heads: only the chosen ones are subtracted.";
  return `The first minus the second: more in the first is blue, more in the second is orange and dashed.${left}${grids}`;
}

/** The chosen head of a view. */
function showHead(box) {
  const heads = box.view.kind === "difference" ? state.heads : [state.heads[box.at]];
  if (box.maps) box.maps.select(heads[0], false);
  box.readout.textContent = said(box.view, heads[0]);
  drawHead(box, heads);
}

/** Chooses a head in the grid at `at`. */
function choose(head, at) {
  const both = at === 2 || (areAlike && state.linked);
  state.heads = state.heads.map((other, number) => (both || number === at ? head : other));
  writeAddress();
  state.boxes.forEach(showHead);
  state.boxes[at].maps.select(head, true);
}

/** The state lies in the address, so that a link or a reload shows the same. */
function writeAddress() {
  const head = state.heads.slice(0, data.sides.length).map((number, at) => `${Math.floor(number / data.sides[at].heads) + 1}-${number % data.sides[at].heads + 1}`);
  const words = new URLSearchParams({ sentence: state.sentence + 1, level: state.level, head: head.join(",") });
  try { history.replaceState(null, "", `#${words}`); } catch { /* Some browsers keep the addresses of files as they are. */ }
}

function readAddress() {
  const words = new URLSearchParams(location.hash.slice(1));
  const sentence = Number(words.get("sentence")) - 1;
  if (data.sides[0].sentences[sentence]) state.sentence = sentence;
  if (["words", "pieces"].includes(words.get("level"))) state.level = words.get("level");
  const heads = (words.get("head") ?? "").split(",");
  state.linked = heads.length < 2 || heads[0] === heads[1];
  (state.linked && areAlike ? [heads[0], heads[0]] : heads).forEach((name, at) => {
    const side = data.sides[at];
    const [layer, head] = name.split("-").map(Number);
    if (side && layer >= 1 && layer <= side.layers && head >= 1 && head <= side.heads) state.heads[at] = (layer - 1) * side.heads + head - 1;
  });
}

function start() {
  const sentences = data.sides[0].sentences;
  // Text without spaces is one word.
  if (sentences[0].words.length === 1 && sentences[0].pieceMaps) state.level = "pieces";
  readAddress();
  byId("sentence").append(...sentences.map((sentence, at) => element("option", { value: at }, sentence.words.map((word) => word.form).join(" "))));
  byId("sentence-label").hidden = sentences.length === 1;
  byId("linked-label").hidden = !areAlike;
  const frames = data.sides.map((side) => [...side.frame.before, ...side.frame.after]);
  byId("specials-label").hidden = frames.every((frame) => frame.length === 0);
  byId("specials-label").append(` ${[...new Set(frames.flat())].join(", ")}`);
  const boxes = { sentence: "value", level: "value", shade: "value", specials: "checked", linked: "checked" };
  for (const [id, property] of Object.entries(boxes)) {
    byId(id)[property] = state[id];
    byId(id).addEventListener("change", () => {
      state[id] = id === "sentence" ? Number(byId(id).value) : byId(id)[property];
      state.pinned = null;
      if (id === "linked" && state.linked) state.heads = [state.heads[0], state.heads[0]];
      render();
    });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", render);
  window.addEventListener("hashchange", () => { readAddress(); render(); });
  render();
}
