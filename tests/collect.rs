//! `headlight collect`: many runs as one table, read by what people read such tables with.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::{World, tiny_config};

/// Reads every table of the collection in the folder of its first argument by DuckDB and by polars, and prints what both find.
const READ: &str = r#"
import json, os, sys
import duckdb, polars
folder, found = sys.argv[1], {}
for table in sorted(os.listdir(folder)):
    if not os.path.isdir(f"{folder}/{table}"):
        continue
    files = f"{folder}/{table}/**/*.parquet"
    read = f"read_parquet('{files}', hive_partitioning = true, hive_types_autocast = false)"
    by_duckdb = duckdb.sql(f"SELECT model, treebank, run, count(*) FROM {read} GROUP BY ALL ORDER BY ALL").fetchall()
    types = duckdb.sql(f"DESCRIBE SELECT * FROM {read}").fetchall()
    frame = polars.scan_parquet(files, hive_partitioning=True).collect()
    counts = frame.group_by("model", "treebank", "run").len().sort("model", "treebank", "run").rows()
    assert sorted(frame.columns) == sorted(row[0] for row in types), table
    assert [list(row) for row in by_duckdb] == [list(row) for row in counts], (table, by_duckdb, counts)
    found[table] = {"rows": [list(row) for row in by_duckdb], "columns": {row[0]: row[1] for row in types}}
    if table == "best_heads":
        query = f"SELECT sum(correct), sum(total), sum(accuracy) FROM {read}"
        found["sums"] = duckdb.sql(query).fetchall()[0]
        sums = frame.select("correct", "total", "accuracy").sum().row(0)
        assert sums[:2] == found["sums"][:2] and abs(sums[2] - found["sums"][2]) < 1e-9
    if table == "runs":
        found["epochs"] = dict(duckdb.sql(f"SELECT run, config_probe_epochs FROM {read} ORDER BY run").fetchall())
print(json.dumps(found))
"#;

/// A Python with DuckDB and polars: what HEADLIGHT_PYTHON names, or python3.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("HEADLIGHT_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let there = Command::new(&python).args(["-c", "import duckdb, polars"]).output();
    if there.is_ok_and(|it| it.status.success()) {
        return Some(python);
    }
    println!(
        "not run: {} has no duckdb and polars (pip install duckdb polars; HEADLIGHT_PYTHON names another Python)",
        python.display()
    );
    None
}

fn read(world: &World, folder: &str) -> Option<Value> {
    let output = Command::new(python()?).args(["-c", READ]).arg(world.path(folder)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// A config on the first sentences of the sample.
fn config(model: &str, treebank: &str, more: &str) -> String {
    let config = tiny_config("max_sentences = 40\ntrain = [\"sample:select\"]");
    let config = config.replace("[model]\n", &format!("[model]\nname = '{model}'\n"));
    config.replace("name = \"sample\"", &format!("name = '{treebank}'")) + "null_models = 0\n" + more
}

const PROBE: &str = "[[experiment]]\nkind = \"probe\"\nepochs = 1\nresamples = 1000\nprobes = [\"attention\"]\n";

/// Three runs of names that no folder and no pattern can have as they are.
fn world() -> World {
    let world = World::new();
    world.write("one.toml", config("org/tiny a=1 %", "sample", ""));
    world.write("two.toml", config("org/tiny a=1 %", "UD_हिन्दी [x]*", PROBE));
    world.write("three.toml", config("2019", "sample", PROBE));
    world.succeed(&["run", "one.toml", "two.toml", "three.toml"]);
    world
}

/// Rows of a table by the collection's summary.
fn rows(summary: &str, table: &str) -> u64 {
    let line = summary.lines().find(|line| line.split_whitespace().next() == Some(table));
    let line = line.unwrap_or_else(|| panic!("{table}: {summary}"));
    line.split_whitespace().nth(1).unwrap().replace(',', "").parse().unwrap()
}

fn list(world: &World) -> Value {
    serde_json::from_str(&world.read("all/collection.json")).unwrap()
}

/// Lines of a run's CSV table, without its header.
fn lines(world: &World, run: &str, table: &str) -> u64 {
    world.read(&format!("runs/{run}/{table}.csv")).lines().count() as u64 - 1
}

#[test]
fn many_runs_are_one_table_to_duckdb_and_polars() {
    let world = world();
    let summary = world.succeed(&["collect", "runs/one", "--out", "all"]);
    assert_eq!(rows(&summary, "best_heads"), lines(&world, "one", "best_heads"));
    // The next runs have more columns, and another table.
    let summary = world.succeed(&["collect", "runs", "--out", "all"]);
    let of_all = |table: &str| ["one", "two", "three"].iter().map(|run| lines(&world, run, table)).sum::<u64>();
    for table in ["best_heads", "head_scores", "predictions"] {
        assert_eq!(rows(&summary, table), of_all(table), "{table}");
    }
    assert_eq!(rows(&summary, "runs"), 3);
    assert!(world.path("all/best_heads/model=org%2Ftiny a%3D1 %25/treebank=UD_हिन्दी %5Bx%5D%2A").is_dir());
    let unchanged = world.succeed(&["verify", "all"]);
    assert!(unchanged.contains("files as written"), "{unchanged}");
    let Some(found) = read(&world, "all") else { return };
    for table in ["best_heads", "results", "runs"] {
        let at = |row: &Value| (row[0].clone(), row[1].clone(), row[2].clone());
        let runs: Vec<_> = found[table]["rows"].as_array().unwrap().iter().map(at).collect();
        let expected = [
            ("2019", "sample", "three"),
            ("org/tiny a=1 %", "UD_हिन्दी [x]*", "two"),
            ("org/tiny a=1 %", "sample", "one"),
        ];
        assert_eq!(runs, expected.map(|(a, b, c)| (a.into(), b.into(), c.into())), "{table}");
    }
    // The same numbers as in the runs' own tables.
    let mut sums = [0.0; 3];
    for run in ["one", "two", "three"] {
        let text = world.read(&format!("runs/{run}/best_heads.csv"));
        let names: Vec<&str> = text.lines().next().unwrap().split(',').collect();
        for (sum, column) in sums.iter_mut().zip(["correct", "total", "accuracy"]) {
            let place = names.iter().position(|name| *name == column).unwrap();
            *sum += text
                .lines()
                .skip(1)
                .map(|line| line.split(',').nth(place).unwrap().parse::<f64>().unwrap())
                .sum::<f64>();
        }
    }
    for (at, sum) in sums.iter().enumerate() {
        assert!((found["sums"][at].as_f64().unwrap() - sum).abs() < 1e-9, "{found} {sums:?}");
    }
    // What a run has no key for is empty, and of the same type in every file.
    assert_eq!(found["epochs"], serde_json::json!({ "one": null, "three": 1, "two": 1 }));
    let types = &found["best_heads"]["columns"];
    for (column, kind) in [("run_merge_rule", "VARCHAR"), ("run_seed", "BIGINT"), ("run_random_weights", "BOOLEAN")] {
        assert_eq!(types[column], kind, "{types}");
    }
}

#[test]
fn a_run_is_there_once_however_often_and_from_wherever_it_comes() {
    let world = World::new();
    world.write("it.toml", config("tiny", "sample", "[sweep]\nseed = [1, 2]\n"));
    world.succeed(&["run", "it.toml"]);
    // A sweep's folder stands for its runs, and a folder of runs for all in it.
    let summary = world.succeed(&["collect", "runs/it-sweep", "--out", "all"]);
    assert_eq!(rows(&summary, "runs"), 2);
    let first = list(&world);
    assert_eq!(first["runs"][1]["swept"], "seed=2");
    let again = world.run(&["collect", "runs", "runs/it-seed=1", "--out", "all"]);
    assert!(again.code == 0 && again.stderr.contains("0 runs added to all, 2 there before"), "{}", again.stderr);
    assert_eq!((&again.stdout, list(&world)), (&summary, first));
    // A copy is named, and a run that repeats another is one.
    let copy = Command::new("cp").args(["-r", "runs/it-seed=1", "copy"]).current_dir(world.path("")).status().unwrap();
    assert!(copy.success());
    let twice = world.run(&["collect", "copy", "--out", "all"]);
    assert!(twice.code == 0 && twice.stderr.contains("the same run as"), "{}", twice.stderr);
    assert_eq!(rows(&twice.stdout, "runs"), 2);
    world.succeed(&["run", "it.toml", "--force"]);
    assert_eq!(world.succeed(&["collect", "runs", "--out", "all"]), summary);
    // Another run in the same place stands in the place of the first.
    world.succeed(&["run", "it.toml", "--force", "--set", "treebank.max_sentences=30"]);
    let replaced = world.run(&["collect", "runs", "--out", "all"]);
    assert!(replaced.code == 0 && replaced.stderr.contains("in the place of"), "{}", replaced.stderr);
    assert_eq!(rows(&replaced.stdout, "runs"), 2);
    let best = lines(&world, "it-seed=1", "best_heads") + lines(&world, "it-seed=2", "best_heads");
    assert_eq!(rows(&replaced.stdout, "best_heads"), best);
    if let Some(found) = read(&world, "all") {
        assert_eq!(found["runs"]["rows"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn what_is_damaged_is_named_and_the_others_are_collected() {
    let world = World::new();
    for run in ["one", "two", "three", "four"] {
        world.write(&format!("{run}.toml"), config("tiny", "sample", ""));
    }
    world.succeed(&["run", "one.toml", "two.toml", "three.toml", "four.toml"]);
    let change = |path: &str, at: usize| {
        let mut bytes = fs::read(world.path(path)).unwrap();
        bytes[at] ^= 1;
        fs::write(world.path(path), bytes).unwrap();
    };
    change("runs/two/best_heads.parquet", 100);
    change("runs/three/config.toml", 3);
    fs::remove_file(world.path("runs/four/manifest.json")).unwrap();
    let error = world.fail(1, &["collect", "runs", "--out", "all"]);
    assert!(error.starts_with("3 runs left out: "), "{error}");
    for named in ["two/best_heads.parquet is damaged", "three: config.toml was changed", "four is incomplete"] {
        assert!(error.contains(named), "{named}: {error}");
    }
    assert_eq!(list(&world)["runs"].as_array().unwrap().len(), 1);
    // An interrupted call leaves files that are on no list: the next one removes them.
    let folder = "all/best_heads/model=tiny/treebank=sample";
    world.write(&format!("{folder}/0123456789abcdef.parquet"), "not whole");
    world.write(&format!("{folder}/.0123456789abcdef.parquet.writing"), "");
    world.succeed(&["collect", "runs/one", "--out", "all"]);
    let names = |folder: &str| fs::read_dir(world.path(folder)).unwrap().count();
    assert_eq!(names(folder), 1);
    // What is no collection is left alone, and so is one whose list somebody changed.
    world.write("mine/notes.txt", "mine");
    let error = world.fail(1, &["collect", "runs/one", "--out", "mine"]);
    assert!(error.contains("is not empty and no collection"), "{error}");
    assert_eq!(names("mine"), 1);
    let error = world.fail(1, &["collect", "runs/one", "--out", "new", "--table", "best_head"]);
    assert!(
        error.contains("--table best_head: none of the runs has such a table") && error.contains("best_heads"),
        "{error}"
    );
    let text = world.read("all/collection.json").replace("\"one\"", "\"eno\"");
    world.write("all/collection.json", text);
    let error = world.fail(1, &["collect", "runs/one", "--out", "all"]);
    assert!(error.contains("collection.json was changed since it was written"), "{error}");
}

#[test]
fn the_page_of_a_collection_holds_no_markup_of_data_and_loads_nothing() {
    let world = World::new();
    world.write("it.toml", config("<b>tiny</b>", "</script><i>", "[sweep]\nseed = [1, 2]\n"));
    world.succeed(&["run", "it.toml"]);
    world.succeed(&["collect", "runs", "--out", "all"]);
    let page = world.read("all/report.html");
    assert!(!page.contains("<b>tiny") && !page.contains("<i>"), "markup of data");
    assert!(page.contains("default-src 'none'") && !page.contains("src=\"http"));
    let data = page.split("id=\"collection-data\">").nth(1).unwrap().split("</script>").next().unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["names"], serde_json::json!(["it-seed=1", "it-seed=2"]));
    assert_eq!(data["links"][0], "../runs/it-seed%3D1/report.html");
    let seed = data["settings"].as_array().unwrap().iter().find(|it| it["name"] == "seed").unwrap();
    assert_eq!(seed["values"], serde_json::json!([1.0, 2.0]));
    let det = data["results"].as_array().unwrap().iter().find(|it| it["of"] == "det").unwrap();
    let table = world.read("runs/it-seed=1/best_heads.csv");
    let row: Vec<&str> = table.lines().find(|line| line.starts_with("det,")).unwrap().split(',').collect();
    let accuracy: f64 = row[8].parse().unwrap();
    assert!((det["value"][0].as_f64().unwrap() - accuracy).abs() < 1e-5, "{det} {row:?}");
}
