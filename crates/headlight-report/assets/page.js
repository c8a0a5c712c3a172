// Shared by all sections: the data, the choice that sections have in common, and what colours the theme gives.

const byId = (id) => document.getElementById(id);
const run = JSON.parse(byId("run-data").textContent);
const plots = JSON.parse(byId("plot-data").textContent);
const ARROWS = { dep_to_gov: "dep→gov", gov_to_dep: "gov→dep", later_to_earlier: "late→early" };
const DIRECTIONS = Object.keys(ARROWS).filter((name) => name in run.scores.correct);
const percent = (share) => (100 * share).toFixed(1);
const headName = (layer, head) => `${layer + 1}-${head + 1}`;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A text from data as a part of a sentence: what it does to the direction of writing ends with it. */
const isolated = (text) => (/[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufefc]|\ud802|\ud803|\ud83a|\ud83b/.test(text) ? `\u2068${text}\u2069` : text);
const shortened = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** An HTML element with attributes and children; texts are set as text, so that markup in data stays text. */
function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Options of a select box, each `[value, text]`. */
function fillSelect(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
  if (chosen !== undefined) select.value = chosen;
}

/** What all sections look at. `choose` changes it and tells everybody who listens. */
const view = { relation: run.start.relation, direction: run.start.direction, layer: run.start.layer, head: run.start.head };
const listeners = [];
function choose(change) {
  Object.assign(view, change);
  for (const listener of listeners) listener();
}

/** The choice of a relation brings its best head along. */
function chooseRelation(relation) {
  const best = run.best[relation];
  choose({ relation, ...best?.heads[0] });
}

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

/** Draws now and again whenever the theme changes. */
function themed(draw) {
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

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

function startTables() {
  for (const table of document.querySelectorAll("table.choices")) {
    const rows = startChoices(table);
    if (table.id !== "relation-table") continue;
    byId("relation-search").addEventListener("input", (event) => {
      const wanted = event.target.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !row.dataset.relation.toLowerCase().includes(wanted);
    });
  }
}
