//! Takes the products of the packed encoder out of their file, as they stand there, without the encoder.

use std::path::Path;
use std::{env, fs};

const SOURCE: &str = "../../crates/headlight-bert/src/packed/layer.rs";

fn main() {
    println!("cargo:rerun-if-changed={SOURCE}");
    let text = fs::read_to_string(SOURCE).expect("the layers of the packed encoder");
    let part = |from: &str, to: &str| {
        let start = text.find(from).unwrap_or_else(|| panic!("{SOURCE} has no {from:?}"));
        let end = text[start..].find(to).unwrap_or_else(|| panic!("{SOURCE} has no {to:?} behind it"));
        text[start..start + end].to_owned()
    };
    let destination = part("/// What to do with what a product's destination holds.", "impl Projection");
    let multiply = part("/// A row-major matrix whose rows begin", "/// One layer, its four products");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("multiply.rs"), destination + &multiply).expect("a file");
}
