// Uses the page as a person would and writes down what it sees.
(async () => {
  const $ = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const settle = () => new Promise((resolve) => setTimeout(resolve, 300));
  const change = async (selector, value) => {
    const box = $(selector);
    if (box.type === "checkbox") box.checked = value;
    else box.value = value;
    box.dispatchEvent(new Event(box.type === "search" ? "input" : "change", { bubbles: true }));
    await settle();
  };
  const picture = (id) => $(`#${id} svg`)?.outerHTML;
  const readout = (id) => $(`#${id}-readout`).textContent;
  const heatMap = () => picture("heat-map") + readout("heat-map");
  const drawing = () => $("#explorer-stage svg").outerHTML;
  const relations = () => all("#relation-table tbody:last-child tr").filter((row) => !row.hidden).map((row) => row.dataset.relation);
  const chosen = () => all("#explorer-sentences li").findIndex((item) => item.getAttribute("aria-selected") === "true");
  const seen = {};
  try {
    // Plots are drawn one after the other when the page can be used already.
    const missing = () => all(".plot").filter((plot) => !plot.querySelector("svg.chart")).map((plot) => plot.id);
    for (let tries = 0; tries < 30 && (tries === 0 || missing().length > 0); tries += 1) await settle();
    seen.plots = all(".plot").filter((plot) => plot.querySelector("svg.chart")).map((plot) => plot.id);
    seen["plots that are not drawn"] = missing();
    const forms = all("#relation-table tbody th, #explorer-sentences .text, #ensemble-table th, #heat-relation option").map((place) => place.textContent);
    seen["markup is text in"] = forms.filter((form) => form.includes("<script>window.harmed = 1")).length;
    seen.rows = all("#relation-table tbody tr").length;
    const visible = () => all("#relation-table tbody tr").filter((row) => row.offsetHeight > 0).length;
    const folded = visible();
    $("#relations .fold")?.click();
    seen.fold = { folded, unfolded: visible() };
    seen["story"] = { tile: $(".tiles li:nth-child(2) span").textContent, finding: $(".findings li:nth-child(2)").textContent, "heat map": $("#heat-relation").value, explorer: $("#explorer-relation").value };
    const numbers = (id) => all(`#${id} .tick.end`).map((number) => number.textContent).join(" ");
    seen["beside each other"] = { "surface alike": numbers("surface-prev") === numbers("surface-next"), "entropies alike": numbers("surface-entropy") === numbers("surface-entropy_cls"), "both": numbers("surface-prev") === numbers("surface-entropy") };
    const table = $("#relation-table");
    seen["the relation table is cut off"] = table.offsetWidth > table.parentElement.clientWidth;
    seen["hidden and shown all the same"] = all("[hidden]").filter((part) => part.offsetWidth > 0).map((part) => part.outerHTML.slice(0, 80));

    let before = heatMap();
    const row = all("#relation-table tbody:last-child tr")[3];
    row.click();
    await settle();
    seen["a click on a row"] = {
      relation: $("#heat-relation").value, explorer: $("#explorer-relation").value,
      marked: all("#relation-table tr[aria-current=true]").map((marked) => marked.dataset.relation), "heat map changed": heatMap() !== before,
    };

    before = drawing();
    ($('#heat-map [data-cell="2-4"]') ?? $('#heat-map [data-cell="1-1"]')).dispatchEvent(new MouseEvent("click", { bubbles: true }));
    await settle();
    seen["a click on a cell"] = { head: $("#explorer-head").selectedOptions[0]?.textContent, "drawing changed": drawing() !== before };

    seen["special pieces"] = {
      named: $("#explorer-specials").parentElement.textContent.trim(),
      drawn: all("#explorer-stage .word.special").map((piece) => piece.textContent),
    };

    await change("#heat-direction", "gov_to_dep");
    seen["another direction"] = { explorer: $("#explorer-direction").value };

    $("#relation-table thead button").click();
    seen["sorted by relation"] = relations().slice(0, 3);
    await change("#relation-search", "NMOD:P");
    seen.search = relations();

    before = drawing();
    const place = chosen();
    $("#explorer-sentences").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
    seen["arrow down"] = { "moved by": chosen() - place, "drawing changed": drawing() !== before };

    await change("#explorer-mistakes", true);
    const wrong = all("#explorer-sentences .score").map((score) => score.textContent.split("/")).map(([right, total]) => total - right);
    seen["mistakes first"] = wrong.length > 1 && wrong.every((count, at) => at === 0 || wrong[at - 1] >= count);

    await change("#explorer-relation", "");
    seen["all relations"] = $("#explorer-relation").value;
    const lines = all("#explorer-stage line").length;
    all("#explorer-stage .target")[2].dispatchEvent(new MouseEvent("click", { bubbles: true }));
    seen["pinned word"] = {
      pressed: all("#explorer-stage .target[aria-pressed=true]").length, "fewer lines": all("#explorer-stage line").length < lines,
      shares: all("#explorer-stage .share").length > 0, "focus stays": document.activeElement?.getAttribute("aria-pressed") === "true",
    };

    // The heat maps of the other kinds: each box changes what is shown, and all show the same head.
    seen.maps = {};
    for (const box of all("select[id$=-heads-map]")) {
      const id = box.id.slice(0, -"-map".length);
      before = picture(id);
      const said = readout(id);
      await change(`#${box.id}`, box.options[box.options.length - 1].value);
      seen.maps[id] = { maps: box.options.length, "picture changed": picture(id) !== before, "readout changed": readout(id) !== said };
    }
    const named = () => all(".readout").map((text) => /[Hh]ead (\d+-\d+)/.exec(text.textContent)?.[1]).filter((name) => name);
    const [layer, head] = named()[0].split("-").map(Number);
    $("#tree-heads").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    await settle();
    seen["arrow right"] = { everywhere: [...named(), $("#explorer-head").selectedOptions[0].textContent].every((name) => name === `${layer}-${head + 1}`) };

    all("#ensemble-table tbody tr")[1].click();
    await settle();
    seen["a click on an ensemble"] = {
      relation: $("#heat-relation").value, head: $("#explorer-head").selectedOptions[0]?.textContent,
      "is its first": all("#ensemble-table tbody tr")[1].cells[3].textContent.startsWith($("#explorer-head").selectedOptions[0]?.textContent),
    };
    before = $("#probe-plot").textContent;
    await change("#probe-measure", "1");
    seen["another measure"] = $("#probe-plot").textContent !== before;

    // What the address says is shown, and what is shown it says; what it says wrongly changes nothing.
    seen.address = decodeURIComponent(location.hash);
    location.hash = "#sentences&relation=obj&direction=dep_to_gov&head=2-5&words=all&sentence=weblog-2";
    await settle();
    const explored = () => [$("#heat-relation").value, $("#explorer-relation").value, $("#explorer-direction").value, $("#explorer-head").selectedOptions[0].textContent, $("#explorer-stage strong").textContent];
    seen["another address"] = explored();
    location.hash = "#relation=<b>&head=99-1&direction=up&sentence=none";
    await settle();
    seen["a wrong address"] = explored().slice(0, 4);
    $("nav a[href='#heads']").click();
    await settle();
    seen["a click on a section"] = location.hash.startsWith("#heads&relation=obj");

    // Files: each button gives one.
    // Time runs ahead here while other threads work: what they would do is done at once.
    const files = [];
    const contents = new Map();
    const Plain = window.Blob;
    window.Blob = class extends Plain {
      constructor(parts, options) { super(parts, options); contents.set(this, parts.join("")); }
    };
    HTMLCanvasElement.prototype.toBlob = function toBlob(then, type) { then(new Plain([atob(this.toDataURL(type).split(",")[1])], { type: type ?? "image/png" })); };
    URL.createObjectURL = (blob) => { files.push(blob); return "blob:none"; };
    HTMLAnchorElement.prototype.click = function click() { files.push(this.download); };
    const press = async (place, format) => {
      files.length = 0;
      [...place.querySelectorAll(".downloads button")].find((button) => button.textContent === format).click();
      for (let tries = 0; tries < 60 && files.length < 2; tries += 1) await settle();
      const [blob, name] = files;
      return { name, type: blob.type, start: format === "PNG" ? blob.size > 1000 : contents.get(blob).split("\n").slice(0, 2).join("\n").slice(0, 60) };
    };
    const panel = $("#surface-prev").parentElement;
    seen.files = { svg: await press(panel, "SVG"), png: await press(panel, "PNG"), csv: await press(panel, "CSV"), table: await press($("#ensembles"), "CSV"), sentence: await press($("#explorer-stage"), "PNG") };
    seen["files have colours of their own"] = !(() => { files.length = 0; [...panel.querySelectorAll(".downloads button")][0].click(); return contents.get(files[0]); })().includes("var(");
    seen["cannot be reached by keys"] = all("section select, section input, section summary, section button, [role=application], [role=listbox]")
      .filter((control) => control.tabIndex < 0).map((control) => control.id);
  } catch (error) {
    window.complaints.push(`drive.js: ${error.stack}`);
  }
  seen.complaints = window.complaints;
  if (window.harmed !== undefined) seen.harmed = window.harmed;
  const text = document.createElement("pre");
  text.id = "seen";
  text.textContent = JSON.stringify(seen);
  for (const script of all("script")) script.remove();
  document.body.replaceChildren(text);
})();
