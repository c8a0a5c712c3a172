use headlight_attention::{Alignment, AttentionMaps, Frame, HeadGrid, WordAttention};
use headlight_treebank::{Format, Reader, Sentence};

use super::*;

fn sentence(text: &str, format: Format) -> Sentence {
    let text = text.to_owned();
    let mut reader = Reader::new(std::io::Cursor::new(text), "test", format).unwrap().with_optional_trees();
    reader.next().unwrap().unwrap()
}

/// Two heads over three words without a frame: the first attends to the next word, the second all to the first.
fn seen(sentence: &Sentence) -> LookSentence {
    let (grid, frame) = (HeadGrid { layers: 1, heads: 2 }, Frame::none());
    let next = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0];
    let first = [0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
    let weights = [next, first].concat();
    let over_words = WordAttention::new(grid, &frame, 3, weights.clone()).unwrap();
    let over_pieces = AttentionMaps::new(grid, 3, weights).unwrap();
    let alignment = Alignment::new(&frame, 3, vec![0..1, 1..2, 2..3]).unwrap();
    let pieces = sentence.forms().into_iter().map(str::to_owned).collect();
    LookSentence::new(
        sentence,
        true,
        Over { pieces, alignment: &alignment, over_words: &over_words, over_pieces: &over_pieces },
    )
}

const TREE: &str =
    "1\tthe\t_\t_\t_\t_\t2\tdet\t_\t_\n2\tdog\t_\t_\t_\t_\t3\tnsubj\t_\t_\n3\tran\t_\t_\t_\t_\t0\troot\t_\t_\n\n";

#[test]
fn what_follows_the_tree_is_counted_by_row_and_by_column() {
    let value = serde_json::to_value(seen(&sentence(TREE, Format::Conllu))).unwrap();
    // The rows of the first head find both governors. By column, the first word gets nothing of it, and the second as much of
    // the first as of its governor, of which the first counts; of the second head the first word gets most of its governor.
    assert_eq!((&value["found"], &value["governed"]), (&serde_json::json!([[2, 0], [1, 1]]), &serde_json::json!(2)));
    assert_eq!(value["pieceMaps"], serde_json::Value::Null, "each piece is a word");
    let plain = serde_json::to_value(seen(&sentence("the dog ran\n", Format::PlainText))).unwrap();
    assert_eq!((&plain["found"], &plain["hasTree"]), (&serde_json::json!([]), &serde_json::json!(false)));
}

#[test]
fn hostile_texts_are_texts() {
    let hostile = "</script><img> <!-- &amp;";
    let line = |(number, form)| format!("{}\t{form}\t_\t_\t_\t_\t_\t_\t_\t_\n", number + 1);
    let words: String = hostile.split(' ').enumerate().map(line).collect();
    let side = Side {
        name: "<b>m</b>".to_owned(),
        grid: HeadGrid { layers: 1, heads: 2 },
        frame: Frame::none(),
        shares: true,
        sentences: vec![seen(&sentence(&format!("{words}\n"), Format::Conllu))],
    };
    let look =
        Look { version: "1".into(), title: hostile.into(), notes: vec!["<i>".into()], first: side, second: None };
    let page = look.to_html();
    assert_eq!(page.matches("</script>").count(), 2, "of the data and of the script");
    assert!(!page.contains("<img>") && !page.contains("<!--") && !page.contains("<b>m") && !page.contains("<i>"));
    for address in ["src=\"", "href=\"http", "url(", "@import", "fetch(", "XMLHttpRequest"] {
        assert!(!page.contains(address), "{address}");
    }
}
