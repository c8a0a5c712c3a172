//! What single heads find: the best of each relation, beyond position and the peak, beside random weights.

pub(crate) mod best;
mod beyond;
mod beyond_page;
mod null_models;
mod page;
mod relations;

pub(crate) use best::Summary;
pub use best::{best_heads_sheet, findings};
pub use beyond::{attention_sheet, beyond_position_finding, beyond_position_sheet};
pub(crate) use beyond_page::{beyond, null_models};
pub use null_models::{null_models_finding, null_models_sheet};
pub(crate) use page::{best_heads, heads, sentences};
