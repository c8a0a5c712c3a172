//! What releases are made of: names and versions agree, and scripts are such. `tests/wheel/run` builds and installs the wheel, which takes
//! a release build.

use std::fs;
use std::process::Command;

use crate::support::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn one_version_stands_everywhere() {
    let version = env!("CARGO_PKG_VERSION");
    for (path, line) in [
        ("CITATION.cff", format!("version: {version}\n")),
        ("README.md", format!("  version = {{{version}}},\n")),
        ("python/README.md", format!("headlight_nlp_python-{version}-cp310")),
    ] {
        assert!(read(path).contains(&line), "{path} lacks {line}");
    }
}

#[test]
fn wheels_have_names_of_their_own_and_take_the_version_of_the_crate() {
    let project = |path: &str| read(path).parse::<toml::Table>().unwrap();
    let [command, library] = ["pyproject.toml", "python/pyproject.toml"].map(project);
    assert_eq!(command["project"]["name"].as_str(), Some("headlight-nlp"));
    assert_eq!(command["tool"]["maturin"]["bindings"].as_str(), Some("bin"));
    assert_eq!(library["project"]["name"].as_str(), Some("headlight-nlp-python"));
    assert_eq!(library["tool"]["maturin"]["module-name"].as_str(), Some("headlight._headlight"));
    for project in [command, library] {
        assert!(
            project["project"]["dynamic"].as_array().unwrap().iter().any(|field| field.as_str() == Some("version"))
        );
        assert!(project["project"].get("version").is_none());
    }
}

#[test]
fn scripts_of_packaging_are_scripts() {
    for (path, shell) in [("packaging/build", "bash"), ("tests/wheel/run", "bash"), ("python/tests/run", "sh")] {
        assert!(Command::new(shell).arg("-n").arg(root().join(path)).status().unwrap().success(), "{path}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert!(fs::metadata(root().join(path)).unwrap().permissions().mode() & 0o111 != 0, "{path} cannot be run");
        }
    }
}
