//! Readers of a pass: what is made of each input and kept on disk, so that it is made once. A pass serves any number of readers
//! at once; the encoder is asked for what they want together.

use std::any::Any;
use std::collections::BTreeSet;

use anyhow::{Context, Result};
use headlight_attention::MergeRule;
use headlight_bert::{AttentionKind, Encoded, Level, Pieces, Request};

use super::Run;
use super::cache::{Look, Place};
use super::stream::{Item, Part, Stream};
use crate::cli::Shard;

/// What is wanted of the encoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wants {
    /// Maps over pieces.
    pub pieces: bool,
    /// Maps over words, merged by this rule.
    pub words: Option<MergeRule>,
    /// The peaks of maps over words, merged by this rule.
    pub peaks: Option<MergeRule>,
    /// Hidden states.
    pub states: bool,
}

impl Wants {
    /// Maps over words.
    pub fn words(rule: MergeRule) -> Self {
        Self { words: Some(rule), ..Self::default() }
    }

    /// Whether maps are wanted, over whatever.
    pub(super) fn attention(self) -> bool {
        self.pieces || self.words.is_some()
    }

    /// What two want together; `None` where one answer cannot serve both.
    fn with(self, other: Self) -> Option<Self> {
        let one = |a: Option<MergeRule>, b: Option<MergeRule>| match (a, b) {
            (Some(a), Some(b)) if a != b => None,
            _ => Some(a.or(b)),
        };
        Some(Self {
            pieces: self.pieces || other.pieces,
            words: one(self.words, other.words)?,
            peaks: one(self.peaks, other.peaks)?,
            states: self.states || other.states,
        })
    }

    /// The same as the encoder is asked it.
    pub(super) fn request(self, kind: AttentionKind) -> Request {
        let attention = match (self.pieces, self.words) {
            (true, Some(rule)) => Some(Level::Both(rule)),
            (true, None) => Some(Level::Pieces),
            (false, words) => words.map(Level::Words),
        };
        Request { attention, peaks: self.peaks, states: self.states, kind, ..Request::default() }
    }
}

/// What one reader made of one input.
pub type Made = Box<dyn Any + Send>;

/// How a reader reduces what the encoder says about an input, on many threads.
pub type Reduce<'a> = Box<dyn Fn(&Item, &Pieces, &Encoded) -> Result<Made> + Send + Sync + 'a>;

/// What a reader still has to read.
pub struct Reading<'a> {
    /// Inputs before this one were read earlier.
    pub from: usize,
    /// Of the others these alone are read; all where there is no list.
    pub only: Option<&'a BTreeSet<usize>>,
    /// What is wanted of each.
    pub wants: Wants,
    /// What is made of each.
    pub reduce: Reduce<'a>,
}

impl Reading<'_> {
    /// Whether it reads an input, by its number in the pass; `base` inputs of the stream stand before the pass.
    pub(super) fn reads(&self, number: usize, base: usize) -> bool {
        number >= self.from && self.only.is_none_or(|only| only.contains(&(base + number)))
    }
}

/// Where what a reader made goes.
pub trait Sink {
    /// Takes what was made of an input, in order; `None` where the input was skipped.
    ///
    /// # Errors
    /// A disk that does not take it.
    fn take(&mut self, number: usize, made: Option<Made>) -> Result<()>;

    /// Ends it: complete, with all inputs that there are, or with what came so far kept for a later call.
    ///
    /// # Errors
    /// A disk that does not take it.
    fn end(self: Box<Self>, inputs: Option<usize>) -> Result<()>;
}

/// A reader that is not complete.
pub struct Filling<'a> {
    /// What it still has to read.
    pub reading: Reading<'a>,
    /// Where that goes.
    pub sink: Box<dyn Sink + 'a>,
}

/// What is made of the inputs of a stream and kept on disk.
pub trait Reader {
    /// What it reads.
    fn stream(&self) -> Stream;

    /// The draw of random weights whose answers it reads; `None` for the model of the run.
    fn draw(&self) -> Option<usize>;

    /// What it wants of the encoder.
    fn wants(&self) -> Wants;

    /// What it is, for people.
    fn what(&self) -> String;

    /// What it reads, from the input of this number on.
    ///
    /// # Errors
    /// When the model cannot be read.
    fn reading(&self, run: &mut Run, from: usize) -> Result<Reading<'_>>;

    /// Bytes that what was made of an input takes in a shard.
    ///
    /// # Errors
    /// When it is not what this reader makes.
    fn bytes(&self, made: &Made) -> Result<usize>;

    /// Where it is kept, or a shard of it.
    ///
    /// # Errors
    /// When what names it cannot be read.
    fn place(&self, run: &mut Run, shard: Option<Shard>) -> Result<Place>;

    /// `None` where it is complete and whole; else what fills it, with the turn to do so. The same of a shard of it.
    ///
    /// # Errors
    /// A disk that does not take it.
    fn open(&self, run: &mut Run, shard: Option<Shard>) -> Result<Option<Filling<'_>>>;

    /// What lies at its place, or that of a shard.
    ///
    /// # Errors
    /// When what names it cannot be read.
    fn look(&self, run: &mut Run, shard: Option<Shard>) -> Result<Look>;

    /// Gives what a complete shard holds to `take`, from the input of this number within the shard on; returns how many
    /// inputs the shard has.
    ///
    /// # Errors
    /// When it cannot be read, and those of `take`.
    fn replay(&self, run: &mut Run, shard: Shard, from: usize, take: &mut Take<'_>) -> Result<usize>;

    /// Whether it lies in the cache, where other runs find it, and can be made in shards.
    fn is_shared(&self) -> bool {
        true
    }
}

/// Who takes what a shard holds: the number of an input within it, and what was made of it.
pub type Take<'a> = dyn FnMut(usize, Option<Made>) -> Result<()> + 'a;

/// What a kind asks of the passes of a run.
pub type Ask = Box<dyn Reader>;

/// Readers that one pass serves.
pub(super) struct Group<'a> {
    pub(super) stream: Stream,
    pub(super) draw: Option<usize>,
    pub(super) wants: Wants,
    pub(super) readers: Vec<(Place, &'a dyn Reader)>,
    /// The numbers of those who ask for one of them.
    pub(super) asked_by: BTreeSet<usize>,
}

impl Run {
    /// Fills readers, those of one stream and one model in one pass. What is complete costs nothing.
    ///
    /// # Errors
    /// Those of the passes.
    pub fn fill(&mut self, readers: &[&dyn Reader]) -> Result<()> {
        for group in self.groups(readers.iter().map(|reader| (0, *reader)))? {
            self.fill_group(&group)?;
        }
        Ok(())
    }

    /// Runs the passes that kinds ask for; `ask` says what the kind of a number asks.
    ///
    /// # Errors
    /// Those of `ask` and of the passes, which name the kinds that asked.
    pub fn serve(&mut self, kinds: &[String], ask: impl Fn(&mut Self, usize) -> Result<Vec<Ask>>) -> Result<()> {
        let asked = self.asked(kinds, ask)?;
        for group in self.groups(asked.iter().map(|(kind, reader)| (*kind, reader.as_ref())))? {
            let who = || group.asked_by.iter().map(|kind| kinds[*kind].as_str()).collect::<Vec<_>>().join(", ");
            self.fill_group(&group).with_context(who)?;
        }
        Ok(())
    }

    /// The passes that it takes to fill readers, in the order of their first ones; with each comes the number of who asks for it.
    pub(super) fn groups<'a>(
        &mut self,
        readers: impl IntoIterator<Item = (usize, &'a dyn Reader)>,
    ) -> Result<Vec<Group<'a>>> {
        let mut groups: Vec<Group<'a>> = Vec::new();
        for (asked_by, reader) in readers {
            let place = reader.place(self, None)?;
            if self.complete.contains(&place) {
                continue;
            }
            if let Some(known) = groups.iter_mut().find(|it| it.readers.iter().any(|(known, _)| *known == place)) {
                known.asked_by.insert(asked_by);
                continue;
            }
            let (stream, draw, wants) = (reader.stream(), reader.draw(), reader.wants());
            let shared = groups.iter_mut().find_map(|group| {
                let wants = group.wants.with(wants).filter(|_| (group.stream, group.draw) == (stream, draw))?;
                Some((group, wants))
            });
            match shared {
                Some((group, together)) => {
                    group.wants = together;
                    group.readers.push((place, reader));
                    group.asked_by.insert(asked_by);
                }
                None => {
                    let (readers, asked_by) = (vec![(place, reader)], BTreeSet::from([asked_by]));
                    groups.push(Group { stream, draw, wants, readers, asked_by });
                }
            }
        }
        // Who takes several turns takes them in one order, so that no two runs wait for each other.
        groups.iter_mut().for_each(|group| group.readers.sort_by(|(a, _), (b, _)| a.cmp(b)));
        Ok(groups)
    }

    pub(super) fn fill_group(&mut self, group: &Group<'_>) -> Result<()> {
        for (place, _) in &group.readers {
            // From now on until the run ends nobody removes it.
            self.in_use.push(place.in_use()?);
        }
        let mut in_shards = self.gather_shards(group)?;
        let mut fillings = Vec::new();
        for (place, reader) in &group.readers {
            let Some(filling) = reader.open(self, None)? else { continue };
            match in_shards.remove(place) {
                Some(count) => self.join_shards(*reader, count, filling)?,
                None => fillings.push(filling),
            }
        }
        self.pass(group, Part::Whole, fillings)?;
        for (place, reader) in &group.readers {
            self.remove_shards(place, *reader)?;
            self.complete.insert(place.clone());
        }
        Ok(())
    }

    /// One pass, or a part of it, for those of a group that are not complete.
    pub(super) fn pass(&mut self, group: &Group<'_>, part: Part, fillings: Vec<Filling<'_>>) -> Result<()> {
        if fillings.is_empty() {
            return Ok(());
        }
        // What is complete by now is asked no more.
        let wants = fillings.iter().try_fold(Wants::default(), |all, it| all.with(it.reading.wants));
        let wants = wants.context("readers of a group can be served together")?;
        self.in_draw(group.draw, |run| run.encode(group.stream, part, wants, fillings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoder_is_asked_for_what_readers_want_together() {
        let (mean, first) = (MergeRule::Mean, MergeRule::First);
        let pieces = Wants { pieces: true, ..Wants::default() };
        let peaks = Wants { peaks: Some(mean), ..Wants::default() };
        let all = pieces.with(Wants::words(mean)).and_then(|both| both.with(peaks)).unwrap();
        assert_eq!(all, Wants { pieces: true, words: Some(mean), peaks: Some(mean), states: false });
        let request = all.request(AttentionKind::Norms);
        assert_eq!((request.attention, request.peaks), (Some(Level::Both(mean)), Some(mean)));
        assert_eq!((request.kind, request.states), (AttentionKind::Norms, false));
        assert_eq!(peaks.request(AttentionKind::Weights).attention, None);
        assert_eq!(pieces.request(AttentionKind::Weights).attention, Some(Level::Pieces));
        // Maps merged by two rules take two passes.
        assert_eq!(Wants::words(mean).with(Wants::words(first)), None);
    }

    #[test]
    fn a_reader_reads_from_where_it_stopped_and_no_more_than_it_lists() {
        let only = BTreeSet::from([2, 5, 9]);
        let reading = |only| Reading {
            from: 5,
            only,
            wants: Wants::default(),
            reduce: Box::new(|_, _, _| Ok(Box::new(()) as Made)),
        };
        let read = |only| (0..10).filter(|number| reading(only).reads(*number, 0)).collect::<Vec<_>>();
        assert_eq!((read(None), read(Some(&only))), (vec![5, 6, 7, 8, 9], vec![5, 9]));
        // In a shard, inputs are numbered from its first on, and lists hold numbers of the stream.
        let (before, within) = (BTreeSet::from([2, 5, 9, 14]), reading(None));
        assert!(within.reads(5, 4) && !reading(Some(&before)).reads(4, 1));
        assert!(reading(Some(&before)).reads(5, 9) && reading(Some(&before)).reads(5, 4));
    }
}
