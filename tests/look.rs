//! `headlight look`: the page of one's own sentences, against transformers, and in a browser.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::support::{Ran, World, root, tiny_bert};

/// The page that a call wrote, and the data in it.
fn look(world: &World, arguments: &[&str]) -> (String, Value) {
    let printed = world.succeed(&[&["look", "--offline"], arguments].concat());
    let page = world.read(printed.trim_end());
    let data = page.split("id=\"look-data\">").nth(1).unwrap().split("</script>").next().unwrap();
    let data = serde_json::from_str(data).unwrap();
    (page, data)
}

/// The weights of a sentence's maps, `[layer, head, from, to]`.
fn weights(maps: &Value) -> Vec<f64> {
    let packed = STANDARD.decode(maps["weights"].as_str().unwrap()).unwrap();
    let mut bytes = Vec::new();
    flate2::read::ZlibDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
    bytes.into_iter().map(|byte| maps["scale"].as_f64().unwrap() * f64::from(byte) / 255.0).collect()
}

fn forms(sentence: &Value) -> Vec<&str> {
    sentence["words"].as_array().unwrap().iter().map(|word| word["form"].as_str().unwrap()).collect()
}

const QUESTION: &str = "What did the children, who were tired, see?";

/// The golden is transformers' (`crates/headlight-bert/tests/fixtures/sample.py`).
#[test]
fn the_maps_of_a_sentence_are_those_of_transformers() {
    let world = World::new();
    let (page, data) = look(&world, &[QUESTION]);
    let side = &data["sides"][0];
    assert_eq!((&side["layers"], &side["heads"], &side["name"]), (&json!(4), &json!(12), &json!("sample")));
    let sentence = &side["sentences"][0];
    let golden = std::fs::read(root().join("crates/headlight-bert/tests/fixtures/sample-golden.safetensors")).unwrap();
    let golden = safetensors::SafeTensors::deserialize(&golden).unwrap();
    let expected = golden.tensor("attention.1").unwrap();
    let expected = expected.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
    let maps = if sentence["pieceMaps"].is_null() { &sentence["wordMaps"] } else { &sentence["pieceMaps"] };
    let found = weights(maps);
    assert_eq!(found.len(), expected.len());
    let off = found.iter().zip(expected).map(|(found, golden)| (found - f64::from(golden)).abs()).fold(0.0, f64::max);
    assert!(off <= 0.5 / 255.0 + 1e-4, "a byte is half a step off at most, not {off}");
    // Words and their punctuation; what they rest on is said.
    let words = ["What", "did", "the", "children", ",", "who", "were", "tired", ",", "see", "?"];
    assert_eq!(forms(sentence), words);
    assert!(page.contains("Words were split at white space") && page.contains("read the text as it stands"));
    assert!(page.contains("<h1 dir=\"auto\">What did the children, who were tired, see?</h1>"));
    assert_eq!((&sentence["hasTree"], &side["shares"]), (&json!(false), &json!(true)));
    // Norms are lengths, and may exceed 1.
    let (_, data) = look(&world, &[QUESTION, "--set", "model.attention=norms"]);
    let side = &data["sides"][0];
    assert!(
        side["shares"] == json!(false) && side["sentences"][0]["wordMaps"]["scale"].as_f64() > Some(1.0),
        "{}",
        side["shares"]
    );
}

#[test]
fn words_may_be_split_already_and_trees_come_from_conllu_or_a_probe() {
    let world = World::new();
    let (page, data) = look(&world, &["--words", "do n't stop ."]);
    assert_eq!(forms(&data["sides"][0]["sentences"][0]), ["do", "n't", "stop", "."]);
    assert!(page.contains("Words are what white space separates (--words)."));

    let columns = |rows: &[(&str, &str, &str)]| {
        let line = |(at, (form, head, relation)): (usize, &(&str, &str, &str))| {
            format!("{}\t{form}\t_\t_\t_\t_\t{head}\t{relation}\t_\t_\n", at + 1)
        };
        rows.iter().enumerate().map(line).collect::<String>() + "\n"
    };
    let dogs = columns(&[("the", "2", "det"), ("dogs", "3", "nsubj"), ("ran", "0", "root")]);
    world.write("two.conllu", format!("{dogs}{}", columns(&[("go", "0", "root"), ("!", "1", "punct")])));
    let (page, data) = look(&world, &["sample", "two.conllu"]);
    let sentences = data["sides"][0]["sentences"].as_array().unwrap();
    assert_eq!(sentences.len(), 2);
    assert_eq!(sentences[0]["words"][0], json!({"form": "the", "governor": 2, "relation": "det"}));
    assert_eq!((&sentences[0]["governed"], sentences[0]["found"].as_array().unwrap().len()), (&json!(2), 48));
    assert!(page.contains("The tree is that of two.conllu.") && page.contains("two.conllu: 2 sentences"));

    let config = format!(
        "[model]\npath = {:?}\n[treebank]\ntrain = [\"sample:select\"]\nevaluate = [\"sample:evaluate\"]\nmax_sentences = 20\n\
         [[experiment]]\nkind = \"probe\"\nprobes = [\"attention\"]\nepochs = 1\nresamples = 1000\n",
        tiny_bert()
    );
    world.write("probe.toml", config);
    world.succeed(&["run", "probe.toml"]);
    let (page, data) = look(&world, &["--probe", "runs/probe", "The dog sleeps."]);
    let sentence = &data["sides"][0]["sentences"][0];
    let roots = sentence["words"].as_array().unwrap().iter().filter(|word| word["governor"] == json!(0)).count();
    assert_eq!((&sentence["hasTree"], roots, data["sides"][0]["layers"].clone()), (&json!(true), 1, json!(3)));
    assert!(page.contains("The tree is what the probe attention-seed1, UAS "), "with its score");
    // The same trees as `headlight parse` gives.
    world.write("dog.txt", "The dog sleeps.\n");
    let parsed = world.succeed(&["parse", "--probe", "runs/probe", "dog.txt"]);
    let heads: Vec<Value> = parsed
        .lines()
        .filter(|line| line.contains('\t'))
        .map(|line| json!(line.split('\t').nth(6).unwrap().parse::<u64>().unwrap()))
        .collect();
    let shown: Vec<Value> = sentence["words"].as_array().unwrap().iter().map(|word| word["governor"].clone()).collect();
    assert_eq!(shown, heads);
}

#[test]
fn another_sentence_or_another_model_stands_beside() {
    let world = World::new();
    let (page, data) = look(&world, &["The keys are here.", "--beside", "The old keys are here."]);
    assert_eq!(data["sides"].as_array().unwrap().len(), 2);
    // [CLS] the keys … [SEP]; `old` has no counterpart.
    let expected = json!([[0, 0], [1, 1], [2, 3], [3, 4], [4, 5], [5, 6], [6, 7]]);
    assert_eq!(data["pairs"][0]["words"], expected);
    assert!(page.contains("The keys are here. / The old keys are here."));

    let tiny = tiny_bert();
    let (_, data) = look(&world, &["sample", "The dog.", "--beside", tiny.to_str().unwrap()]);
    let side = |at: usize| (data["sides"][at]["layers"].clone(), data["sides"][at]["name"].clone());
    assert_eq!((side(0), side(1)), ((json!(4), json!("sample")), (json!(3), json!("tiny-bert"))));
    assert_eq!(data["pairs"][0]["words"], json!([[0, 0], [1, 1], [2, 2], [3, 3], [4, 4]]));

    world.write("two.txt", "One.\nTwo.\n");
    let error = world.fail(2, &["look", "Three.", "--beside", "two.txt"]);
    assert_eq!(error, "--beside has 2 sentences, and 1 are looked at: they stand beside each other");
}

#[test]
fn sentences_come_from_arguments_files_and_standard_input() {
    let world = World::new();
    let mut child = world
        .command(&["look", "-", "--out", "piped.html"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all("First one.\nSecond one.\n".as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(world.read("piped.html").contains("stdin: 2 sentences"));
    // Of the same words is the same page, of others another.
    let first = world.succeed(&["look", "It rains."]);
    assert_eq!((world.succeed(&["look", "It rains."]), first.starts_with("looks/it-rains-")), (first.clone(), true));
    assert_ne!(world.succeed(&["look", "It rains!"]), first);
    for (arguments, expected) in [
        (&["look", "minilm-l7"][..], "minilm-l7 is no model; did you mean minilm-l6?"),
        (&["look", "absent.txt"], "there is no file absent.txt"),
        (&["look", "sample", "A sentence.", "more"], "unexpected value 'more'"),
        (&["look", "A sentence.", "--set", "model.atention=norms"], "`model.atention` in --set"),
        (&["look", "A b.", "--set", "roles.next=0.3"], "does not read `roles.next`; it reads model.…, threads"),
        (&["look", "sample"], "stdin has no sentence to look at"),
        (&["look", "A b.", "--set", "model.attention=norm"], "`model.attention` in --set"),
    ] {
        let ran = world.run(arguments);
        assert!(ran.code == 2 && ran.stderr.contains(expected), "{arguments:?}: {}", ran.stderr);
    }
    let long = "word ".repeat(200);
    let error = world.fail(1, &["look", &long]);
    assert!(
        error.starts_with(
            "sentence 1 has 202 pieces with sample, and 128 are the most that the model reads; shorten it"
        ),
        "{error}"
    );
    world.write("mixed.txt", format!("{long}\nA short one.\n"));
    let ran = world.run(&["look", "mixed.txt", "--out", "mixed.html"]);
    assert!(ran.code == 0 && ran.stderr.contains("1 of 2 sentences were left out; sentence 1 has"), "{}", ran.stderr);
    assert!(world.read("mixed.html").contains("1 of 2 sentences were left out"), "the page says it too");
}

#[cfg(unix)]
#[test]
fn a_page_is_opened_where_that_is_asked_for() {
    use std::os::unix::fs::PermissionsExt;
    let mut world = World::new();
    let opener = world.write("bin/xdg-open", "#!/bin/sh\necho \"$1\" > opened\n");
    std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", world.path("bin").display(), std::env::var("PATH").unwrap());
    world.set("PATH", path);
    let place = world.succeed(&["look", "It rains.", "--open"]);
    let opened = || std::fs::read_to_string(world.path("opened")).unwrap_or_default();
    for _ in 0..100 {
        if opened() == place {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{place} was not opened: {:?}", opened());
}

/// Of 24 × 16 heads and 60 words the page has a few megabytes; scripts from right to left and without spaces are drawn.
#[test]
fn pages_stay_small_and_scripts_of_all_directions_are_taken() {
    let world = World::new();
    let text = "the old dog sleeps here and the cat runs ".repeat(7);
    let (page, _) = look(&world, &["--words", "--set", "model.random_init=true", &text]);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    assert!(page.contains("random weights"), "what is no trained model is called so");
    let (_, data) = look(&world, &["قال الرجل كلمة"]);
    assert_eq!(forms(&data["sides"][0]["sentences"][0]).len(), 3);
    let (page, data) = look(&world, &["今天天气好"]);
    assert_eq!(forms(&data["sides"][0]["sentences"][0]), ["今天天气好"]);
    assert!(page.contains("scripts without spaces need other words"));
}

const COLLECT: &str = "<script>
window.complaints = [];
window.addEventListener('error', (event) => window.complaints.push(String(event.message ?? event.target)), true);
window.addEventListener('unhandledrejection', (event) => window.complaints.push(String(event.reason)));
document.addEventListener('securitypolicyviolation', (event) => window.complaints.push(`blocked ${event.blockedURI}`));
</script>";

/// Uses the page as a person would and leaves what it saw as the page's only text.
const DRIVE: &str = r##"<script>
(async () => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const settle = () => new Promise((resolve) => setTimeout(resolve, 300));
  const seen = {};
  try {
    for (let tries = 0; tries < 30 && all(".heads button").length === 0; tries += 1) await settle();
    const named = () => all(".stage strong").map((title) => title.textContent);
    seen.maps = all(".heads").map((grid) => grid.querySelectorAll("canvas").length);
    seen.first = named();
    all(".heads button")[5].click();
    seen.click = named();
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
    seen.down = named();
    seen.address = decodeURIComponent(location.hash);
    const checked = all(".heads button[aria-checked=true]");
    seen.tabbable = all(".heads button[tabindex='0']").length === checked.length;
    const lines = all(".stage")[0].querySelectorAll("line").length;
    const word = all(".stage")[0].querySelectorAll(".target")[2];
    word.focus();
    seen["lines of one word"] = all(".stage")[0].querySelectorAll("line").length < lines;
    word.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    seen.held = all(".target[aria-pressed=true]").length;
    const words = () => all(".stage")[0].querySelectorAll(".target").length / 2;
    seen.positions = words();
    const specials = document.querySelector("#specials");
    specials.click();
    await settle();
    seen["without special pieces"] = words();
    seen["text is text"] = window.harmed === undefined;
    seen["wider than the screen"] = document.documentElement.scrollWidth > window.innerWidth;
  } catch (error) { window.complaints.push(error.stack); }
  seen.complaints = window.complaints;
  const text = document.createElement("pre");
  text.id = "seen";
  text.textContent = JSON.stringify(seen);
  document.body.replaceChildren(text);
})();
</script></body>"##;

/// What the driver saw in a window of this width; `None` without a browser.
fn drive(world: &World, page: &str, width: u32) -> Option<Value> {
    let starts = |name: &&&str| Command::new(name).arg("--version").output().is_ok_and(|it| it.status.success());
    let Some(browser) = ["chromium", "chromium-browser", "google-chrome", "chrome"].iter().find(starts) else {
        println!("not run: no Chromium in PATH");
        return None;
    };
    let page = page.replacen("<head>", &format!("<head>{COLLECT}"), 1);
    let end = page.rfind("</body>").unwrap();
    let path = world.write("driven.html", format!("{}{DRIVE}{}", &page[..end], &page[end + "</body>".len()..]));
    let mut command = Command::new(browser);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync", "--disable-quic"])
        .args(["--disable-background-networking", "--disable-component-update", "--virtual-time-budget=20000"])
        .args([format!("--window-size={width},900"), "--dump-dom".to_owned()])
        .arg(format!("--user-data-dir={}", world.path("profile").display()))
        .arg(format!("file://{}", path.display()));
    let ran = Ran::of(command);
    let text = ran.stdout.split("<pre id=\"seen\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let text = text.unwrap_or_else(|| panic!("the driver did not finish: {}", ran.stderr));
    Some(serde_json::from_str(&text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")).unwrap())
}

#[test]
fn keys_and_clicks_show_heads_and_words() {
    let world = World::new();
    let (page, _) =
        look(&world, &["The dog <script>window.harmed=1</script> sleeps.", "--beside", "The cat <b> sleeps."]);
    for width in [1300, 420] {
        let Some(seen) = drive(&world, &page, width) else { return };
        let seen: BTreeMap<String, Value> = serde_json::from_value(seen).unwrap();
        let expected = [
            ("maps", json!([48, 48, 48])),
            ("first", json!(["head 1-1", "head 1-1", "head 1-1"])),
            ("click", json!(["head 1-6", "head 1-6", "head 1-6"])),
            ("down", json!(["head 2-6", "head 2-6", "head 2-6"])),
            ("address", json!("#sentence=1&level=words&head=2-6,2-6")),
            ("tabbable", json!(true)),
            ("lines of one word", json!(true)),
            ("held", json!(1)),
            ("text is text", json!(true)),
            ("wider than the screen", json!(false)),
            ("complaints", json!([])),
        ];
        for (name, value) in expected {
            assert_eq!(seen[name], value, "{name} at {width}: {seen:?}");
        }
        let [all, without] = ["positions", "without special pieces"].map(|name| seen[name].as_u64().unwrap());
        assert_eq!(all, without + 2, "[CLS] and [SEP]");
    }
}
