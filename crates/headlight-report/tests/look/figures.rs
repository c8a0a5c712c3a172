//! Every figure, in both formats.

use std::path::PathBuf;

use headlight_attention::AttentionHead;
use headlight_report::figures::{Figure, Setting, drawable};
use headlight_report::run::RunDirectory;
use headlight_report::tables::Direction;

use crate::page::{HOSTILE_RUN, LARGE};
use crate::run::Size;

fn write_run(name: &str, size: Size) -> (PathBuf, RunDirectory) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    size.write(&folder);
    let run = RunDirectory::open(&folder).unwrap();
    (folder, run)
}

fn sentence(sent_id: &str) -> Figure {
    Figure::Sentence { sent_id: sent_id.into(), head: Some(AttentionHead { layer: 1, index: 2 }), relation: None }
}

fn heat_map(relation: &str) -> Figure {
    Figure::HeatMap { relation: relation.into(), direction: Some(Direction::DependentToGovernor) }
}

#[test]
fn every_figure_is_a_column_wide_in_both_formats() {
    let (folder, run) = write_run("figures", Size { sentences: 5, ..LARGE });
    let figures = [
        ("figure2", Figure::Surface, 12),
        ("figure4", Figure::Entropy, 12),
        ("figure6", Figure::Map, 5),
        ("table1", Figure::Relations, 20),
        ("heatmap", heat_map("obj"), 24),
        ("sentence", sentence("weblog-1"), 6),
    ];
    for (name, figure, texts) in figures {
        let svg = folder.join(format!("{name}.svg"));
        figure.write(&run, &svg, Setting::default()).unwrap();
        let text = std::fs::read_to_string(&svg).unwrap();
        assert!(text.contains(r#"width="3.300in""#) && text.matches("<text").count() >= texts, "{name}: {text}");

        let png = folder.join(format!("{name}.png"));
        figure.write(&run, &png, Setting::default()).unwrap();
        let bytes = std::fs::read(&png).unwrap();
        assert_eq!((&bytes[..8], &bytes[16..20]), (&b"\x89PNG\r\n\x1a\n"[..], &1267_u32.to_be_bytes()[..]), "{name}");
        assert!(bytes.len() > 10_000, "{name} is empty");
    }
}

/// Everything that is listed is drawn, of every kind, in every format; what is drawn lies on the page.
#[test]
fn all_that_a_run_has_is_drawn_in_every_format() {
    let (folder, run) = write_run("all-figures", Size { sentences: 5, ..LARGE });
    let all = drawable(&run).unwrap();
    let names: Vec<&str> = all.iter().map(|it| it.name.as_str()).collect();
    for name in [
        "table1",
        "heatmap",
        "sentence",
        "figure2",
        "figure3",
        "figure4",
        "figure6",
        "pruning",
        "ensembles",
        "trees",
        "coreference",
        "pairs",
        "probes",
        "differences",
        "null-models",
        "lengths-nsubj",
        "tree-heads",
        "coreference-heads",
        "surface-entropy",
        "importance-heads",
        "ablation-heads",
        "pairs-masked",
        "probe-without_layer",
        "probe-heads",
        "structural-uuas",
    ] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    let mut drawn = 0;
    for it in all.iter().filter(|it| !it.needs_of) {
        let parts = if it.of.is_empty() { vec![None] } else { it.of.iter().cloned().map(Some).collect() };
        for of in parts {
            let figure = match it.name.as_str() {
                "table1" => Figure::Relations,
                "figure2" => Figure::Surface,
                "figure3" => Figure::Importance,
                "figure4" => Figure::Entropy,
                "figure6" => Figure::Map,
                "pruning" => Figure::Pruning { measure: None },
                name => Figure::Plot { name: name.to_owned(), of: of.clone() },
            };
            let svg = folder.join("figure.svg");
            figure.write(&run, &svg, Setting::default()).unwrap();
            let text = std::fs::read_to_string(&svg).unwrap();
            let place = format!("{} {of:?}", it.name);
            assert!(text.contains(r#"width="3.300in""#), "{place}");
            let is_light = |part: &str| part.contains("<text");
            assert!(text.split('\n').filter(|line| is_light(line)).count() >= 5, "{place}: {text}");
            // Nothing is placed beyond the page: places of texts are in pixels of the view box.
            let width: f64 = text.split("viewBox=\"0 0 ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
            for x in
                text.split("<text x=\"").skip(1).map(|rest| rest.split('"').next().unwrap().parse::<f64>().unwrap())
            {
                assert!((0.0..=width).contains(&x), "{place}: a text at {x} of {width}");
            }
            drawn += 1;
        }
        let pdf = folder.join("figure.pdf");
        let figure = Figure::Plot { name: it.name.clone(), of: None };
        let is_plot = !it.name.starts_with("figure") && !["table1", "pruning"].contains(&it.name.as_str());
        let figure = if is_plot { figure } else { Figure::Relations };
        figure.write(&run, &pdf, Setting { width: 5.0, font_size: 10.0 }).unwrap();
        let bytes = std::fs::read(&pdf).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with("%PDF-1.") && text.contains("/MediaBox [0 0 360 "), "{}", it.name);
        for part in ["/FontFile2", "/ToUnicode", "/Identity-H", "+DejaVuSans"] {
            assert!(text.contains(part), "{}: {part}", it.name);
        }
        assert!(bytes.len() < 100_000, "the font is a part of itself: {}", bytes.len());
    }
    assert!(drawn > 40, "{drawn}");
    let error = |name: &str, of: Option<&str>| {
        let figure = Figure::Plot { name: name.to_owned(), of: of.map(str::to_owned) };
        figure.write(&run, &folder.join("a.svg"), Setting::default()).unwrap_err().to_string()
    };
    assert!(error("nonsense", None).contains("has no figure nonsense; it has table1, heatmap, sentence"));
    assert!(error("tree-heads", Some("nonsense")).starts_with("`tree-heads` is not of \"nonsense\"; it is of "));
    assert_eq!(error("structural-uuas", Some("x")), "`structural-uuas` is not of \"x\"; it is of the whole run");
}

#[test]
fn width_and_size_of_text_are_set() {
    let (folder, run) = write_run("sized-figures", Size { sentences: 5, ..LARGE });
    let path = folder.join("wide.svg");
    Figure::Relations.write(&run, &path, Setting { width: 6.0, font_size: 12.0 }).unwrap();
    let wide = std::fs::read_to_string(&path).unwrap();
    // 6 inches at 12 points are laid out as 4 inches at 8.
    assert!(wide.contains(r#"width="6.000in""#) && wide.contains(r#"viewBox="0 0 1536 "#), "{wide}");
    let png = folder.join("wide.png");
    Figure::Relations.write(&run, &png, Setting { width: 6.0, font_size: 12.0 }).unwrap();
    assert_eq!(std::fs::read(&png).unwrap()[16..20], 2304_u32.to_be_bytes());
}

#[test]
fn what_the_font_lacks_is_said_where_it_is_lacking() {
    let (folder, run) = write_run("lacking-figures", HOSTILE_RUN);
    let figure = heat_map(&first_relation(&run));
    let svg = figure.write(&run, &folder.join("a.svg"), Setting::default()).unwrap();
    assert_eq!(svg.without_glyph, []);
    let explorer = folder.join("explorer.json");
    let text = std::fs::read_to_string(&explorer).unwrap();
    let first = headlight_report::explorer::Explorer::read(&run).unwrap().unwrap().sentences[0].words[0].form.clone();
    std::fs::write(&explorer, text.replacen(&serde_json::to_string(&first).unwrap(), "\"\u{8A9E}\"", 1)).unwrap();
    let run = RunDirectory::open(&folder).unwrap();
    let figure = sentence(&first_sentence(&run));
    for (file, lacking) in [("b.png", vec!['\u{8A9E}']), ("b.pdf", vec!['\u{8A9E}']), ("b.svg", vec![])] {
        let written = figure.write(&run, &folder.join(file), Setting::default()).unwrap();
        assert_eq!(written.without_glyph, lacking, "{file}");
    }
    assert!(std::fs::read_to_string(folder.join("b.svg")).unwrap().contains('\u{8A9E}'));
}

fn first_relation(run: &RunDirectory) -> String {
    drawable(run).unwrap().into_iter().find(|it| it.name == "heatmap").unwrap().of[0].clone()
}

#[test]
fn what_cannot_be_drawn_says_why() {
    let (folder, run) = write_run("few-figures", HOSTILE_RUN);
    let error = |figure: Figure, file: &str| {
        figure.write(&run, &folder.join(file), Setting::default()).unwrap_err().to_string()
    };
    assert!(
        error(heat_map("absent"), "a.svg").starts_with("no relation `absent` was scored; the run has all, all-nopunct")
    );
    assert!(
        error(sentence("absent"), "a.svg")
            .starts_with("explorer.json has no sentence `absent`; it has 6 sentences, such as weblog-0")
    );
    assert!(error(Figure::Map, "a.gif").ends_with("a.gif: its name ends neither in .svg nor in .png, .pdf or .tex"));
    let beyond = Figure::Sentence {
        sent_id: first_sentence(&run),
        head: Some(AttentionHead { layer: 2, index: 0 }),
        relation: None,
    };
    assert_eq!(error(beyond, "a.svg"), "the model has no head 3-1; it has 2 layers of 3 heads");

    LARGE.write_summary(&folder);
    std::fs::remove_file(folder.join("clusters.parquet")).unwrap();
    let run = RunDirectory::open(&folder).unwrap();
    let error = Figure::Map.write(&run, &folder.join("a.svg"), Setting::default()).unwrap_err().to_string();
    assert!(error.ends_with(r#"its config has no experiment of kind = "clusters""#), "{error}");
}

#[test]
fn the_figure_of_a_sentence_draws_its_frame() {
    // One piece before the words and none after.
    let (folder, run) = write_run("framed-figure", HOSTILE_RUN);
    let path = folder.join("sentence.svg");
    let figure = Figure::Sentence {
        sent_id: first_sentence(&run),
        head: Some(AttentionHead { layer: 1, index: 2 }),
        relation: None,
    };
    figure.write(&run, &path, Setting::default()).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("&lt;bos&gt;") && !text.contains("[SEP]"), "{text}");
}

fn first_sentence(run: &RunDirectory) -> String {
    let explorer = headlight_report::explorer::Explorer::read(run).unwrap().unwrap();
    explorer.sentences[0].sent_id.clone()
}
