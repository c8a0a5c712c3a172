// The sentence explorer: dependency arcs above the words, attention of one head below.

const NO_PICK = 255;
const ALL = "";

const bytes = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/** One of a sentence's arrays, unpacked when it is first looked at. */
function unpacked(sentence, name) {
  if (typeof sentence[name] === "string") sentence[name] = bytes(sentence[name]);
  return sentence[name];
}

/** What each word's pick is under a head and direction: 0-based, `NO_PICK` where there is none. */
function picksOf(sentence, number, direction, frame) {
  const n = sentence.words.length;
  if (direction === "later_to_earlier") return picksOfLater(sentence, number, frame);
  const start = (2 * number + (direction === "gov_to_dep" ? 1 : 0)) * n;
  return unpacked(sentence, "picks").subarray(start, start + n);
}

/**
 * The same by the row of whichever of dependent and governor stands later, among the words before it: its pick, or where
 * that stands behind it the heaviest as drawn. A word whose later governor attends to another word has none.
 */
function picksOfLater(sentence, number, frame) {
  const byRow = picksOf(sentence, number, "dep_to_gov", frame);
  const weight = weightsOf(sentence, number, frame);
  const first = frame.before.length;
  const top = (later) => {
    if (byRow[later] < later) return byRow[later];
    let best = NO_PICK;
    for (let at = 0; at < later; at += 1) {
      if (best === NO_PICK || weight(first + later, first + at) > weight(first + later, first + best)) best = at;
    }
    return best;
  };
  return Uint8Array.from(sentence.words, (word, at) => {
    const governor = word.governor - 1;
    if (governor < at) return governor < 0 ? NO_PICK : top(at);
    return top(governor) === at ? governor : NO_PICK;
  });
}

/** The attention of one head from one position to another: the special pieces before the words, the words, those after. */
function weightsOf(sentence, number, frame) {
  const size = frame.before.length + sentence.words.length + frame.after.length;
  const start = number * size * size;
  const map = unpacked(sentence, "weights").subarray(start, start + size * size);
  return (from, to) => map[from * size + to] / 255 * sentence.scale;
}

function startExplorer() {
  if (!byId("explorer-sentences")) return;
  const data = JSON.parse(byId("explorer-data").textContent);
  const list = byId("explorer-sentences");
  const relationBox = byId("explorer-relation");
  const headBox = byId("explorer-head");
  const directionBox = byId("explorer-direction");
  const mistakesBox = byId("explorer-mistakes");
  const searchBox = byId("explorer-search");
  const specialsBox = byId("explorer-specials");
  const state = { relation: view.relation, sentence: -1, pinned: null, shown: [], specials: false };
  const keys = keysOf(data.sentences);
  const has = new Set(data.sentences.flatMap((sentence) => sentence.words.filter((word) => word.governor > 0).map((word) => word.relation)));
  /** The relation in view, all where no sentence here has it. */
  const wantedNow = () => (has.has(view.relation) ? view.relation : ALL);
  const read = (address) => {
    const words = address.get("words");
    state.relation = words === "all" ? ALL : has.has(words) ? words : wantedNow();
    state.sentence = keys.indexOf(address.get("sentence"));
  };
  keepers.push({
    read,
    write: (into) => {
      if (state.relation !== wantedNow()) into.set("words", state.relation === ALL ? "all" : state.relation);
      if (keys[state.sentence] !== undefined) into.set("sentence", keys[state.sentence]);
    },
  });

  /** The head in view, as far as the maps have so many. */
  const head = () => Math.min(view.head, data.heads - 1);
  const number = () => view.layer * data.heads + head();
  const isWanted = (word) => word.governor > 0 && (state.relation === ALL || word.relation === state.relation);

  /** How many wanted words a sentence has and how many the head gets wrong. */
  function score(sentence) {
    const picks = picksOf(sentence, number(), view.direction, data.frame);
    let [total, wrong] = [0, 0];
    sentence.words.forEach((word, at) => {
      if (!isWanted(word)) return;
      total += 1;
      if (picks[at] !== word.governor - 1) wrong += 1;
    });
    return { total, wrong };
  }

  function fillControls() {
    const counts = new Map();
    for (const sentence of data.sentences) {
      for (const word of sentence.words) if (word.governor > 0) counts.set(word.relation, (counts.get(word.relation) ?? 0) + 1);
    }
    const relations = [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
    fillSelect(relationBox, [[ALL, "all relations"], ...relations.map(([name, count]) => [name, `${isolated(name)} (${count})`])], state.relation);
    const heads = Array.from({ length: data.layers * data.heads }, (_, at) => [at, headName(Math.floor(at / data.heads), at % data.heads)]);
    fillSelect(headBox, heads, number());
    fillSelect(directionBox, DIRECTIONS.map((name) => [name, ARROWS[name]]), view.direction);
  }

  function fillList() {
    const wanted = searchBox.value.trim().toLowerCase();
    const entries = data.sentences.map((sentence, at) => ({ at, sentence, ...score(sentence) })).filter(({ sentence, total }) =>
      total > 0 && (wanted === "" || sentence.words.map((word) => word.form).join(" ").toLowerCase().includes(wanted)));
    if (mistakesBox.checked) entries.sort((a, b) => b.wrong - a.wrong || a.total - b.total || a.at - b.at);
    state.shown = entries.map((entry) => entry.at);
    if (!state.shown.includes(state.sentence)) {
      // The first look is at a sentence that fits on the screen.
      const short = entries.find((entry) => entry.sentence.words.length <= EASY_LENGTH) ?? entries[0];
      state.sentence = (mistakesBox.checked ? entries[0] : short)?.at ?? -1;
    }
    list.replaceChildren(...entries.map(({ at, sentence, total, wrong }) => {
      const mark = element("span", { class: wrong ? "score wrong" : "score", title: "right / all" }, `${total - wrong}/${total}`);
      const text = element("span", { class: "text", dir: runsRightToLeft(sentence.words) ? "rtl" : "auto" }, sentence.words.map((word) => word.form).join(" "));
      return element("li", { role: "option", id: `sentence-${at}`, "aria-selected": at === state.sentence }, text, mark);
    }));
    const all = entries.reduce((sum, entry) => [sum[0] + entry.total - entry.wrong, sum[1] + entry.total], [0, 0]);
    const absent = view.relation !== "" && !has.has(view.relation) ? `No sentence here has ${isolated(view.relation)}. ` : "";
    byId("explorer-summary").textContent = entries.length === 0 ? "No sentence here has such words." :
      `${absent}${entries.length} ${entries.length === 1 ? "sentence" : "sentences"}; head ${headName(view.layer, head())} (${ARROWS[view.direction]}) is right for ${all[0]} of ${all[1]} words` +
      `${state.relation === ALL ? "" : ` with relation ${isolated(state.relation)}`} (${percent(all[0] / all[1])} %).`;
  }

  function select(at) {
    state.sentence = at;
    state.pinned = null;
    for (const item of list.children) item.setAttribute("aria-selected", item.id === `sentence-${at}`);
    const item = byId(`sentence-${at}`);
    if (item) {
      list.setAttribute("aria-activedescendant", item.id);
      const [top, bottom] = [item.offsetTop - list.offsetTop, item.offsetTop - list.offsetTop + item.offsetHeight];
      if (top < list.scrollTop) list.scrollTop = top;
      if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
    }
    drawSentence();
  }

  /** Draws the sentence anew; the focus stays on the word at `place`. */
  function drawSentence(place) {
    const stage = byId("explorer-stage");
    const sentence = data.sentences[state.sentence];
    if (!sentence) return stage.replaceChildren();
    const drawing = draw(sentence, data.frame, number(), view.direction, isWanted, state, drawSentence);
    const title = element("p", { class: "stage-title" }, element("strong", {}, sentence.sent_id),
      element("span", { class: "soft" }, `head ${headName(view.layer, head())}, ${ARROWS[view.direction]}`));
    const name = `${sentence.sent_id}-head-${headName(view.layer, head())}-${view.direction}`;
    const table = asTable(sentence);
    const files = downloads("the sentence", {
      SVG: () => save(`${name}.svg`, "image/svg+xml", standalone(drawing).text),
      PNG: () => savePicture(`${name}.png`, standalone(drawing)),
      CSV: () => save(`${name}.csv`, "text/csv", asCsv(tableRows(table.querySelector("table")))),
    });
    const scroll = element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Dependency arcs and attention" }, drawing);
    stage.replaceChildren(title, scroll, files, table);
    if (place) stage.querySelector(`[data-place="${place}"]`)?.focus();
  }

  /** The same as a table, for those who do not see drawings. */
  function asTable(sentence) {
    const picks = picksOf(sentence, number(), view.direction, data.frame);
    const form = (at) => (at < 0 ? "ROOT" : sentence.words[at]?.form ?? "–");
    const rows = sentence.words.map((word, at) => {
      const right = word.governor > 0 && picks[at] === word.governor - 1;
      const verdict = word.governor === 0 ? "" : right ? "right" : "wrong";
      const cells = [at + 1, word.form, word.upos ?? "", word.relation, form(word.governor - 1), picks[at] === NO_PICK ? "–" : form(picks[at]), verdict];
      return element("tr", {}, ...cells.map((cell) => element("td", {}, String(cell))));
    });
    const titles = ["place", "word", "part of speech", "relation", "governor", "picked", "is"].map((title) => element("th", { scope: "col" }, title));
    const table = labelled(element("table", {}, element("thead", {}, element("tr", {}, ...titles)), element("tbody", {}, ...rows)));
    return element("details", {}, element("summary", {}, "As a table"), element("div", { class: "scroll" }, table));
  }

  const refresh = () => { fillList(); select(state.sentence); };
  relationBox.addEventListener("change", () => {
    state.relation = relationBox.value;
    if (run.best[state.relation]) chooseRelation(state.relation);
    else { refresh(); remember(); }
  });
  headBox.addEventListener("change", () => choose({ layer: Math.floor(headBox.value / data.heads), head: headBox.value % data.heads }));
  directionBox.addEventListener("change", () => choose({ direction: directionBox.value }));
  specialsBox.addEventListener("change", () => { state.specials = specialsBox.checked; drawSentence(); });
  mistakesBox.addEventListener("change", () => { state.sentence = -1; refresh(); });
  searchBox.addEventListener("input", refresh);
  list.addEventListener("click", (event) => {
    const item = event.target.closest("li");
    if (!item) return;
    select(Number(item.id.slice("sentence-".length)));
    remember();
  });
  list.addEventListener("keydown", (event) => {
    const last = state.shown.length - 1;
    const at = state.shown.indexOf(state.sentence);
    const next = { ArrowDown: Math.min(at + 1, last), ArrowUp: Math.max(at - 1, 0), Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    select(state.shown[next]);
    remember();
  });
  listeners.push((change) => {
    if (change.relation !== undefined) state.relation = wantedNow();
    relationBox.value = state.relation;
    headBox.value = number();
    directionBox.value = view.direction;
    refresh();
  });
  read(addressed());
  fillControls();
  refresh();
}

/** What addresses call sentences: their names, the second of a name with a number. */
function keysOf(sentences) {
  const times = new Map();
  return sentences.map(({ sent_id: name }) => {
    times.set(name, (times.get(name) ?? 0) + 1);
    return times.get(name) === 1 ? name : `${name}~${times.get(name)}`;
  });
}

const EASY_LENGTH = 13;
const WORD_GAP = 15;
const ARC_STEP = 17;
const FALL = 190;
const LEAST_WEIGHT = .04;

const FROM_RIGHT = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u;

/** Whether most letters are of scripts that run from right to left, so that the first word stands at the right. */
function runsRightToLeft(words) {
  const letters = words.flatMap((word) => [...word.form]).filter((character) => /\p{Alphabetic}/u.test(character));
  return 2 * letters.filter((letter) => FROM_RIGHT.test(letter)).length > letters.length;
}

/** One sentence: arcs, words, attention lines, words again. */
function draw(sentence, frame, number, direction, isWanted, state, redraw) {
  const n = sentence.words.length;
  const weight = weightsOf(sentence, number, frame);
  const picks = picksOf(sentence, number, direction, frame);
  const isRight = (word) => picks[word] === sentence.words[word].governor - 1;
  const names = [...frame.before, ...sentence.words.map((word) => word.form), ...frame.after];
  const first = frame.before.length;
  const isWord = (position) => position >= first && position < first + n;

  // Where words stand: as wide as the word, its label or a percentage needs.
  const centres = [];
  let right = 12;
  names.forEach((name, position) => {
    const label = isWord(position) ? .75 * textWidth(sentence.words[position - first].relation) : 0;
    const width = Math.max(textWidth(name), label, 34);
    centres.push(right + width / 2);
    right += width + WORD_GAP;
  });
  if (runsRightToLeft(sentence.words)) centres.forEach((centre, position) => { centres[position] = right + 12 - WORD_GAP - centre; });
  const levels = arcLevels(sentence.words);
  const tall = Math.max(1, ...levels);
  const top = 24 + ARC_STEP * (tall + 1) + 14;
  const bottom = top + 26 + FALL;
  const root = svg("svg", { width: right, height: bottom + 34, viewBox: `0 0 ${right} ${bottom + 34}`, role: "group",
    "aria-label": `Dependencies of “${sentence.words.map((word) => word.form).join(" ")}” above, attention below`,
  });

  // Labels lie on all arcs, and the arcs that matter on the others.
  const arcs = sentence.words.map((word, at) => arc(sentence, at, centres.slice(first), top - 16, levels[at] || tall + 1,
    isWanted(word) ? `shown ${isRight(at) ? "right" : "wrong"}` : ""));
  const inFront = (parts) => [...parts].sort((a, b) => a.classList.contains("shown") - b.classList.contains("shown"));
  root.append(...inFront(arcs.map(([line]) => line)), ...inFront(arcs.map(([, label]) => label)));

  // Attention: everything faint, the picks for the wanted words strong.
  const lines = svg("g", {});
  root.append(lines);
  const shares = svg("g", {});
  const [y1, y2] = [top + 10, bottom - 16];
  const line = (from, to, value, kind) => lines.append(svg("line", {
    class: `weight ${kind}`, x1: centres[from], y1, x2: centres[to], y2,
    "stroke-opacity": kind === "plain" ? Math.min(.85, .06 + value).toFixed(3) : Math.min(1, .65 + value).toFixed(3),
    "stroke-width": (kind === "plain" ? .6 + 3 * value : 1.2 + 4 * value).toFixed(2), "aria-hidden": "true",
  }, svg("title", {}, `${isolated(names[from])} → ${isolated(names[to])}: ${percent(value)} %`)));

  /** Whose picks a line can be, as dependent and governor: the dependent attends (its row), or is attended to (its column). */
  function asked(from, to) {
    if (direction === "dep_to_gov") return [[from, to]];
    if (direction === "gov_to_dep") return [[to, from]];
    // The later of the two attends: a dependent whose governor stands before it, or a governor that stands behind its dependent.
    const governorStandsBefore = (position) => (sentence.words[position - first]?.governor ?? 0) - 1 < position - first;
    if (from < to) return [];
    return [...(governorStandsBefore(from) ? [[from, to]] : []), ...(governorStandsBefore(to) ? [] : [[to, from]])];
  }

  /** Lines of one word (`{ row, position }`), or of all words. */
  function show(focus) {
    lines.replaceChildren();
    shares.replaceChildren();
    const marks = (from, to) => {
      const said = asked(from, to).filter(([dependent, governor]) => {
        const word = sentence.words[dependent - first];
        return word && picks[dependent - first] === governor - first && (focus ? word.governor > 0 : isWanted(word));
      });
      if (said.length === 0) return "plain";
      return said.some(([dependent]) => isRight(dependent - first)) ? "right" : "wrong";
    };
    const strong = [];
    for (let from = first; from < first + n; from += 1) {
      for (let to = 0; to < names.length; to += 1) {
        if (focus && (focus.row === "from" ? from : to) !== focus.position) continue;
        if (!isWord(to) && !focus && !state.specials) continue;
        const value = weight(from, to);
        const kind = marks(from, to);
        if (kind !== "plain") strong.push([from, to, value, kind]);
        else if (value >= LEAST_WEIGHT) line(from, to, value, kind);
        if (focus && value >= .01) {
          const [x, y] = focus.row === "from" ? [centres[to], bottom + 22] : [centres[from], top - 22];
          shares.append(svg("text", { class: "share", x, y }, `${Math.round(100 * value)} %`));
        }
      }
    }
    for (const args of strong) line(...args);
  }

  const words = svg("g", {});
  const rows = [["from", top], ["to", bottom]];
  for (const [row, y] of rows) {
    names.forEach((name, position) => {
      const special = !isWord(position);
      if (special && row === "from") return;
      const focus = { row, position };
      const pinned = state.pinned?.row === row && state.pinned?.position === position;
      const width = Math.max(textWidth(name) + 10, 24);
      const target = svg("g", {
        class: "target", tabindex: "0", role: "button", "aria-pressed": pinned, "data-place": `${row}-${position}`,
        "aria-label": row === "from" ? `what ${isolated(name)} attends to` : `what attends to ${isolated(name)}`,
      }, svg("rect", { x: centres[position] - width / 2, y: y - 14, width, height: 22 }),
      svg("text", { class: special ? "word special" : "word", x: centres[position], y: y + 2 }, name));
      const pin = () => { state.pinned = pinned ? null : focus; redraw(`${row}-${position}`); };
      lookable(target, () => show(focus), () => show(state.pinned), pin);
      words.append(target);
    });
  }
  root.append(words, shares);
  show(state.pinned);
  return root;
}

/** The height of each word's arc, in steps: above all arcs that it spans. The root's is 0. */
function arcLevels(words) {
  const spans = words.map((word, at) => (word.governor === 0 ? null : [Math.min(at, word.governor - 1), Math.max(at, word.governor - 1)]));
  const levels = words.map(() => 0);
  const byLength = spans.map((span, at) => [span, at]).filter(([span]) => span).sort(([a], [b]) => (a[1] - a[0]) - (b[1] - b[0]));
  for (const [span, at] of byLength) {
    const below = spans.map((other, index) => (other && index !== at && levels[index] > 0 && other[0] < span[1] && other[1] > span[0] ? levels[index] : 0));
    levels[at] = 1 + Math.max(0, ...below);
  }
  return levels;
}

/** The arc from a word's governor down to it (`centres` are those of the words), and its relation; the root has a straight arrow from above all arcs. */
function arc(sentence, at, centres, y, level, kind) {
  const word = sentence.words[at];
  const x = centres[at];
  const parts = (d, middle, baseline) => [
    svg("g", { class: kind }, svg("path", { class: "arc", d }), svg("path", { class: "arrow", d: `M${x} ${y}l-4 -8h8z` })),
    svg("g", { class: kind }, svg("text", { class: "arc-label", x: middle, y: baseline }, word.relation)),
  ];
  if (word.governor === 0) {
    const height = y - ARC_STEP * level;
    return parts(`M${x} ${height}V${y - 6}`, x, height - 4);
  }
  const governor = word.governor - 1;
  const side = centres[governor] < x ? 1 : -1;
  const start = centres[governor] + 7 * side;
  const height = y - 8 - ARC_STEP * level;
  const round = Math.min(8, Math.abs(x - start) / 2);
  const path = `M${start} ${y}V${height + round}Q${start} ${height} ${start + round * side} ${height}H${x - round * side}Q${x} ${height} ${x} ${height + round}V${y - 6}`;
  return parts(path, (start + x) / 2, height + 4);
}

readView(addressed());
startTables();
startExplorer();
startHeads();
startGrids();
startPanels();
startMap();
startProbes();
later(() => { if (location.hash.includes("&")) byId(sectionOf(addressed()))?.scrollIntoView({ behavior: "instant" }); });
