//! `[roles]`: when a head counts as looking at something, or as having a role.

use headlight_heads::{BehaviourThresholds, RoleRules};
use serde::{Deserialize, Serialize};

/// `[roles]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RolesConfig {
    /// Attention to the next piece.
    pub next: f64,
    /// Attention to the previous piece.
    pub previous: f64,
    /// Entropy in nats.
    pub entropy: f64,
    /// Attention to `[CLS]`.
    pub cls: f64,
    /// Attention to `[SEP]`.
    pub sep: f64,
    /// Attention to full stops and commas.
    pub punctuation: f64,
    /// Share of one offset.
    pub positional: f64,
    /// Relative gain over the modal offset.
    pub syntactic: f64,
    /// Relations that make a head syntactic.
    pub relations: Vec<String>,
    /// Fewest words of a relation.
    pub min_total: u64,
}

impl RolesConfig {
    /// What is wrong with the keys.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> anyhow::Result<()> {
        let shares = [
            ("next", self.next),
            ("previous", self.previous),
            ("cls", self.cls),
            ("sep", self.sep),
            ("punctuation", self.punctuation),
            ("positional", self.positional),
        ];
        for (key, share) in shares {
            anyhow::ensure!(
                (0.0..=1.0).contains(&share),
                "`roles.{key}` is {share}; it is a share of attention between 0 and 1, such as 0.5"
            );
        }
        for (key, least, example) in [("entropy", self.entropy, "3.8 nats"), ("syntactic", self.syntactic, "0.1")] {
            anyhow::ensure!(
                least >= 0.0 && least.is_finite(),
                "`roles.{key}` is {least}; it is at least 0, such as {example}"
            );
        }
        Ok(())
    }

    /// For [`headlight_heads::behaviour`].
    pub fn thresholds(&self) -> BehaviourThresholds {
        BehaviourThresholds {
            next: self.next,
            previous: self.previous,
            entropy: self.entropy,
            cls: self.cls,
            sep: self.sep,
            punctuation: self.punctuation,
        }
    }

    /// For [`headlight_heads::role`].
    pub fn rules(&self) -> RoleRules {
        RoleRules {
            positional: self.positional,
            syntactic: self.syntactic,
            relations: self.relations.clone(),
            min_total: self.min_total,
        }
    }
}
