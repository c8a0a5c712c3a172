//! `headlight submit --engine kubernetes`: what is written is what Kubernetes' schema allows, and what its containers would do
//! is done here, one after the other.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{World, tables, tiny_config};

/// A sweep of two runs in three shards each.
fn world() -> World {
    let world = World::new();
    world.write("study.toml", tiny_config("max_sentences = 60") + "null_models = 0\n[sweep]\nseed = [1, 2]\n");
    world
}

fn submit(world: &World, more: &[&str]) -> String {
    let mount = format!("submit.mount={}", world.path("data").display());
    let mut arguments = vec!["submit", "study.toml", "--engine", "kubernetes", "--shards", "3", "--set", &mount];
    arguments.extend(["--set", "submit.image=registry.example/headlight:0.1", "--set", "submit.volume=study"]);
    arguments.extend(more);
    let ran = world.run(&arguments);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.stderr
}

fn manifest(world: &World, file: &str) -> Value {
    serde_json::from_str(&world.read(&format!("runs/study-submit/{file}"))).unwrap()
}

fn container<'a>(job: &'a Value, name: &str) -> &'a Value {
    let pod = &job["spec"]["template"]["spec"];
    let all = ["initContainers", "containers"].into_iter().flat_map(|list| pod[list].as_array().into_iter().flatten());
    let mut all = all.filter(|container| container["name"] == name);
    all.next().unwrap_or_else(|| panic!("no container {name}"))
}

#[test]
fn jobs_ask_for_what_the_config_says_and_for_no_rights() {
    let world = world();
    let more = [
        "submit.cpus=4",
        "submit.memory=\"6G\"",
        "submit.gpus=1",
        "submit.time=\"01:30:00\"",
        "submit.retries=5",
        "submit.namespace=syntax",
        "submit.parallelism=2",
        "submit.inputs=s3:bucket/models",
        "submit.results=s3:bucket/runs",
        "submit.secret=store",
    ];
    let more: Vec<&str> = more.iter().flat_map(|set| ["--set", set]).collect();
    let said = submit(&world, &more);
    assert!(
        said.contains("an Indexed Job of 6 indices (3 shards of 2 runs)") && said.contains("--go submits"),
        "{said}"
    );
    let encode = manifest(&world, "encode.json");
    let spec = &encode["spec"];
    for (key, expected) in [
        ("completionMode", json!("Indexed")),
        ("completions", json!(6)),
        ("parallelism", json!(2)),
        ("backoffLimitPerIndex", json!(5)),
    ] {
        assert_eq!(spec[key], expected, "{key}");
    }
    assert_eq!((&encode["kind"], &encode["apiVersion"]), (&json!("Job"), &json!("batch/v1")));
    assert_eq!(encode["metadata"]["namespace"], "syntax");
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["activeDeadlineSeconds"], 5400);
    assert_eq!(
        container(&encode, "encode")["resources"],
        json!({ "requests": { "cpu": "4", "memory": "6Gi" }, "limits": { "memory": "6Gi", "nvidia.com/gpu": "1" } })
    );
    assert_eq!(container(&encode, "inputs")["args"], json!(["copy", "s3:bucket/models", "/inputs"]));
    let run = manifest(&world, "run.json");
    let copied = container(&run, "results")["args"].as_array().unwrap().clone();
    assert_eq!(
        copied[2..],
        json!([
            "s3:bucket/runs",
            "--include",
            "/study-seed=1/**",
            "--include",
            "/study-seed=2/**",
            "--include",
            "/study-sweep/**"
        ])
        .as_array()
        .unwrap()[..]
    );
    // Who waits is not stopped for waiting, and statistics come after all else.
    assert!(run["spec"]["template"]["spec"]["activeDeadlineSeconds"].is_null());
    let first = run["spec"]["template"]["spec"]["initContainers"].as_array().unwrap();
    assert_eq!(first.iter().map(|it| it["name"].as_str().unwrap()).collect::<Vec<_>>(), ["wait", "inputs", "run"]);
    for (job, names) in [(&encode, &["inputs", "encode"][..]), (&run, &["wait", "inputs", "run", "results"])] {
        let pod = &job["spec"]["template"]["spec"];
        assert!(pod["securityContext"]["runAsNonRoot"] == true && pod["automountServiceAccountToken"] == false);
        for name in names {
            let context = &container(job, name)["securityContext"];
            assert_eq!(context["capabilities"]["drop"], json!(["ALL"]), "{name}");
            assert!(
                context["allowPrivilegeEscalation"] == false && context["readOnlyRootFilesystem"] == true,
                "{name}"
            );
        }
    }
    let config = manifest(&world, "config.json");
    assert_eq!(config["data"]["config"], world.read("study.toml"));
    assert_eq!(config["data"]["resolved"], world.read("runs/study-submit/config.toml"));
    for manifest in [&encode, &run, &config] {
        let name = manifest["metadata"]["name"].as_str().unwrap();
        assert!(name.starts_with("headlight-study-") && name.len() < 58, "{name}");
    }
}

/// A Python with the schemas of Kubernetes' releases (`pip install kubernetes-validate`).
fn validator() -> Option<PathBuf> {
    let python = std::env::var_os("HEADLIGHT_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let there = Command::new(&python).args(["-c", "import kubernetes_validate"]).output();
    if there.is_ok_and(|it| it.status.success()) {
        return Some(python);
    }
    println!(
        "not run: {} has no kubernetes-validate (pip install kubernetes-validate; HEADLIGHT_PYTHON names another Python)",
        python.display()
    );
    None
}

const VALIDATE: &str = r#"
import json, sys
import kubernetes_validate
def check(manifest, version):
    kubernetes_validate.validate(manifest, version, strict=True)
for path in sys.argv[1:]:
    manifest = json.load(open(path))
    versions = ["1.33", kubernetes_validate.latest_version()]
    for version in versions:
        check(manifest, version)
    # The check can fail.
    wrong = dict(manifest, spec={"completions": "six"}) if "spec" in manifest else dict(manifest, data=7)
    try:
        check(wrong, versions[-1])
    except kubernetes_validate.ValidationError:
        print(path, *versions)
        continue
    sys.exit(f"{path}: the schema takes anything")
"#;

#[test]
fn manifests_are_what_the_schema_of_kubernetes_allows() {
    let Some(python) = validator() else { return };
    let world = world();
    for more in [
        &[][..],
        &[
            "--set",
            "submit.inputs=s3:a",
            "--set",
            "submit.results=s3:b",
            "--set",
            "submit.gpus=1",
            "--set",
            "submit.secret=s",
            "--set",
            "submit.time=\"10\"",
            "--force",
        ],
    ] {
        submit(&world, more);
        let files = ["config.json", "encode.json", "run.json"].map(|file| world.path("runs/study-submit").join(file));
        let output = Command::new(&python).args(["-c", VALIDATE]).args(&files).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 3);
    }
}

#[test]
fn what_a_cluster_must_be_told_is_asked_for() {
    let world = world();
    let base = ["submit", "study.toml", "--engine", "kubernetes"];
    let error = world.fail(2, &base);
    assert!(error.contains("`submit.image`") && error.contains("Dockerfile"), "{error}");
    let with = |more: &[&'static str]| [&base[..], &["--set", "submit.image=a"], more].concat();
    let error = world.fail(2, &with(&[]));
    assert!(error.contains("`submit.volume`"), "{error}");
    let error = world.fail(1, &with(&["--set", "submit.volume=v", "--set", "submit.memory=\"lots\""]));
    assert!(error.contains("`submit.memory` is \"lots\""), "{error}");
    let error = world.fail(2, &with(&["--set", "submit.mount=data"]));
    assert!(error.contains("`submit.mount` is \"data\""), "{error}");
    let error = world.run(&with(&["--set", "submit.volume=v", "--go"]));
    // No cluster here, or no kubectl: either is said, and what was written stays.
    assert!(error.code == 1 && error.stderr.contains("kubectl"), "{}", error.stderr);
    assert!(world.path("runs/study-submit/encode.json").is_file());
}

#[test]
fn go_gives_all_three_to_kubectl() {
    use std::os::unix::fs::PermissionsExt;

    let world = world();
    let kubectl = world.write("bin/kubectl", "#!/bin/sh\necho \"$@\" >> calls\necho created\n");
    fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755)).unwrap();
    let mut world = world;
    let path = format!("{}:{}", world.path("bin").display(), std::env::var("PATH").unwrap());
    world.set("PATH", path);
    let said = submit(&world, &["--go"]);
    assert!(said.contains("created"), "{said}");
    let calls = world.read("calls");
    let files: Vec<&str> = calls.split_whitespace().filter_map(|word| word.rsplit('/').next()).collect();
    assert_eq!(files, ["apply", "-f", "config.json", "-f", "encode.json", "-f", "run.json"]);
}

/// Does what a container would, with the volume in this world and the ConfigMap as files.
fn pod(world: &World, job: &Value, name: &str, index: Option<usize>) -> i32 {
    let container = container(job, name);
    let texts =
        |list: &Value| list.as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let resolved = world.path("resolved.toml");
    let mut arguments = texts(&container["args"]);
    arguments[0] = arguments[0]
        .replace("/etc/headlight/config.toml", &resolved.display().to_string())
        .replace("sleep 15", "sleep 0.2");
    let binary = Path::new(env!("CARGO_BIN_EXE_headlight")).parent().unwrap().to_owned();
    let command = texts(&container["command"]);
    let mut process = world.command(&[]);
    // The same surroundings, for a shell in the binary's place.
    let variables: BTreeMap<_, _> =
        process.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    process = Command::new(&command[0]);
    process.args(&command[1..]).args(&arguments).current_dir(world.path("")).envs(variables);
    process.env("PATH", format!("{}:{}", binary.display(), std::env::var("PATH").unwrap()));
    for variable in container["env"].as_array().unwrap() {
        if let Some(value) = variable["value"].as_str() {
            process.env(variable["name"].as_str().unwrap(), value);
        }
    }
    if let Some(index) = index {
        process.env("JOB_COMPLETION_INDEX", index.to_string());
    }
    process.status().unwrap().code().unwrap()
}

#[test]
fn containers_do_what_one_run_does() {
    let world = world();
    submit(&world, &[]);
    let [config, encode, run] = ["config.json", "encode.json", "run.json"].map(|file| manifest(&world, file));
    world.write("resolved.toml", config["data"]["resolved"].as_str().unwrap());
    fs::create_dir_all(world.path("data")).unwrap();
    // In any order, one of them twice.
    for index in [5, 0, 3, 3, 1, 4, 2] {
        assert_eq!(pod(&world, &encode, "encode", Some(index)), 0, "index {index}");
    }
    assert_eq!(pod(&world, &run, "wait", None), 0);
    assert_eq!(pod(&world, &run, "run", None), 0);
    let alone = World::new();
    alone.write("study.toml", world.read("study.toml"));
    alone.succeed(&["run", "study.toml"]);
    for run in ["study-seed=1", "study-seed=2", "study-sweep"] {
        assert_eq!(tables(&world.path("data/runs").join(run)), tables(&alone.path("runs").join(run)), "{run}");
    }
    // A config that is read otherwise in a pod is not run, and who waits is told.
    world.write("resolved.toml", "seed = 7\n");
    assert_eq!(pod(&world, &encode, "encode", Some(0)), 2);
    fs::remove_dir_all(world.path("data/runs/.submit")).unwrap();
    let marks = container(&run, "wait")["env"].as_array().unwrap().iter().find(|it| it["name"] == "MARKS").unwrap();
    let failed = Path::new(marks["value"].as_str().unwrap()).join("failed");
    fs::create_dir_all(&failed).unwrap();
    fs::write(failed.join("4"), "").unwrap();
    assert_eq!(pod(&world, &run, "wait", None), 1);
}
