//! The page in headless Chromium: what is drawn, what a click changes, and that nothing complains.
//!
//! The test adds two scripts to a copy of the page: one before everything, which collects complaints, and one after,
//! `drive.js`, which clicks and looks and leaves what it saw as the page's only text.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::page::{HOSTILE_RUN, write_page};
use crate::run::Size;

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

const COLLECT: &str = "<script>
window.complaints = [];
window.addEventListener('error', (event) => window.complaints.push(String(event.message ?? event.target)), true);
window.addEventListener('unhandledrejection', (event) => window.complaints.push(String(event.reason)));
document.addEventListener('securitypolicyviolation', (event) => window.complaints.push(`blocked ${event.blockedURI}`));
for (const level of ['error', 'warn']) console[level] = (...texts) => window.complaints.push(texts.join(' '));
</script>";

fn browser() -> Option<&'static str> {
    let starts =
        |name: &&&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    BROWSERS.iter().find(starts).copied()
}

/// What `drive.js` saw, `None` without a browser.
#[expect(clippy::print_stderr, reason = "a test says why it did not run")]
fn drive(name: &str, size: Size) -> Option<Value> {
    let Some(browser) = browser() else {
        eprintln!("not run: no Chromium in PATH (Debian: apt-get install chromium)");
        return None;
    };
    let (page, path) = write_page(name, size);
    let driven = with_script(&page, &path, include_str!("drive.js"));
    Some(seen(browser, &format!("file://{}", driven.display()), &["--window-size=1300,1000"]))
}

/// A copy of the page with two more scripts: what collects complaints before all, and `script` behind all.
fn with_script(page: &str, path: &Path, script: &str) -> PathBuf {
    let driver = format!("<script>{script}</script></body>");
    let start = page.replacen("<head>", &format!("<head>{COLLECT}"), 1);
    let end = start.rfind("</body>").unwrap();
    let driven = path.with_file_name("driven.html");
    std::fs::write(&driven, format!("{}{driver}{}", &start[..end], &start[end + "</body>".len()..])).unwrap();
    driven
}

fn seen(browser: &str, address: &str, options: &[&str]) -> Value {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update"])
        .args(options)
        .args(["--virtual-time-budget=90000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(address)
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout);
    let text =
        dom.split_once("<pre id=\"seen\">").and_then(|(_, rest)| rest.split_once("</pre>")).map(|(text, _)| text);
    let text = text.unwrap_or_else(|| panic!("drive.js did not finish: {}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_str(&text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")).unwrap()
}

#[test]
fn clicks_and_keys_change_the_view() {
    let size = Size { layers: 6, heads: 12, sentences: 25, hostile: false };
    let Some(seen) = drive("browser", size) else { return };
    let expected = json!({
        "complaints": [],
        "plots": [
            "heat-map", "lengths-case", "lengths-det", "lengths-nsubj", "lengths-advmod", "lengths-obj", "tree-heads", "coreference-heads",
            "surface-prev", "surface-next", "surface-self", "surface-cls", "surface-sep", "surface-punct",
            "surface-entropy", "surface-entropy_cls", "map-layers", "map-roles",
            "importance-attention", "importance-gate", "importance-heads",
            "ablation-heads", "pruning-masked_lm-zero", "pruning-probe_uas-zero", "pairs-masked",
            "probe-plot", "probe-without_layer", "probe-heads",
            "structural-uuas", "structural-distance_spearman", "structural-root_accuracy", "structural-norm_spearman",
        ],
        "plots that are not drawn": [],
        "markup is text in": 0,
        "rows": 52,
        "the relation table is cut off": false,
        "hidden and shown all the same": [],
        "fold": {"folded": 48, "unfolded": 52},
        "story": {
            "tile": "of mark: head 1-1; best baseline 25.2 %",
            "finding": "In head 1-1 the governor is the word that the dependent attends to most in 71.6 % of 243 cases of mark; the best \
                        baseline reaches 25.2 %.",
            "heat map": "mark", "explorer": "mark",
        },
        "beside each other": {"surface alike": true, "entropies alike": true, "both": false},
        "address": "#relation=det&direction=dep_to_gov&head=2-3&sentence=weblog-3",
        "another address": ["obj", "", "dep_to_gov", "2-5", "weblog-2"],
        "a wrong address": ["obj", "obj", "dep_to_gov", "2-5"],
        "a click on a section": true,
        "files": {
            "svg": {"name": "surface-prev.svg", "type": "image/svg+xml", "start": "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 371 258"},
            "png": {"name": "surface-prev.png", "type": "image/png", "start": true},
            "csv": {"name": "surface-prev.csv", "type": "text/csv", "start": "of,layer,share of attention,low,high,note\nmean of the layer,"},
            "table": {"name": "Ensembles.csv", "type": "text/csv", "start": "relation,words,direction,heads,ensemble,best single head,dif"},
            "sentence": {"name": "weblog-0-head-2-5-dep_to_gov.png", "type": "image/png", "start": true},
        },
        "files have colours of their own": true,
        "a click on a row": {"relation": "advmod", "explorer": "advmod", "marked": ["advmod"], "heat map changed": true},
        "a click on a cell": {"head": "3-5", "drawing changed": true},
        "special pieces": {"named": "[CLS], [SEP]", "drawn": ["[CLS]", "[SEP]"]},
        "another direction": {"explorer": "gov_to_dep"},
        "sorted by relation": ["acl", "acl:relcl", "advcl"],
        "search": ["nmod:poss"],
        "arrow down": {"moved by": 1, "drawing changed": true},
        "mistakes first": true,
        "pinned word": {"pressed": 1, "fewer lines": true, "shares": true, "focus stays": true},
        "all relations": "",
        "maps": {
            "tree-heads": {"maps": 3, "picture changed": true, "readout changed": true},
            "coreference-heads": {"maps": 8, "picture changed": true, "readout changed": true},
            "importance-heads": {"maps": 4, "picture changed": true, "readout changed": true},
            "ablation-heads": {"maps": 2, "picture changed": true, "readout changed": true},
            "probe-heads": {"maps": 1, "picture changed": false, "readout changed": false},
        },
        "arrow right": {"everywhere": true},
        "a click on an ensemble": {"relation": "det", "head": "2-3", "is its first": true},
        "another measure": true,
        "cannot be reached by keys": [],
    });
    assert_eq!(seen, expected);
}

#[test]
fn hostile_texts_do_no_harm() {
    let Some(seen) = drive("browser-hostile", HOSTILE_RUN) else { return };
    assert_eq!((&seen["complaints"], &seen["rows"]), (&json!([]), &json!(52)));
    assert_eq!(seen["harmed"], Value::Null);
    // The frame of this run has one piece before the words and none after.
    assert_eq!(seen["special pieces"], json!({"named": "<bos>", "drawn": ["<bos>"]}));
    // At least a relation in three tables and boxes, and a sentence.
    assert!(seen["markup is text in"].as_u64() >= Some(4), "{seen}");
}

const SMALL: Size = Size { layers: 4, heads: 12, sentences: 12, hostile: false };

/// Ends a script with what it saw.
const TELL: &str =
    "const text = document.createElement('pre'); text.id = 'seen'; text.textContent = JSON.stringify(seen);
for (const script of document.querySelectorAll('script')) script.remove(); document.body.replaceChildren(text);";

#[test]
fn a_link_shows_what_it_was_made_of() {
    let Some(browser) = browser() else { return };
    let (page, path) = write_page("browser-link", SMALL);
    let script = format!(
        "setTimeout(() => {{ const $ = (id) => document.getElementById(id);
        const seen = {{ complaints: window.complaints, relation: $('heat-relation').value, direction: $('heat-direction').value,
        head: $('explorer-head').selectedOptions[0].textContent, words: $('explorer-relation').value,
        sentence: $('explorer-stage').querySelector('strong').textContent, scrolled: scrollY > 500 }}; {TELL} }}, 3000);"
    );
    let driven = with_script(&page, &path, &script);
    let hash = "#sentences&relation=obj&direction=gov_to_dep&head=2-5&words=all&sentence=weblog-3";
    let seen = seen(browser, &format!("file://{}{hash}", driven.display()), &["--window-size=1300,1000"]);
    let expected = json!({
        "complaints": [], "relation": "obj", "direction": "gov_to_dep", "head": "2-5", "words": "", "sentence": "weblog-3",
        "scrolled": true,
    });
    assert_eq!(seen, expected);
}

/// On a telephone nothing stands beside the screen but what scrolls by itself: the sentence and the line of sections.
#[test]
fn a_narrow_page_cuts_nothing_off() {
    let Some(browser) = browser() else { return };
    let (page, path) = write_page("browser-narrow", SMALL);
    // A window is at least 500 pixels wide; a frame in it can be narrower.
    let script = String::from(
        "setTimeout(() => { const wide = innerWidth; for (const part of document.querySelectorAll('details')) part.open = true;
        const scrolls = (node) => node.closest('#explorer-stage .scroll, nav');
        const out = [...document.querySelectorAll('body *')].filter((node) => !scrolls(node) && node.getBoundingClientRect().right > wide + 1
        && getComputedStyle(node).position !== 'absolute');
        parent.postMessage({ wide, scrolls: document.documentElement.scrollWidth > document.documentElement.clientWidth,
        out: out.map((node) => node.outerHTML.slice(0, 90)).slice(0, 5), charts: document.querySelectorAll('.chart').length > 20 }, '*'); }, 4000);",
    );
    let driven = with_script(&page, &path, &script);
    let framed = driven.with_file_name("framed.html");
    let frame = format!(
        "<body><iframe src=\"driven.html\" width=420 height=900></iframe>
        <script>addEventListener('message', ({{ data: seen }}) => {{ {TELL} }});</script></body>"
    );
    std::fs::write(&framed, frame).unwrap();
    let seen = seen(browser, &format!("file://{}", framed.display()), &["--window-size=1300,1000"]);
    assert_eq!(seen, json!({"wide": 420, "scrolls": false, "out": [], "charts": true}));
}

/// axe-core where npm has it (`npm install --global axe-core`, or a folder in `NODE_PATH`).
fn axe() -> Option<String> {
    let global = Command::new("npm").args(["root", "--global"]).output().ok()?;
    let paths = [std::env::var("NODE_PATH").unwrap_or_default(), String::from_utf8_lossy(&global.stdout).trim().into()];
    let files = paths.iter().flat_map(|path| path.split(':')).map(|path| Path::new(path).join("axe-core/axe.min.js"));
    files.into_iter().find_map(|file| std::fs::read_to_string(file).ok())
}

/// Names, roles, contrasts: what axe finds by the rules of WCAG 2.2 A and AA and of good practice.
#[test]
#[expect(clippy::print_stderr, reason = "a test says why it did not run")]
fn an_automatic_checker_finds_nothing_in_either_theme() {
    let (Some(browser), Some(axe)) = (browser(), axe()) else {
        eprintln!("not run: no Chromium in PATH or no axe-core (npm install --global axe-core)");
        return;
    };
    let (page, path) = write_page("browser-axe", SMALL);
    let script = format!(
        "{axe}; setTimeout(async () => {{ const seen = {{}}; for (const part of document.querySelectorAll('details')) part.open = true;
        const found = await window.axe.run(document);
        seen.dark = matchMedia('(prefers-color-scheme: dark)').matches; seen.rules = found.passes.length > 20;
        seen.found = found.violations.map((it) => [it.id, it.nodes.length, it.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)
        + ' ' + (node.any[0]?.message ?? node.all[0]?.message ?? ''))]); {TELL} }}, 4000);"
    );
    let driven = with_script(&page, &path, &script);
    let address = format!("file://{}", driven.display());
    for (dark, scheme) in
        [(false, "--blink-settings=preferredColorScheme=1"), (true, "--blink-settings=preferredColorScheme=0")]
    {
        let seen = seen(browser, &address, &["--window-size=1300,1000", scheme]);
        assert_eq!(seen, json!({"dark": dark, "rules": true, "found": []}), "{seen:#}");
    }
}
