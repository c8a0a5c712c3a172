//! Readers of a pass: what is made of each input and kept on disk, so that it is made once. A pass serves any number of readers
//! at once; the encoder is asked for what they want together.

use std::any::Any;
use std::collections::BTreeSet;

use anyhow::{Context, Result};
use headlight_attention::MergeRule;
use headlight_bert::{AttentionKind, Encoded, Level, Pieces, Request};

use super::Run;
use super::cache::Place;
use super::stream::{Item, Stream};

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
    pub(super) fn reads(&self, number: usize) -> bool {
        number >= self.from && self.only.is_none_or(|only| only.contains(&number))
    }
}

/// Where what a reader made goes.
pub trait Sink {
    /// Takes what was made of an input, in order; `None` where the input was skipped.
    ///
    /// # Errors
    /// A disk that does not take it.
    fn take(&mut self, number: usize, item: &Item, made: Option<Made>) -> Result<()>;

    /// Ends it: complete, or with what came so far kept for a later call.
    ///
    /// # Errors
    /// A disk that does not take it.
    fn end(self: Box<Self>, complete: bool) -> Result<()>;
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

    /// Where it is kept.
    ///
    /// # Errors
    /// When what names it cannot be read.
    fn place(&self, run: &mut Run) -> Result<Place>;

    /// `None` where it is complete and whole; else what fills it, with the turn to do so.
    ///
    /// # Errors
    /// A disk that does not take it.
    fn open(&self, run: &mut Run) -> Result<Option<Filling<'_>>>;
}

/// What a kind asks of the passes of a run.
pub type Ask = Box<dyn Reader>;

/// Readers that one pass serves.
struct Group<'a> {
    stream: Stream,
    draw: Option<usize>,
    wants: Wants,
    readers: Vec<(Place, &'a dyn Reader)>,
    /// The numbers of those who ask for one of them.
    asked_by: BTreeSet<usize>,
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
        let mut asked: Vec<(usize, Ask)> = Vec::new();
        for (number, kind) in kinds.iter().enumerate() {
            asked.extend(ask(self, number).with_context(|| kind.clone())?.into_iter().map(|reader| (number, reader)));
        }
        for group in self.groups(asked.iter().map(|(kind, reader)| (*kind, reader.as_ref())))? {
            let who = || group.asked_by.iter().map(|kind| kinds[*kind].as_str()).collect::<Vec<_>>().join(", ");
            self.fill_group(&group).with_context(who)?;
        }
        Ok(())
    }

    /// The passes that it takes to fill readers, in the order of their first ones; with each comes the number of who asks for it.
    fn groups<'a>(&mut self, readers: impl IntoIterator<Item = (usize, &'a dyn Reader)>) -> Result<Vec<Group<'a>>> {
        let mut groups: Vec<Group<'a>> = Vec::new();
        for (asked_by, reader) in readers {
            let place = reader.place(self)?;
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

    fn fill_group(&mut self, group: &Group<'_>) -> Result<()> {
        let mut fillings = Vec::new();
        for (place, reader) in &group.readers {
            // From now on until the run ends nobody removes it.
            self.in_use.push(place.in_use()?);
            fillings.extend(reader.open(self)?);
        }
        if !fillings.is_empty() {
            // What is complete by now is asked no more.
            let wants = fillings.iter().try_fold(Wants::default(), |all, it| all.with(it.reading.wants));
            let wants = wants.context("readers of a group can be served together")?;
            self.in_draw(group.draw, |run| run.encode(group.stream, wants, fillings))?;
        }
        self.complete.extend(group.readers.iter().map(|(place, _)| place.clone()));
        Ok(())
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
        let read = |only| (0..10).filter(|number| reading(only).reads(*number)).collect::<Vec<_>>();
        assert_eq!((read(None), read(Some(&only))), (vec![5, 6, 7, 8, 9], vec![5, 9]));
    }
}
