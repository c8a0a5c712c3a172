//! What `report.html` is made of.

use std::path::PathBuf;

use headlight_report::html_report;
use headlight_report::run::RunDirectory;

use crate::run::{HOSTILE, Size};

pub const LARGE: Size = Size { layers: 12, heads: 12, sentences: 200, hostile: false };
pub const HOSTILE_RUN: Size = Size { layers: 2, heads: 3, sentences: 6, hostile: true };

/// The page of a run of this size, and where it lies.
pub fn write_page(name: &str, size: Size) -> (String, PathBuf) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    size.write(&folder);
    let page = html_report(&RunDirectory::open(&folder).unwrap()).unwrap();
    let path = folder.join("report.html");
    std::fs::write(&path, &page).unwrap();
    (page, path)
}

#[test]
fn a_large_run_fits_in_20_megabytes_and_loads_nothing() {
    let (page, _) = write_page("large", LARGE);
    assert!(page.len() < 20_000_000, "{} bytes", page.len());
    for address in ["src=\"", "href=\"http", "url(", "@import", "fetch(", "XMLHttpRequest"] {
        assert!(!page.contains(address), "{address}");
    }
    assert!(page.contains("default-src 'none'"));
}

/// What a page has before there is any run in it: scripts and styles.
#[test]
fn a_page_is_mostly_its_run() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("empty");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    LARGE.write_summary(&folder);
    let page = html_report(&RunDirectory::open(&folder).unwrap()).unwrap();
    assert!(page.len() < 100_000, "{} bytes", page.len());
}

#[test]
fn hostile_texts_are_texts() {
    let (page, _) = write_page("hostile", HOSTILE_RUN);
    let own = page;
    for text in &HOSTILE[..4] {
        assert!(!own.contains(text), "{text}");
    }
    // Four script elements begin and end, whatever the data: three of data, ours.
    assert_eq!(own.matches("</script>").count(), 4);
    assert!(!own.contains("<!--") && own.contains("&lt;script&gt;window.harmed"));
}

#[test]
fn a_run_without_experiments_still_tells_what_it_was() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bare");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    LARGE.write_summary(&folder);
    let page = html_report(&RunDirectory::open(&folder).unwrap()).unwrap();
    assert!(page.contains("The 144 attention heads of <strong>minilm-l6</strong>"));
    for absent in ["id=\"heads\"", "id=\"sentences\"", "id=\"map\"", "id=\"probes\""] {
        assert!(!page.contains(absent), "{absent}");
    }
}
