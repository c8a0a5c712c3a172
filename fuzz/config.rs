//! Config layers: what is resolved is a config that resolves to itself, and whatever else bytes say is refused in words.

use std::fmt::Display;
use std::fs;
use std::path::Path;

/// Resolves the config in a file under `--set`s: the resolved configs as TOML.
pub type Resolve<E> = fn(&Path, &[String]) -> Result<Vec<String>, E>;

/// A config and, behind its zero bytes, what `--set` gives.
pub fn config<E: Display>(bytes: &[u8], resolve: Resolve<E>) {
    let mut parts = bytes.split(|byte| *byte == 0);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("it.toml");
    fs::write(&file, parts.next().unwrap_or_default()).expect("a file");
    let sets: Vec<String> = parts.map(|set| String::from_utf8_lossy(set).into_owned()).collect();
    match resolve(&file, &sets) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(configs) => {
            for config in configs {
                fs::write(&file, &config).expect("a file");
                match resolve(&file, &[]) {
                    Ok(again) => assert_eq!(again, [config], "a resolved config resolves to itself"),
                    Err(error) => panic!("a resolved config is refused: {error}\n{config}"),
                }
            }
        }
    }
}
