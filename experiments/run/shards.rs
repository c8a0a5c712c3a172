//! What is made in shards: each shard is a part of a pass, kept under the identity of the whole and its own number, and readers of
//! the whole take shards in the place of the encoder. What they leave is byte for byte what one pass leaves, so that everything
//! behind readers never heard of shards. Which inputs belong to a shard follows from their number and that of the shards alone.

use std::collections::BTreeMap;
use std::fs::File;

use anyhow::{Context, Result};

use super::Run;
use super::cache::{self, Begun, Look, Place};
use super::reader::{Ask, Filling, Group, Made, Reader};
use super::stream::Part;
use crate::cli::progress::say;
use crate::cli::{Shard, interrupt};

/// What a call that encodes finds to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shared {
    /// Things that it makes, or their shards.
    pub made: usize,
    /// Things that are there.
    pub kept: usize,
    /// Things that only a run makes, for itself.
    pub left: usize,
}

/// Of so many shards those that are not whole, each with the reason.
type Lacking = (usize, Vec<(Shard, String)>);

/// The reason of a shard that nobody has begun.
const MISSING: &str = "is missing";

impl Run {
    /// Makes what kinds ask of the passes and other runs can find, or a shard of it; `ask` is as in [`Run::serve`].
    ///
    /// # Errors
    /// As [`Run::serve`].
    pub fn share(
        &mut self,
        shard: Option<Shard>,
        kinds: &[String],
        ask: impl Fn(&mut Self, usize) -> Result<Vec<Ask>>,
    ) -> Result<Shared> {
        let mut asked = self.asked(kinds, ask)?;
        let all = asked.len();
        asked.retain(|(_, reader)| reader.is_shared());
        let mut shared = Shared { left: all - asked.len(), ..Shared::default() };
        for group in self.groups(asked.iter().map(|(kind, reader)| (*kind, reader.as_ref())))? {
            let who = || group.asked_by.iter().map(|kind| kinds[*kind].as_str()).collect::<Vec<_>>().join(", ");
            let made = match shard.filter(|shard| shard.count() > 1) {
                None => {
                    let mut made = 0;
                    for (_, reader) in &group.readers {
                        made += usize::from(!self.is_there(*reader)?);
                    }
                    self.fill_group(&group).with_context(who)?;
                    made
                }
                Some(shard) => self.fill_shard(&group, shard).with_context(who)?,
            };
            shared.made += made;
            shared.kept += group.readers.len() - made;
        }
        Ok(shared)
    }

    /// What kinds ask of the passes, each with the number of who asks.
    pub(super) fn asked(
        &mut self,
        kinds: &[String],
        ask: impl Fn(&mut Self, usize) -> Result<Vec<Ask>>,
    ) -> Result<Vec<(usize, Ask)>> {
        let mut asked = Vec::new();
        for (number, kind) in kinds.iter().enumerate() {
            asked.extend(ask(self, number).with_context(|| kind.clone())?.into_iter().map(|reader| (number, reader)));
        }
        Ok(asked)
    }

    /// Makes a shard of what a group reads, in one pass; returns how many of its readers had none.
    fn fill_shard(&mut self, group: &Group<'_>, shard: Shard) -> Result<usize> {
        let mut fillings = Vec::new();
        for (place, reader) in &group.readers {
            if reader.look(self, None)? == Look::Whole {
                tracing::info!("{}: all of it is there", reader.what());
                continue;
            }
            place.note_shards(shard.count())?;
            let part = reader.place(self, Some(shard))?;
            self.in_use.push(part.in_use()?);
            match reader.open(self, Some(shard))? {
                Some(filling) => fillings.push(filling),
                None => tracing::info!("{}: shard {shard} is there", reader.what()),
            }
        }
        let made = fillings.len();
        self.pass(group, Part::Shard(shard), fillings)?;
        Ok(made)
    }

    /// Finds the shards that those of a group were made in, and encodes what is lacking. Returns in how many shards each is whole
    /// then; those that nobody has in shards are not among them.
    pub(super) fn gather_shards(&mut self, group: &Group<'_>) -> Result<BTreeMap<Place, usize>> {
        let (mut gathered, mut lacking) = (BTreeMap::new(), BTreeMap::<Shard, Vec<&dyn Reader>>::new());
        for (place, reader) in &group.readers {
            let counts = place.shard_counts();
            if counts.is_empty() || reader.look(self, None)? == Look::Whole {
                continue;
            }
            let found: Vec<Lacking> =
                counts.iter().map(|count| Ok((*count, self.lacking(*reader, *count)?))).collect::<Result<_>>()?;
            let (model, text) = self.labels(group.stream, group.draw);
            let of = format!("{} of {model} on {text}", reader.what());
            let has_begun =
                |(count, lack): &&Lacking| lack.len() < *count || lack.iter().any(|(_, why)| why != MISSING);
            let begun: Vec<&Lacking> = found.iter().filter(has_begun).collect();
            let Some((count, lack)) = begun.iter().min_by(|a, b| (a.1.len() * b.0).cmp(&(b.1.len() * a.0))) else {
                continue;
            };
            if begun.len() > 1 {
                let counts: Vec<String> = begun.iter().map(|(count, _)| count.to_string()).collect();
                say(&format!("{of}: there are shards of {}; those of {count} are taken", counts.join(" and of ")));
            }
            if !lack.is_empty() {
                let reasons: Vec<String> = lack.iter().map(|(shard, why)| format!("{shard} {why}")).collect();
                tracing::warn!("{of}: of {count} shards {}: this run encodes them", reasons.join(", "));
            }
            lack.iter().for_each(|(shard, _)| lacking.entry(*shard).or_default().push(*reader));
            gathered.insert(place.clone(), *count);
        }
        for (shard, readers) in lacking {
            let (mut fillings, mut in_use): (Vec<Filling<'_>>, Vec<File>) = (Vec::new(), Vec::new());
            for reader in readers {
                in_use.push(reader.place(self, Some(shard))?.in_use()?);
                fillings.extend(reader.open(self, Some(shard))?);
            }
            self.pass(group, Part::Shard(shard), fillings)?;
        }
        Ok(gathered)
    }

    /// The shards of so many that are not whole, with the reason.
    fn lacking(&mut self, reader: &dyn Reader, count: usize) -> Result<Vec<(Shard, String)>> {
        let mut lacking = Vec::new();
        for shard in Shard::all(count) {
            interrupt::check()?;
            let why = match reader.look(self, Some(shard))? {
                Look::Whole => continue,
                Look::Damaged(why) => format!("is {why}"),
                Look::Absent => match reader.place(self, Some(shard))?.begun() {
                    Begun::No => MISSING.to_owned(),
                    Begun::Interrupted => "was interrupted".to_owned(),
                    Begun::AtWork => "is being encoded".to_owned(),
                },
            };
            lacking.push((shard, why));
        }
        Ok(lacking)
    }

    /// Fills a reader from its shards, all of which are whole, behind what an interrupted call has filled.
    pub(super) fn join_shards(&mut self, reader: &dyn Reader, count: usize, filling: Filling<'_>) -> Result<()> {
        let Filling { reading, mut sink } = filling;
        let mut base: usize = 0;
        let mut joined = Ok(());
        for shard in Shard::all(count) {
            let from = reading.from.saturating_sub(base);
            let mut take = |number: usize, made: Option<Made>| -> Result<()> {
                interrupt::check()?;
                sink.take(base + number, made)
            };
            let inputs = reader.replay(self, shard, from, &mut take);
            match inputs {
                Ok(inputs) => base += inputs,
                Err(error) => {
                    joined = Err(error.context(format!("shard {shard}")));
                    break;
                }
            }
        }
        sink.end(joined.is_ok().then_some(base))?;
        joined
    }

    /// Removes the shards of something that is complete: it holds what they held.
    pub(super) fn remove_shards(&mut self, place: &Place, reader: &dyn Reader) -> Result<()> {
        let counts = place.shard_counts();
        for count in &counts {
            for shard in Shard::all(*count) {
                let part = reader.place(self, Some(shard))?;
                // What somebody reads or writes stays, and goes with the limits of the cache.
                if part.complete().is_dir() || part.begun() != Begun::No {
                    cache::remove(&part)?;
                }
            }
        }
        if !counts.is_empty() {
            place.forget_shards();
        }
        Ok(())
    }

    /// Whether something is complete, or all shards of it are, as far as folders tell.
    ///
    /// # Errors
    /// When what names it cannot be read.
    pub fn is_there(&mut self, reader: &dyn Reader) -> Result<bool> {
        let place = reader.place(self, None)?;
        if place.complete().is_dir() {
            return Ok(true);
        }
        for count in place.shard_counts() {
            let mut is_there = true;
            for shard in Shard::all(count) {
                is_there = is_there && reader.place(self, Some(shard))?.complete().is_dir();
            }
            if is_there {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
