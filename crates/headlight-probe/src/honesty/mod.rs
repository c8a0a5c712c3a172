//! What a probe's score is worth: control tasks, description length, and what it no longer knows without some heads.

mod ablation;
mod control;
mod description;

pub use ablation::{Ablated, Ablation, ablate};
pub use control::{Selectivity, control_governors, control_labels};
pub use description::{CODE_FRACTIONS, CodeBlock, CodeSentence, DescriptionLength, OnlineCode, online_code};
