//! The page in headless Chromium: what is drawn, what a click changes, and that nothing complains.
//!
//! The test adds two scripts to a copy of the page: one before everything, which collects complaints, and one after,
//! `drive.js`, which clicks and looks and leaves what it saw as the page's only text.

use std::path::Path;
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
    let driver = format!("<script>{}</script></body>", include_str!("drive.js"));
    let start = page.replacen("<head>", &format!("<head>{COLLECT}"), 1);
    let end = start.rfind("</body>").unwrap();
    let driven = path.with_file_name("driven.html");
    std::fs::write(&driven, format!("{}{driver}{}", &start[..end], &start[end + "</body>".len()..])).unwrap();
    Some(seen(browser, &driven))
}

fn seen(browser: &str, page: &Path) -> Value {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update", "--window-size=1300,1000"])
        .args(["--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
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
