//! The command line: help, usage errors, listings.

use std::process::Stdio;

use crate::support::{Ran, World};

const COMMANDS: [&str; 14] = [
    "run",
    "compare",
    "report",
    "figure",
    "look",
    "heads",
    "show",
    "explain",
    "check",
    "fetch",
    "models",
    "verify",
    "completions",
    "man",
];

#[test]
fn help_names_every_command_and_fits_100_columns() {
    let help = World::new().succeed(&["--help"]);
    for command in COMMANDS {
        assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{command} "))), "{command}: {help}");
    }
    for command in COMMANDS {
        let help = World::new().succeed(&[command, "--help"]);
        let widest = help.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(widest <= 100, "{command} --help is {widest} columns wide");
    }
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_right() {
    let world = World::new();
    for (arguments, expected) in [
        (&["run", "quickstrat"][..], "did you mean quickstart"),
        (&["show", "quickstart", "--set", "treebank.granularty=full"], "did you mean `treebank.granularity`?"),
        (&["show", "quickstart", "--set", "seed=minus one"], "`seed` in --set: invalid type"),
        (&["run", "quickstart", "--set", "heads.resamples=10"], "at least 1000"),
        (&["figure", "runs/quickstart", "heatmap"], "`heatmap` needs to know of what: a relation"),
        (&["figure", "runs/quickstart", "sentence", "s1", "--head", "0-3"], "counted from 1: 4-10"),
        (
            &["figure", "runs/quickstart", "figure2", "nonsense"],
            "`figure2` is of the whole run: \"nonsense\" says nothing",
        ),
        (&["figure", "runs/quickstart", "table1", "obj"], "`table1` is of the whole run"),
        (&["figure", "runs/quickstart", "pruning", "--head", "1-1"], "`pruning` has no --head; it is for sentence"),
        (&["figure", "runs/quickstart", "heatmap", "obj", "--relation", "obj"], "`heatmap` has no --relation"),
        (&["figure", "runs/quickstart", "tree", "s1", "--direction", "dep_to_gov"], "`tree` has no --direction"),
        (&["figure", "runs/quickstart", "sentence", "s1", "--predictor", "best_head"], "`sentence` has no --predictor"),
        (&["figure", "runs/quickstart", "tree"], "`tree` needs to know of what: the sent_id"),
        (&["compare", "runs/a", "runs/b", "--fail-below", "nan"], "a number of percentage points"),
        (&["run", "quickstart", "--set", "threads=100000"], "`threads` is 100000; take at most 1024"),
    ] {
        let error = world.fail(2, arguments);
        assert!(error.contains(expected), "{error}");
    }
    let ran = world.run(&["runs", "quickstart"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("unrecognized subcommand"), "{}", ran.stderr);
}

#[test]
fn a_shown_config_is_a_config_that_shows_itself() {
    let world = World::new();
    for arguments in [
        &["show", "quickstart"][..],
        &["show", "quickstart", "--set", "seed=9", "--set", "experiment.0.selection=folds"],
        &["show", "clark2019/heads-ewt", "--set", "treebank.granularity=universal"],
    ] {
        let shown = world.succeed(arguments);
        let file = world.write("resolved.toml", &shown);
        assert_eq!(world.succeed(&["show", file.to_str().unwrap()]), shown);
    }
}

#[test]
fn defaults_are_shown_with_their_meaning() {
    let base = std::fs::read_to_string(crate::support::root().join("configs/base.toml")).unwrap();
    assert_eq!(World::new().succeed(&["show", "--defaults"]), base);
}

#[test]
fn models_are_listed_with_what_is_pinned() {
    let models = World::new().succeed(&["models"]);
    for name in ["minilm-l6", "bert-base-uncased", "bert-large-cased", "bert-base-multilingual-cased", "bert-tiny"] {
        assert!(models.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}");
    }
    assert!(models.contains("google-bert/bert-base-uncased; unpinned"), "{models}");
}

#[test]
fn every_command_has_a_manual_page() {
    let world = World::new();
    world.succeed(&["man", "share/man"]);
    let pages = std::fs::read_dir(world.path("share/man")).unwrap().count();
    let page = |name: &str| std::fs::read_to_string(world.path("share/man").join(name)).unwrap();
    assert!(page("headlight.1").contains("headlight\\-run(1)") && page("headlight-run.1").contains("\\-\\-set"));
    assert!(pages > 12, "{pages} pages");
    world.write("file", "");
    assert!(world.run(&["man", "file/man"]).stderr.contains("cannot write manual pages into file/man"));
}

#[test]
fn completions_are_written_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(World::new().succeed(&["completions", shell]).contains("headlight"));
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let world = World::new();
    let mut child =
        world.command(&["completions", "zsh"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn check_lists_every_problem_with_its_line() {
    let world = World::new();
    let row = |id: usize, head: &str| format!("{id}\tw{id}\t_\tX\t_\t_\t{head}\tdep\t_\t_\n");
    let file =
        format!("# sent_id = a\n{}{}\n# sent_id = b\n{}{}\n", row(1, "0"), row(2, "9"), row(1, "2"), row(2, "1"));
    world.write("bad.conllu", file);
    let ran = world.run(&["check", "bad.conllu"]);
    assert_eq!(ran.code, 1);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines.iter().any(|line| line.starts_with("bad.conllu:") && line.contains("HEAD 9")), "{}", ran.stdout);
    assert!(lines.iter().any(|line| line.contains("no word has HEAD 0")), "{}", ran.stdout);
    assert!(lines.last().unwrap().starts_with("bad.conllu: 2 sentences, 4 words, "), "{}", ran.stdout);

    world.write("good.conllu", format!("# sent_id = a\n# text = w1 w2\n{}{}\n", row(1, "0"), row(2, "1")));
    assert_eq!(world.succeed(&["check", "good.conllu"]), "good.conllu: 1 sentences, 2 words, no problem\n");
}

#[test]
fn log_lines_are_json_on_request_and_quiet_silences_progress() {
    let world = World::new();
    let config = crate::support::tiny_config("max_sentences = 3");
    world.write("tiny.toml", config);
    let json = |code: i32| {
        let ran = Ran::of(world.command(&["-vv", "--log-format", "json", "run", "tiny.toml"]));
        assert_eq!(ran.code, code, "{}", ran.stderr);
        let lines = ran.stderr.lines().map(serde_json::from_str::<serde_json::Value>);
        lines.collect::<Result<Vec<_>, _>>().unwrap_or_else(|error| panic!("{error}: {}", ran.stderr))
    };
    let lines = json(0);
    let levels: Vec<&str> = lines.iter().filter_map(|line| line["level"].as_str()).collect();
    assert!(levels.len() == lines.len() && levels.contains(&"DEBUG") && levels.contains(&"INFO"), "{lines:?}");
    let last = json(1).pop().unwrap();
    assert!(last["level"] == "ERROR" && last["message"].as_str().unwrap().contains("runs/tiny exists"), "{last}");

    let text = Ran::of(world.command(&["-vv", "run", "tiny.toml", "--force"]));
    assert!(text.stderr.contains("DEBUG") && !text.stderr.contains('\u{1b}'), "no colours in a file: {}", text.stderr);

    let quiet = Ran::of(world.command(&["-q", "run", "tiny.toml", "--force"]));
    assert_eq!((quiet.code, quiet.stderr.as_str()), (0, ""));
    assert!(quiet.stdout.contains("all"), "results are not progress: {}", quiet.stdout);
}
