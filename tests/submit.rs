//! Jobs of a cluster that is made of two shell scripts, so that what is submitted when can be seen anywhere. A real one is tried
//! in `slurm.rs`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{World, tiny_config};

/// A cluster whose queue is a folder with a file for each job, which holds its comment.
fn cluster() -> World {
    let mut world = World::new();
    let queue = world.path("queue");
    fs::create_dir_all(&queue).unwrap();
    let queue = queue.display();
    for (name, script) in [
        (
            "sbatch",
            format!(
                "for word; do case $word in *.sbatch) script=$word;; esac; done\n[ -e {queue}/../refuses ] && grep -q run.sbatch \
                 <<<\"$script\" && {{ echo 'sbatch: error: the controller is gone' >&2; exit 1; }}\njob=$((100 + $(ls {queue} | \
                 wc -l)))\nsed -n 's/^#SBATCH --comment=\"\\(.*\\)\"$/\\1/p' \"$script\" > {queue}/$job\necho \"$*\" >> \
                 {queue}/../submitted\necho \"$job;cluster\"\n"
            ),
        ),
        (
            "squeue",
            format!("cd {queue} || exit 1\nfor job in *; do [ -e $job ] && echo \"$job $(cat $job)\"; done; true\n"),
        ),
    ] {
        let path = world.write(&format!("bin/{name}"), format!("#!/bin/bash\n{script}"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", world.path("bin").display(), std::env::var("PATH").unwrap());
    world.set("PATH", path);
    world.write("it.toml", tiny_config("") + "null_models = 0\n");
    world
}

fn submitted(world: &World) -> Vec<String> {
    let lines = fs::read_to_string(world.path("submitted")).unwrap_or_default();
    let folder = format!("{}/", world.path("runs/it-submit").display());
    lines.lines().map(|line| line.replace(&folder, "")).collect()
}

const SUBMIT: [&str; 6] = ["submit", "it.toml", "--engine", "slurm", "--shards", "4"];
const GO: [&str; 7] = ["submit", "it.toml", "--engine", "slurm", "--shards", "4", "--go"];

#[test]
fn jobs_are_written_and_only_submitted_when_told() {
    let world = cluster();
    let more = [
        "--partition",
        "long",
        "--set",
        "submit.options=[\"--qos=low\"]",
        "--set",
        "submit.setup=[\"module load its\"]",
    ];
    let ran = world.run(&[&SUBMIT[..], &more].concat());
    assert!(ran.code == 0 && ran.stderr.contains("nothing is submitted"), "{}", ran.stderr);
    assert_eq!(submitted(&world), Vec::<String>::new());
    let [encode, run] = ["encode", "run"].map(|name| world.read(&format!("runs/it-submit/{name}.sbatch")));
    for script in [&encode, &run] {
        for line in [
            "#SBATCH --requeue",
            "#SBATCH --partition=\"long\"",
            "#SBATCH --cpus-per-task=\"2\"",
            "#SBATCH --qos=low",
            "module load its",
        ] {
            assert!(script.lines().any(|it| it == line), "{line}: {script}");
        }
        let checked = std::process::Command::new("bash").args(["-n", "-c", script]).status().unwrap();
        assert!(checked.success(), "{script}");
    }
    assert!(
        encode.contains("--shards 4 --task") && encode.contains("logs/encode-%a.log") && run.contains("logs/run.log")
    );
    assert_eq!(world.read("runs/it-submit/config.toml"), {
        let sets = ["--set", "submit.options=[\"--qos=low\"]", "--set", "submit.setup=[\"module load its\"]"];
        world.succeed(&[&["show", "it.toml"][..], &sets].concat())
    });
}

#[test]
fn what_is_in_the_queue_or_done_is_not_submitted_again() {
    let world = cluster();
    assert!(world.run(&GO).stderr.contains("submitted array 100 and job 101"));
    let array = "--parsable --array=0-3 encode.sbatch 0";
    let run = |after: &str| format!("--parsable {after}--kill-on-invalid-dep=yes run.sbatch");
    assert_eq!(submitted(&world), [array.to_owned(), run("--dependency=afterok:100 ")]);
    let again = world.run(&GO);
    assert!(again.code == 0 && again.stderr.contains("in the queue already: 100"), "{}", again.stderr);
    assert_eq!(submitted(&world).len(), 2);
    // Two elements are done, the others failed, and Slurm has dropped the job that waited for them.
    for job in ["100", "101"] {
        fs::remove_file(world.path("queue").join(job)).unwrap();
    }
    for element in ["0", "2"] {
        world.write(&format!("runs/it-submit/done/{element}"), "");
    }
    world.succeed(&GO);
    assert_eq!(
        submitted(&world)[2..],
        ["--parsable --array=1,3 encode.sbatch 0".to_owned(), run("--dependency=afterok:100 ")]
    );
    for job in ["100", "101"] {
        fs::remove_file(world.path("queue").join(job)).unwrap();
    }
    for element in ["1", "3"] {
        world.write(&format!("runs/it-submit/done/{element}"), "");
    }
    let last = world.run(&GO);
    assert!(last.stderr.contains("all is encoded; submitted job"), "{}", last.stderr);
    assert_eq!(submitted(&world)[4..], [run("")]);
    // In other shards nothing is done.
    fs::remove_file(world.path("queue/100")).unwrap();
    world.succeed(&["submit", "it.toml", "--engine", "slurm", "--shards", "2", "--go"]);
    assert_eq!(submitted(&world)[5], "--parsable --array=0-1 encode.sbatch 0");
}

#[test]
fn a_submission_that_was_cut_off_is_gone_on_with() {
    let world = cluster();
    world.write("refuses", "");
    let error = world.fail(1, &GO);
    assert!(error.contains("the controller is gone"), "{error}");
    assert_eq!(submitted(&world).len(), 1);
    fs::remove_file(world.path("refuses")).unwrap();
    world.succeed(&GO);
    let submitted = submitted(&world);
    assert!(submitted.len() == 2 && submitted[1].contains("--dependency=afterok:100"), "{submitted:?}");
}

#[test]
fn another_config_of_the_name_is_refused() {
    let world = cluster();
    world.succeed(&SUBMIT);
    let other = ["--set", "seed=2"];
    let error = world.fail(1, &[&SUBMIT[..], &other].concat());
    assert!(error.contains("holds the jobs of another config of this name: --force replaces them"), "{error}");
    let kept = world.read("runs/it-submit/config.toml");
    world.succeed(&[&SUBMIT[..], &other, &["--force"]].concat());
    assert_ne!(world.read("runs/it-submit/config.toml"), kept);
    // Jobs in the queue read these files.
    world.succeed(&[&GO[..], &other].concat());
    let error = world.fail(1, &[&GO[..], &["--force"]].concat());
    assert!(error.contains("of which jobs 100, 101 are in the queue: `scancel`"), "{error}");
    assert!(submitted(&world).len() == 2 && world.read("runs/it-submit/config.toml").contains("seed = 2"));
    world.write("runs/other-submit/mine.txt", "");
    let error = world.fail(1, &[&SUBMIT[..], &["--set", "name=other"]].concat());
    assert!(error.contains("holds no jobs of headlight: it is left alone"), "{error}");
}

#[test]
fn what_cannot_be_submitted_is_said() {
    let world = World::new();
    world.write("it.toml", tiny_config(""));
    for (arguments, said) in [
        (&["--shards", "0"][..], "--shards is 0"),
        (&["--set", "submit.shards=0"], "`submit.shards` is 0"),
        (&["--set", "submit.cpus=0"], "`submit.cpus` is 0"),
        (&["--set", "submit.options=[\"qos\"]"], "which is no option"),
        (&["--set", "submit.setup=[\"a\\nb\"]"], "`submit.setup` holds a line break"),
        (&["--partition", "a\nb"], "line break"),
    ] {
        let error = world.fail(2, &[&["submit", "it.toml", "--engine", "slurm"], arguments].concat());
        assert!(error.contains(said), "{said}: {error}");
    }
    let mut world = cluster();
    world.set("PATH", "/nowhere");
    let error = world.fail(1, &GO);
    assert!(error.contains("cannot call squeue: is this a machine of a Slurm cluster?"), "{error}");
}
