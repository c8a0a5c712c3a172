//! `[cache]`: how much of what the encoder said is kept for later runs.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// `[cache]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CacheConfig {
    /// Most bytes; 0 is no limit.
    pub max_bytes: u64,
    /// Most days since the last use; 0 is no limit.
    pub max_age: f64,
}

impl CacheConfig {
    /// Checks the limits.
    ///
    /// # Errors
    /// An age that is none.
    pub fn check(&self) -> Result<()> {
        let is_age = self.max_age.is_finite() && self.max_age >= 0.0;
        ensure!(is_age, "`cache.max_age` is {}; it is a number of days, or 0 for no limit", self.max_age);
        Ok(())
    }
}
