//! What the passes of a config will take, from a few of their inputs, evenly spaced: each is encoded and made of what it will be
//! made of, and thrown away.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::Run;
use super::reader::{Ask, Filling, Group, Made, Reader, Sink};
use super::stream::{Part, Stream};

/// A pass to come.
pub struct Planned {
    /// What it goes over: `evaluate`, `evaluate, random weights 1`.
    pub name: String,
    /// What it makes.
    pub made: Vec<String>,
    /// Whether all of that is in the cache.
    pub is_there: bool,
    /// Sentences, documents or pairs, and what they are called.
    pub inputs: usize,
    /// See `inputs`.
    pub unit: &'static str,
    /// What a sample leads to expect; `None` where nothing was tried.
    pub estimate: Option<Estimate>,
}

/// What a sample leads to expect of a pass.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// Time of the whole pass.
    pub time: Duration,
    /// Bytes of all that it keeps.
    pub bytes: u64,
    /// Inputs that were tried.
    pub tried: usize,
}

/// What was tried of a stream, for which readers.
struct Tried {
    stream: Stream,
    made: Vec<String>,
    estimate: Option<Estimate>,
}

impl Run {
    /// The passes that kinds ask for, in their order; `ask` is as in [`Run::serve`]. Of each about `sample` inputs are tried; of
    /// random weights the model's own pass tells.
    ///
    /// # Errors
    /// Those of reading and of the encoder.
    pub fn plan(
        &mut self,
        sample: usize,
        kinds: &[String],
        ask: impl Fn(&mut Self, usize) -> Result<Vec<Ask>>,
    ) -> Result<Vec<Planned>> {
        let asked = self.asked(kinds, ask)?;
        let (mut planned, mut tried) = (Vec::new(), Vec::<Tried>::new());
        // How many inputs a stream has, and how long it takes to read them.
        let mut read: Vec<(Stream, (usize, Duration))> = Vec::new();
        for group in self.groups(asked.iter().map(|(kind, reader)| (*kind, reader.as_ref())))? {
            let mut is_there = true;
            for (_, reader) in &group.readers {
                is_there &= reader.is_shared() && self.is_there(*reader)?;
            }
            let (inputs, reading) = match read.iter().find(|(stream, _)| *stream == group.stream) {
                Some((_, known)) => *known,
                None => {
                    let clock = Instant::now();
                    let known = (self.count_anew(group.stream)?, clock.elapsed());
                    read.push((group.stream, known));
                    known
                }
            };
            let made: Vec<String> = group.readers.iter().map(|(_, reader)| reader.what()).collect();
            let is_known =
                |tried: &&Tried| tried.stream == group.stream && made.iter().all(|made| tried.made.contains(made));
            let known = tried.iter().find(is_known);
            let estimate = match known {
                Some(known) if group.draw.is_some() => known.estimate.clone(),
                _ if sample == 0 || inputs == 0 => None,
                _ => Some(self.estimate(&group, (sample, inputs), reading)?),
            };
            tried.push(Tried { stream: group.stream, made: made.clone(), estimate: estimate.clone() });
            let draw = group.draw.map_or_else(String::new, |draw| format!(", random weights {}", draw + 1));
            let unit = match group.stream {
                Stream::Windows(..) => "documents",
                Stream::Packed => "sequences",
                Stream::Trees(_) | Stream::Words(_) => "sentences",
            };
            planned.push(Planned {
                name: format!("{}{draw}", group.stream.name()),
                made,
                is_there,
                inputs,
                unit,
                estimate,
            });
        }
        Ok(planned)
    }

    fn estimate(&mut self, group: &Group<'_>, (sample, inputs): (usize, usize), reading: Duration) -> Result<Estimate> {
        let bytes: Vec<Rc<Cell<usize>>> = group.readers.iter().map(|_| Rc::default()).collect();
        let mut fillings = Vec::new();
        for ((_, reader), bytes) in group.readers.iter().zip(&bytes) {
            let reading = reader.reading(self, 0)?;
            // What reads some inputs alone reads few of them, and those are not the sample's.
            if reading.only.is_none() {
                let sink = Weighed { reader: *reader, bytes: Rc::clone(bytes) };
                fillings.push(Filling { reading, sink: Box::new(sink) });
            }
        }
        let tried = inputs.div_ceil((inputs / sample).max(1));
        let clock = Instant::now();
        self.pass(group, Part::Sample(sample), fillings)?;
        // Reading goes over everything, for a sample too.
        let encoding = clock.elapsed().saturating_sub(reading);
        let times = inputs as f64 / tried as f64;
        let bytes: usize = bytes.iter().map(|bytes| bytes.get()).sum();
        Ok(Estimate { time: reading + encoding.mul_f64(times), bytes: (bytes as f64 * times) as u64, tried })
    }
}

/// Counts the bytes of what is made.
struct Weighed<'a> {
    reader: &'a dyn Reader,
    bytes: Rc<Cell<usize>>,
}

impl Sink for Weighed<'_> {
    fn take(&mut self, _: usize, made: Option<Made>) -> Result<()> {
        let bytes = made.map_or(Ok(0), |made| self.reader.bytes(&made))?;
        self.bytes.set(self.bytes.get() + bytes);
        Ok(())
    }

    fn end(self: Box<Self>, _: Option<usize>) -> Result<()> {
        Ok(())
    }
}
