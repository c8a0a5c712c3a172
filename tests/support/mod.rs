//! Running the binary in a world of its own, and data for it.

pub mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder in which nothing of this machine's settings, caches and networks is seen.
pub struct World {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// What a call of the binary left.
pub struct Ran {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// An address at which nobody listens.
const NOWHERE: &str = "http://127.0.0.1:9";

impl World {
    /// An empty world.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), variables: Vec::new() }
    }

    /// Sets an environment variable for all calls.
    pub fn set(&mut self, variable: &str, value: impl ToString) -> &mut Self {
        self.variables.push((variable.to_owned(), value.to_string()));
        self
    }

    /// A path in the world's folder, where calls run.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the world's folder; its folders are created.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a folder");
        fs::write(&path, content).expect("a file");
        path
    }

    /// Reads a text file of the world's folder.
    pub fn read(&self, name: &str) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The binary, ready to be called.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headlight"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        for variable in std::env::vars().map(|(name, _)| name) {
            let foreign = ["HF_", "HEADLIGHT_", "PIP_", "RUST_LOG"].iter().any(|it| variable.starts_with(it))
                || variable.to_lowercase().ends_with("_proxy");
            if foreign {
                command.env_remove(variable);
            }
        }
        command
            .env("HOME", self.path("home"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("HF_ENDPOINT", NOWHERE)
            .env("HEADLIGHT_UD_ENDPOINT", NOWHERE)
            .env("HEADLIGHT_UD_ARCHIVE", NOWHERE)
            .env("PIP_INDEX_URL", NOWHERE)
            .env("PIP_CONFIG_FILE", "/dev/null")
            .envs(self.variables.iter().cloned());
        command
    }

    /// The binary under a limit of the shell's: `ulimit -n 12`.
    pub fn under(&self, limit: &str, arguments: &[&str]) -> Command {
        let call = self.command(arguments);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{limit} && exec \"$0\" \"$@\"")]).arg(call.get_program()).args(call.get_args());
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, value) in call.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Calls the binary and waits for it.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments))
    }

    /// Calls the binary, which must succeed; returns its standard output.
    pub fn succeed(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "headlight {}: {}", arguments.join(" "), ran.stderr);
        ran.stdout
    }

    /// Calls the binary, which must fail with `code`; returns its one line on standard error.
    pub fn fail(&self, code: i32, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, code, "headlight {}: {}{}", arguments.join(" "), ran.stdout, ran.stderr);
        let errors: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "one line says what is wrong: {}", ran.stderr);
        errors[0]["error: ".len()..].to_owned()
    }
}

impl Ran {
    /// Runs a command and keeps what it says.
    pub fn of(mut command: Command) -> Self {
        let output = command.output().expect("the binary starts");
        Self {
            code: output.status.code().expect("no call ends by a signal"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A checkpoint of 3 layers × 3 heads with random weights.
pub fn tiny_bert() -> PathBuf {
    root().join("crates/headlight-bert/tests/fixtures/tiny-bert")
}

/// A file or folder below `../shared`, `None` where this checkout has none: then the test says that it did not run.
pub fn shared(path: &str) -> Option<PathBuf> {
    let shared = root().join("../shared").join(path);
    if shared.exists() {
        return Some(shared);
    }
    println!("not run: {} is absent", shared.display());
    None
}

/// The config of an experiment with single heads on the tiny model and the sample treebank.
pub fn tiny_config(more: &str) -> String {
    format!(
        "[model]\npath = {:?}\n[treebank]\nname = \"sample\"\nselect = [\"sample:select\"]\n\
         evaluate = [\"sample:evaluate\"]\n{more}\n[[experiment]]\nkind = \"heads\"\nresamples = 1000\n",
        tiny_bert()
    )
}

/// The tables of a run by name.
pub fn tables(folder: &Path) -> Vec<(String, String)> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let tables = files.filter(|path| path.extension().is_some_and(|it| it == "csv"));
    let mut tables: Vec<_> = tables
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    tables.sort();
    tables
}
