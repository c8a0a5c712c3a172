//! Every figure, in both formats.

use std::path::PathBuf;

use headlight_attention::AttentionHead;
use headlight_report::figures::Figure;
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
        figure.write(&run, &svg).unwrap();
        let text = std::fs::read_to_string(&svg).unwrap();
        assert!(text.contains(r#"width="3.300in""#) && text.matches("<text").count() >= texts, "{name}: {text}");

        let png = folder.join(format!("{name}.png"));
        figure.write(&run, &png).unwrap();
        let bytes = std::fs::read(&png).unwrap();
        assert_eq!((&bytes[..8], &bytes[16..20]), (&b"\x89PNG\r\n\x1a\n"[..], &1267_u32.to_be_bytes()[..]), "{name}");
        assert!(bytes.len() > 10_000, "{name} is empty");
    }
}

#[test]
fn what_cannot_be_drawn_says_why() {
    let (folder, run) = write_run("few-figures", HOSTILE_RUN);
    let error = |figure: Figure, file: &str| figure.write(&run, &folder.join(file)).unwrap_err().to_string();
    assert!(
        error(heat_map("absent"), "a.svg").starts_with("no relation `absent` was scored; the run has all, all-nopunct")
    );
    assert!(
        error(sentence("absent"), "a.svg")
            .starts_with("explorer.json has no sentence `absent`; it has 6 sentences, such as weblog-0")
    );
    assert!(error(Figure::Map, "a.gif").ends_with("a.gif: its name ends neither in .svg nor in .png nor in .tex"));
    let beyond = Figure::Sentence {
        sent_id: first_sentence(&run),
        head: Some(AttentionHead { layer: 2, index: 0 }),
        relation: None,
    };
    assert_eq!(error(beyond, "a.svg"), "the model has no head 3-1; it has 2 layers of 3 heads");

    LARGE.write_summary(&folder);
    std::fs::remove_file(folder.join("clusters.parquet")).unwrap();
    let run = RunDirectory::open(&folder).unwrap();
    let error = Figure::Map.write(&run, &folder.join("a.svg")).unwrap_err().to_string();
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
    figure.write(&run, &path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("&lt;bos&gt;") && !text.contains("[SEP]"), "{text}");
}

fn first_sentence(run: &RunDirectory) -> String {
    let explorer = headlight_report::explorer::Explorer::read(run).unwrap().unwrap();
    explorer.sentences[0].sent_id.clone()
}
