// Shared by all sections: the data, and the choice that sections have in common.

const run = JSON.parse(byId("run-data").textContent);
const plots = JSON.parse(byId("plot-data").textContent);
const ARROWS = { dep_to_gov: "dep→gov", gov_to_dep: "gov→dep", later_to_earlier: "late→early" };
const DIRECTIONS = Object.keys(ARROWS).filter((name) => name in run.scores.correct);
const percent = (share) => (100 * share).toFixed(1);
const headName = (layer, head) => `${layer + 1}-${head + 1}`;

/** A text from data as a part of a sentence: what it does to the direction of writing ends with it. */
const isolated = (text) => (/[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufefc]|\ud802|\ud803|\ud83a|\ud83b/.test(text) ? `\u2068${text}\u2069` : text);
const shortened = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** What all sections look at. `choose` changes it and tells everybody who listens. */
const view = { relation: run.start.relation, direction: run.start.direction, layer: run.start.layer, head: run.start.head };
const listeners = [];
function choose(change) {
  Object.assign(view, change);
  for (const listener of listeners) listener(change);
  remember();
}

/** The choice of a relation brings its best head along. */
function chooseRelation(relation) {
  const best = run.best[relation];
  choose({ relation, ...best?.heads[0] });
}

// The address: `#section&relation=…&direction=…&head=8-10`, so that a reload or a link shows the same. Others who have something to
// keep in it stand in `keepers`.

const keepers = [{ write: writeView, read: readView }];
let isChosen = false;

function writeView(into) {
  into.set("relation", view.relation);
  into.set("direction", view.direction);
  into.set("head", headName(view.layer, view.head));
}

/** What an address says of the view, as far as this page has it. */
function readView(from) {
  const [relation, direction] = [from.get("relation"), from.get("direction")];
  const head = /^([0-9]{1,4})-([0-9]{1,4})$/.exec(from.get("head") ?? "");
  if (relation !== null && run.scores.relations.includes(relation)) Object.assign(view, { relation, ...run.best[relation]?.heads[0] });
  if (DIRECTIONS.includes(direction)) view.direction = direction;
  if (head && head[1] >= 1 && head[1] <= run.model.layers && head[2] >= 1 && head[2] <= run.model.heads) Object.assign(view, { layer: head[1] - 1, head: head[2] - 1 });
}

const addressed = () => new URLSearchParams(location.hash.slice(1));
/** The section that an address names: its only part without a value. */
const sectionOf = (address) => [...address].find(([name, value]) => value === "" && byId(name))?.[0];

/** Writes what was chosen into the address. A page that has none of its own keeps nothing. */
function remember() {
  isChosen = true;
  const section = sectionOf(addressed());
  const kept = new URLSearchParams();
  for (const { write } of keepers) write(kept);
  try {
    history.replaceState(null, "", `#${section ? `${section}&` : ""}${kept}`);
  } catch {
    isChosen = false;
  }
}

addEventListener("hashchange", () => {
  const address = addressed();
  if (address.has("relation") || address.has("head")) {
    for (const { read } of keepers) read(address);
    for (const listener of listeners) listener({});
    byId(sectionOf(address))?.scrollIntoView();
  } else if (isChosen) {
    remember();
  }
});

/** Work that can wait until the page can be used, in order, a piece at a time; all of it at once before printing. */
const waiting = [];
function later(work) {
  waiting.push(work);
  if (waiting.length === 1) setTimeout(workOff);
}
function workOff() {
  waiting[0]?.();
  waiting.shift();
  if (waiting.length) setTimeout(workOff);
}
addEventListener("beforeprint", () => { for (const work of waiting.splice(0)) work(); });

// Tables: sorting, search, choice of a row.

function cellValue(row, column) {
  const cell = row.cells[column];
  return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
}

function sortRows(table, column, descending) {
  const order = (a, b) => {
    const [x, y] = [cellValue(a, column), cellValue(b, column)];
    const ascending = typeof x === "number" ? x - y : x.localeCompare(y);
    return descending ? -ascending : ascending;
  };
  for (const body of table.tBodies) body.append(...[...body.rows].sort(order));
}

function startTable(table) {
  const titles = [...table.tHead.rows[0].cells];
  titles.forEach((title, column) => {
    title.querySelector("button")?.addEventListener("click", () => {
      const before = title.getAttribute("aria-sort");
      const numeric = title.classList.contains("number");
      const descending = before === "none" ? numeric : before === "ascending";
      for (const other of titles) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
      title.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sortRows(table, column, descending);
    });
  });
}

/** Rows that stand for a choice: a relation, or one with its head and direction. */
function startChoices(table) {
  startTable(table);
  const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
  for (const row of rows) {
    const { relation, head, direction } = row.dataset;
    const pick = () => {
      if (head === undefined) return chooseRelation(relation);
      const [layer, index] = head.split("-").map((number) => Number(number) - 1);
      return choose({ relation, direction, layer, head: index });
    };
    row.addEventListener("click", pick);
  }
  const mark = () => {
    for (const row of rows) row.setAttribute("aria-current", row.dataset.relation === view.relation);
  };
  listeners.push(mark);
  mark();
  return rows;
}

/** Titles that cells have where rows stand as cards, on narrow pages. */
function labelled(table) {
  const titles = [...(table.tHead?.rows[0].cells ?? [])].map((title) => title.textContent);
  for (const body of table.tBodies) {
    for (const row of body.rows) [...row.cells].forEach((cell, at) => { if (titles[at]) cell.dataset.title = titles[at]; });
  }
  table.classList.add("labelled");
  return table;
}

/** The cells as they are shown, titles first, without drawings. */
function tableRows(table) {
  const titles = [...table.tHead.rows[0].cells];
  const shown = titles.map((title) => !title.classList.contains("drawing"));
  const texts = (row) => [...row.cells].filter((_, at) => shown[at] ?? true).map((cell) => cell.textContent.trim().replace(/\s+/g, " "));
  return [texts(table.tHead.rows[0]), ...[...table.tBodies].flatMap((body) => [...body.rows].map(texts))];
}

/** Relations of too few words to say much are folded away until they are asked for. */
function startFold(table) {
  const rare = table.querySelectorAll("tr.rare").length;
  if (rare === 0) return;
  const button = element("button", { type: "button", class: "fold", "aria-expanded": "false" });
  const show = (shown) => {
    table.classList.toggle("folded", !shown);
    button.setAttribute("aria-expanded", shown);
    button.textContent = `${shown ? "Hide" : "Show"} the ${rare} of fewer than ${table.dataset.rare} words`;
  };
  button.addEventListener("click", () => show(table.classList.contains("folded")));
  table.parentElement.after(button);
  show(false);
}

function startTables() {
  for (const table of document.querySelectorAll("main table")) {
    labelled(table);
    startFold(table);
    const name = table.caption?.textContent || table.closest("details")?.firstElementChild.textContent || table.closest("section")?.querySelector("h2").textContent;
    table.parentElement.after(downloads(`table ${name}`, { CSV: () => save(`${name}.csv`, "text/csv", asCsv(tableRows(table))) }));
  }
  for (const table of document.querySelectorAll("table.choices")) {
    const rows = startChoices(table);
    if (table.id !== "relation-table") continue;
    byId("relation-search").addEventListener("input", (event) => {
      const wanted = event.target.value.trim().toLowerCase();
      table.classList.toggle("searched", wanted !== "");
      for (const row of rows) row.hidden = !row.dataset.relation.toLowerCase().includes(wanted);
    });
  }
}
