//! `headlight fetch`

use anyhow::Result;

use crate::cli::FetchArgs;
use crate::cli::{interrupt, output};
use crate::sources::fetch::{self, TreebankName};

/// Fetches models and treebanks and prints where they are.
pub fn fetch(args: &FetchArgs) -> Result<()> {
    interrupt::install()?;
    for name in &args.names {
        interrupt::check()?;
        if name.starts_with("UD_") {
            let treebank: TreebankName = name.parse()?;
            for path in fetch::splits(&treebank)? {
                output::print(&format!("{}\n", path.display()))?;
            }
        } else {
            output::print(&format!("{}\n", fetch::model(name)?.display()))?;
        }
    }
    Ok(())
}
