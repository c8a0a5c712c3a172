//! Kinds as commands of their own: the config that their arguments make, and the run that it is.

use crate::support::{World, tables, tiny_bert};

/// The config that a call prints.
fn shown(world: &World, arguments: &[&str]) -> String {
    world.succeed(&[arguments, &["--show"]].concat())
}

#[test]
fn a_run_without_a_config_is_that_of_the_config_it_prints() {
    let world = World::new();
    let tiny = tiny_bert();
    let arguments = ["heads", "--model", tiny.to_str().unwrap(), "--treebank", "sample", "--null-models", "0"];
    let arguments = [&arguments[..], &["--set", "treebank.max_sentences=20", "--set", "seed=3"]].concat();
    let config = shown(&world, &arguments);
    assert_eq!(
        config,
        format!(
            "# The same as a file: headlight run heads-tiny-bert-sample.toml\nname = \"heads-tiny-bert-sample\"\nseed = 3\n\n\
             [model]\npath = {tiny:?}\n\n[treebank]\nevaluate = [\"sample:evaluate\"]\nmax_sentences = 20\n\
             select = [\"sample:select\"]\n\n[[experiment]]\nkind = \"heads\"\nnull_models = 0\n"
        )
    );
    let printed = world.succeed(&arguments);
    assert!(printed.starts_with(&config) && printed.contains("nsubj"), "{printed}");
    let run = world.path("runs/heads-tiny-bert-sample");
    assert!(world.read("runs/heads-tiny-bert-sample/config.toml").contains("seed = 3"), "the run keeps it");
    let error = world.fail(1, &arguments);
    assert!(error.contains("runs/heads-tiny-bert-sample exists"), "{error}");

    world.write("heads-tiny-bert-sample.toml", &config);
    world.succeed(&["run", "heads-tiny-bert-sample.toml", "--out", "again"]);
    assert_eq!(tables(&run), tables(&world.path("again/heads-tiny-bert-sample")));
    world.succeed(&["verify", "runs/heads-tiny-bert-sample"]);
    world.succeed(&["report", "runs/heads-tiny-bert-sample"]);
}

/// A treebank's name is all of it, a file a part; what is said of single splits holds.
#[test]
fn a_treebank_is_divided_as_the_kind_reads_it() {
    let world = World::new();
    world.write("a.conllu", "1\ta\t_\t_\t_\t_\t0\troot\t_\t_\n\n");
    world.write("b.conllu", "1\tb\t_\t_\t_\t_\t0\troot\t_\t_\n\n");
    for (arguments, expected) in [
        (
            &["heads", "--treebank", "a.conllu"][..],
            "[treebank]\nevaluate = [\"a.conllu\"]\n\n[[experiment]]\nkind = \"heads\"\nselection = \"folds\"\n",
        ),
        (
            &["trees", "--treebank", "a.conllu", "--evaluate", "b.conllu"],
            "[treebank]\nevaluate = [\"b.conllu\"]\nselect = [\"a.conllu\"]\n\n[[experiment]]\nkind = \"trees\"\n",
        ),
        (
            &["ensembles", "--treebank", "UD_English-EWT"],
            "[treebank]\nevaluate = [\"ud:UD_English-EWT/dev\"]\nselect = [\"ud:UD_English-EWT/train\"]\n",
        ),
        (
            &["probe", "--treebank", "sample"],
            "[treebank]\nevaluate = [\"sample:evaluate\"]\ntrain = [\"sample:select\"]\n",
        ),
        (
            &["structural", "--treebank", "a.conllu", "--evaluate", "sample"],
            "evaluate = [\"sample:evaluate\"]\ntrain = [\"a.conllu\"]\n",
        ),
        (
            &["coreference", "--treebank", "sample"],
            "[treebank]\nevaluate = [\"sample:coref\"]\n\n[[experiment]]\nkind = \"coreference\"\nselection = \"folds\"\n",
        ),
        (
            &["surface", "--corpus", "sample:corpus"],
            "[corpus]\nfiles = [\"sample:corpus\"]\n\n[[experiment]]\nkind = \"surface\"\n",
        ),
        (
            &["pruning", "--treebank", "a.conllu", "--orders", "importance,random", "--steps", "3"],
            "[treebank]\nevaluate = [\"a.conllu\"]\n\n[[experiment]]\nkind = \"pruning\"\norders = [\"importance\", \"random\"]\nsteps = 3\n",
        ),
        (&["pairs", "--files", "sample:pairs", "--limit", "5"], "[model]\nname = \"sample\"\n\n[[experiment]]\nfiles"),
        (
            &["probe", "--treebank", "sample", "--control-task", "--set", "probe.epochs=2"],
            "kind = \"probe\"\ncontrol_task = true\nepochs = 2\n",
        ),
        (&["heads", "--treebank", "sample", "--name", "mine", "--set", "sweep.seed=[1, 2]"], "name = \"mine\"\n"),
    ] {
        let config = shown(&world, &[&arguments[..1], &["--model", "sample"], &arguments[1..]].concat());
        let config = config.replace("kind = \"pairs\"\nfiles", "files");
        assert!(config.contains(expected), "{arguments:?}:\n{config}");
    }
}

#[test]
fn wrong_arguments_are_refused_with_what_is_right() {
    let world = World::new();
    for (arguments, expected) in [
        (&["heads", "--treebank", "sample"][..], "--model <MODEL>"),
        (&["heads", "--model", "sample"], "`headlight heads` needs sentences: --treebank NAME or FILE"),
        (&["surface", "--model", "sample"], "`headlight surface` needs text"),
        (&["probe", "--model", "sample", "--treebank", "a.conllu"], "is scored on other sentences: --evaluate FILE"),
        (&["heads", "--model", "sample", "--treebank", "smaple"], "there is no file smaple; did you mean sample?"),
        (&["heads", "--model", "sample", "--treebank", "UD_Englsh-EWT"], "did you mean UD_English-EWT?"),
        (
            &["heads", "--model", "sample", "--treebank", "sample", "--resamples", "many"],
            "--resamples: \"many\" is no value like the default, 2000",
        ),
        (&["heads", "--model", "sample", "--treebank", "sample", "--resamples", "10"], "at least 1000"),
        (&["heads", "--model", "sample", "--treebank", "sample", "--null-model", "1"], "--null-models"),
        (
            &["heads", "--model", "sample", "--treebank", "sample", "--set", "treebank.granularty=full"],
            "did you mean `treebank.granularity`?",
        ),
        (&["heads", "--model", "sampel", "--treebank", "sample"], "did you mean sample?"),
    ] {
        world.write("a.conllu", "1\ta\t_\t_\t_\t_\t0\troot\t_\t_\n\n");
        let ran = world.run(arguments);
        let code = if expected == "did you mean sample?" { 1 } else { 2 };
        assert!(ran.code == code && ran.stderr.contains(expected), "{arguments:?}: {} {}", ran.code, ran.stderr);
    }
}

#[test]
fn every_kind_has_its_keys_as_options_with_their_meaning() {
    let world = World::new();
    let base = std::fs::read_to_string(crate::support::root().join("configs/base.toml")).unwrap();
    let base: toml::Table = base.parse().unwrap();
    let kinds = [
        "heads",
        "probe",
        "structural",
        "surface",
        "clusters",
        "coreference",
        "importance",
        "pairs",
        "pruning",
        "trees",
        "ensembles",
    ];
    let whole = world.succeed(&["--help"]);
    for kind in kinds {
        assert!(whole.lines().any(|line| line.trim_start().starts_with(&format!("{kind} "))), "{kind}");
        let help = world.succeed(&[kind, "--help"]);
        for key in base[kind].as_table().unwrap().keys() {
            assert!(help.contains(&format!("--{}", key.replace('_', "-"))), "{kind}.{key}: {help}");
        }
    }
    assert!(world.succeed(&["completions", "bash"]).contains("--null-models"));
}
