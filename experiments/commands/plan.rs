//! `headlight plan`: what a config would encode, and what that takes, before anything is.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use headlight_report::format::count;
use headlight_report::sheet::{Sheet, SheetCell};
use indicatif::HumanBytes;

use super::config::load_configs;
use super::encode::work_on;
use super::{Usage, print_sheets};
use crate::cli::{PlanArgs, interrupt, output};
use crate::config::MOST_SHARDS;
use crate::run::{Estimate, Planned};

/// Prints the runs of a config, their passes, and what a sample leads to expect.
pub fn plan(args: &PlanArgs) -> Result<()> {
    let configs = load_configs(&args.config, &args.sets)?;
    let shards = args.shards.or_else(|| Some(configs.first()?.settings.submit.shards)).unwrap_or(1);
    ensure!((1..=MOST_SHARDS).contains(&shards), Usage(anyhow!("--shards is {shards}; there are 1 to {MOST_SHARDS}")));
    interrupt::install()?;
    let (mut sheets, mut all, mut threads) = (Vec::new(), Total::default(), 0);
    for (number, config) in configs.iter().enumerate() {
        let name = &config.settings.name;
        let planned = work_on(config, |run, kinds, experiments| {
            run.plan(args.sample, kinds, |run, number| experiments[number].asks(run))
        });
        let planned = planned.with_context(|| name.clone())?;
        planned.iter().filter(|pass| !pass.is_there).for_each(|pass| all.add(pass));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        threads = if config.settings.threads == 0 { cores } else { config.settings.threads };
        let title = format!("Run {} of {}: {name}, in {}", number + 1, configs.len(), plural(shards, "shard"));
        sheets.push(sheet(title, &planned));
    }
    print_sheets(&sheets)?;
    let tasks = plural(configs.len() * shards, "task");
    let mut said = format!("\n{} × {} = {tasks}.", plural(configs.len(), "run"), plural(shards, "shard"));
    if all.passes > all.estimated {
        said.push_str(&format!(
            " {} of {} to come have no estimate.",
            all.passes - all.estimated,
            plural(all.passes, "pass")
        ));
    }
    if all.estimated > 0 {
        said.push_str(&format!(
            " What is not in the cache yet takes about {} in all, {} a task, and {}.\nThe estimates rest on {} of {} inputs, \
             evenly spaced, encoded here just now by {}; of random weights, on the same of the model's own. Bytes are those of \
             shards; loading the model comes with each task.",
            seconds(all.time),
            seconds(all.time.div_f64((configs.len() * shards) as f64)),
            HumanBytes(all.bytes),
            count(all.tried as u64),
            count(all.inputs as u64),
            plural(threads, "thread")
        ));
    }
    output::print(&format!("{said}\n"))
}

/// What all passes take that are to come.
#[derive(Default)]
struct Total {
    passes: usize,
    estimated: usize,
    inputs: usize,
    tried: usize,
    time: Duration,
    bytes: u64,
}

impl Total {
    fn add(&mut self, pass: &Planned) {
        self.passes += 1;
        let Some(Estimate { time, bytes, tried }) = &pass.estimate else { return };
        self.estimated += 1;
        (self.inputs, self.tried) = (self.inputs + pass.inputs, self.tried + tried);
        (self.time, self.bytes) = (self.time + *time, self.bytes + bytes);
    }
}

fn sheet(title: String, planned: &[Planned]) -> Sheet {
    let mut sheet = Sheet::new(title, &["<makes", "<pass", ">inputs", ">expected", ">bytes"]);
    for pass in planned {
        let estimate = pass.estimate.as_ref();
        let time = match estimate {
            _ if pass.is_there => "in the cache".to_owned(),
            None => "?".to_owned(),
            Some(estimate) => seconds(estimate.time),
        };
        let bytes = estimate.map_or_else(|| "?".to_owned(), |estimate| HumanBytes(estimate.bytes).to_string());
        let inputs = format!("{} {}", count(pass.inputs as u64), pass.unit);
        let rows = pass.made.iter().enumerate().map(|(line, made)| {
            let first = |text: &str| SheetCell::from(if line == 0 { text.to_owned() } else { String::new() });
            vec![made.clone().into(), first(&pass.name), first(&inputs), first(&time), first(&bytes)]
        });
        sheet.groups.push(rows.collect());
    }
    sheet
}

/// `3.2 s`, `12 min`, `5.1 h`
fn seconds(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 120.0 => format!("{seconds:.1} s"),
        seconds if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}

/// `1 shard`, `4 shards`
fn plural(number: usize, name: &str) -> String {
    let ending = if number == 1 {
        ""
    } else if name.ends_with('s') {
        "es"
    } else {
        "s"
    };
    format!("{} {name}{ending}", count(number as u64))
}
