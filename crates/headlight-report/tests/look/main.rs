//! What people look at, made from a run directory of realistic size that the crate's own writers wrote.

mod beyond;
mod browser;
mod figures;
mod kinds;
mod page;
mod run;
