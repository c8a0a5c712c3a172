//! A real Slurm of two nodes on this machine, from the system's packages: jobs are submitted to it, one node is killed while it
//! works, and the tables are those of a run that never saw a cluster. Where the packages are not installed the test says that it
//! did not run: `apt-get install slurmctld slurmd slurm-client munge` brings them.

use std::env;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{World, root, tables, tiny_bert};

/// Longest time that anything takes here.
const LIMIT: Duration = Duration::from_secs(420);

/// A program of the system, daemons among them.
fn program(name: &str) -> Option<PathBuf> {
    let path = env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/usr/local/sbin", "/sbin"]);
    folders.map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

/// What a command prints, whatever its exit code.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// A port that nobody listens at.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Daemons, which end with it.
struct Cluster {
    folder: PathBuf,
    munge: Child,
    controller: Child,
    nodes: [Child; 2],
}

impl Cluster {
    /// Starts one in a folder; `None`, and said so, where its programs are not installed.
    fn start(folder: &Path) -> Option<Self> {
        let programs = ["munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "sinfo"];
        if let Some(missing) = programs.into_iter().find(|name| program(name).is_none()) {
            println!("not run: {missing} is not installed; apt-get install slurmctld slurmd slurm-client munge");
            return None;
        }
        for name in ["state", "log", "munge"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let shown = folder.display();
        let key = folder.join("munge/key");
        let seed: Vec<u8> = (0..128_u32).map(|at| (at * 89 + std::process::id()) as u8).collect();
        fs::write(&key, seed).unwrap();
        fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
        let munge = Self::spawn(
            folder,
            "munged",
            &[
                "--foreground".to_owned(),
                "--force".to_owned(),
                format!("--key-file={}", key.display()),
                format!("--socket={shown}/munge/socket"),
                format!("--pid-file={shown}/munge/pid"),
                format!("--log-file={shown}/log/munge"),
                format!("--seed-file={shown}/munge/seed"),
            ],
        );
        let user = said(Command::new("id").arg("-un"));
        let host = said(&mut Command::new("hostname"));
        let (user, host) = (user.trim(), host.trim());
        let [controller, one, two] = [port(), port(), port()];
        fs::write(
            folder.join("slurm.conf"),
            format!(
                "ClusterName=headlight\nSlurmctldHost={host}(127.0.0.1)\nSlurmUser={user}\nSlurmdUser={user}\n\
                 AuthType=auth/munge\nAuthInfo=socket={shown}/munge/socket,cred_expire=5\nSlurmctldPort={controller}\n\
                 SlurmctldPidFile={shown}/ctld.pid\nSlurmdPidFile={shown}/slurmd-%n.pid\nSlurmdSpoolDir={shown}/spool-%n\n\
                 StateSaveLocation={shown}/state\nSlurmctldLogFile={shown}/log/slurmctld\nSlurmdLogFile={shown}/log/slurmd-%n\n\
                 ProctrackType=proctrack/pgid\nTaskPlugin=task/none\nSwitchType=switch/none\nMpiDefault=none\n\
                 ReturnToService=2\nSelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nSchedulerType=sched/backfill\n\
                 SchedulerParameters=bf_interval=1,sched_interval=1\nSlurmctldTimeout=10\nSlurmdTimeout=10\nInactiveLimit=0\n\
                 KillWait=2\nJobRequeue=1\nJobAcctGatherType=jobacct_gather/none\n\
                 AccountingStorageType=accounting_storage/none\n\
                 NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={one} CPUs=1 State=UNKNOWN\n\
                 NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={two} CPUs=1 State=UNKNOWN\n\
                 PartitionName=main Nodes=node1,node2 Default=YES MaxTime=INFINITE State=UP\n"
            ),
        )
        .unwrap();
        let conf = format!("{shown}/slurm.conf");
        sleep(Duration::from_secs(1));
        let daemon = |name: &str, arguments: &[&str]| {
            let arguments = [&["-D", "-f", conf.as_str()], arguments].concat();
            Self::spawn(folder, name, &arguments.into_iter().map(ToOwned::to_owned).collect::<Vec<_>>())
        };
        let controller = daemon("slurmctld", &[]);
        sleep(Duration::from_secs(1));
        let nodes = ["node1", "node2"].map(|node| daemon("slurmd", &["-N", node]));
        let cluster = Self { folder: folder.to_owned(), munge, controller, nodes };
        cluster.wait("both nodes are idle", || {
            cluster.call("sinfo", &["-h", "-N", "-t", "idle", "-o", "%n"]).lines().count() == 2
        });
        Some(cluster)
    }

    fn spawn(folder: &Path, name: &str, arguments: &[String]) -> Child {
        let log = File::create(folder.join(format!("log/{name}{}.out", arguments.last().unwrap().replace('/', "_"))))
            .unwrap();
        let mut command = Command::new(program(name).unwrap());
        command.args(arguments).env("SLURM_CONF", folder.join("slurm.conf"));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
    }

    fn call(&self, name: &str, arguments: &[&str]) -> String {
        said(Command::new(program(name).unwrap()).args(arguments).env("SLURM_CONF", self.folder.join("slurm.conf")))
    }

    fn wait(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let clock = Instant::now();
        while !is_so() {
            assert!(
                clock.elapsed() < LIMIT,
                "{what}: not after {LIMIT:?}\n{}\n{}",
                self.call("squeue", &[]),
                self.logs()
            );
            sleep(Duration::from_millis(100));
        }
        println!("{what}: after {:.1} s", clock.elapsed().as_secs_f64());
    }

    fn logs(&self) -> String {
        let files = fs::read_dir(self.folder.join("log")).unwrap().flatten();
        let tail = |file: fs::DirEntry| {
            let text = fs::read_to_string(file.path()).unwrap_or_default();
            let lines: Vec<&str> = text.lines().rev().take(15).collect();
            format!("{}:\n{}\n", file.path().display(), lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
        };
        files.map(tail).collect()
    }

    /// Processes of jobs on a node of this cluster, and what looks after them.
    fn processes(&self, node: &str) -> Vec<u32> {
        let [conf, name] =
            [format!("SLURM_CONF={}", self.folder.join("slurm.conf").display()), format!("SLURMD_NODENAME={node}")];
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            let has = |text: &str| environment.split(|byte| *byte == 0).any(|it| it == text.as_bytes());
            if !has(&conf) || !has(&name) {
                continue;
            }
            found.push(id);
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse::<u32>().ok());
            found.extend(parent.filter(|parent| {
                fs::read_to_string(format!("/proc/{parent}/comm")).is_ok_and(|name| name.starts_with("slurmstepd"))
            }));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// A node goes as with its power: the daemon, and all that it runs.
    fn kill_node(&mut self, number: usize) {
        self.nodes[number].kill().unwrap();
        self.nodes[number].wait().unwrap();
        for id in self.processes(&format!("node{}", number + 1)) {
            let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in ["node1", "node2"] {
            for id in self.processes(node) {
                let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
            }
        }
        for child in self.nodes.iter_mut().chain([&mut self.controller, &mut self.munge]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The passes of the encoder that a run took.
fn passes(world: &World) -> Vec<String> {
    let manifest: Value = serde_json::from_str(&world.read("runs/it/manifest.json")).unwrap();
    let stages = manifest["stages"].as_array().unwrap().iter().map(|stage| stage["name"].as_str().unwrap().to_owned());
    stages.filter(|name| name.starts_with("encode")).collect()
}

#[test]
fn a_cluster_of_which_a_node_dies_leaves_the_tables_of_one_machine() {
    let mut world = World::new();
    let Some(mut cluster) = Cluster::start(&world.path("cluster")) else { return };
    let sample = fs::read_to_string(root().join("data/sample/en_sample-evaluate.conllu")).unwrap();
    world.write("many.conllu", sample.repeat(20));
    // Element 2 fails when it is tried first, and is tried again alone.
    let fails = r#"if [ "$SLURM_ARRAY_TASK_ID" = 2 ] && mkdir failed-once 2>/dev/null; then export XDG_CACHE_HOME=/dev/null/x; fi"#;
    world.write(
        "it.toml",
        format!(
            "[model]\npath = {:?}\n[treebank]\nname = \"sample\"\nselect = [\"sample:select\"]\nevaluate = [\"many.conllu\"]\n\
             [submit]\ncpus = 1\nmemory = \"\"\nsetup = ['''{fails}''']\n[[experiment]]\nkind = \"heads\"\nnull_models = 0\n\
             resamples = 1000\nattention = true\n[[experiment]]\nkind = \"surface\"\n",
            tiny_bert()
        ),
    );
    world.set("SLURM_CONF", world.path("cluster/slurm.conf").display());
    let submitted = world.run(&["submit", "it.toml", "--engine", "slurm", "--shards", "4", "--go"]);
    assert_eq!(submitted.code, 0, "{}", submitted.stderr);
    println!("{}", submitted.stderr);

    // A node dies with an element that has begun to leave something.
    let on_node =
        |node: &str| cluster.call("squeue", &["-h", "-t", "RUNNING", "-w", node, "-o", "%K"]).trim().to_owned();
    let mut element = String::new();
    cluster.wait("an element encodes on node1", || {
        element = on_node("node1");
        !element.is_empty()
            && cluster
                .processes("node1")
                .iter()
                .any(|id| fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim() == "headlight"))
    });
    sleep(Duration::from_millis(300));
    println!("node1 is killed with element {element}\n{}", cluster.call("squeue", &["--array"]));
    cluster.kill_node(0);
    cluster.wait("the node is seen to be gone", || {
        cluster.call("sinfo", &["-h", "-n", "node1", "-o", "%T"]).contains("down")
    });
    println!("{}", cluster.call("squeue", &["--array"]));
    cluster.wait("the queue is empty", || cluster.call("squeue", &["-h"]).trim().is_empty());

    let log = |name: &str| world.read(&format!("runs/it-submit/logs/{name}.log"));
    assert!(world.path("runs/it/report.json").is_file(), "{}\n{}", log("run"), cluster.logs());
    assert!(world.path("failed-once").is_dir() && log("encode-2").contains("tried again"), "{}", log("encode-2"));
    for element in 0..4 {
        assert!(
            log(&format!("encode-{element}")).contains("encoded for the cache"),
            "{}",
            log(&format!("encode-{element}"))
        );
        println!("encode-{element}.log\n{}", log(&format!("encode-{element}")));
    }
    println!("run.log\n{}", log("run"));
    assert_eq!(passes(&world), Vec::<String>::new(), "the job that follows encodes nothing");
    // All is done: nothing is left to submit but the job that follows, which finds its run.
    let again = world.run(&["submit", "it.toml", "--engine", "slurm", "--shards", "4"]);
    assert!(again.stderr.contains("0 of 4 jobs to do"), "{}", again.stderr);

    let whole = World::new();
    for file in ["it.toml", "many.conllu"] {
        whole.write(file, world.read(file));
    }
    whole.succeed(&["run", "it.toml"]);
    for ((name, found), (_, expected)) in tables(&world.path("runs/it")).iter().zip(&tables(&whole.path("runs/it"))) {
        assert!(found == expected, "{name}");
    }
}
