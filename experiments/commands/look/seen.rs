//! From sentences to what the page shows of them.

use anyhow::{Result, anyhow, bail, ensure};
use headlight_bert::{AttentionKind, Encoded, Level, Pieces, Request, Skip, StreamError, Visibility};
use headlight_report::look::{Look, LookSentence, MOST_BYTES, Over, Pair, Side};
use headlight_treebank::{Sentence, reattach};

use super::asked::{Asked, Beside, Text};
use super::pieces::labels;
use crate::cli::LookArgs;
use crate::commands::given::{given, model_keys};
use crate::commands::parse::parser::{Parser, ParserArgs};
use crate::config::{Input, Settings};
use crate::run::{LoadedModel, pieces};

/// The model where none is named: the one inside the binary.
const DEFAULT_MODEL: &str = "sample";

/// Sentences encoded at a time, so that no more are than the page has room for.
const CHUNK: usize = 8;

/// Characters of a heading.
const LONGEST_TITLE: usize = 120;

/// The page.
pub fn page(args: &LookArgs, asked: &Asked) -> Result<Look> {
    let parser = args.probe.as_deref().map(|run| {
        let named = ParserArgs { run, name: args.name.as_deref(), model: asked.model.as_deref(), vectors: None };
        Parser::load(&named, &asked.text.input)
    });
    let mut parser = parser.transpose()?;
    let first = match &mut parser {
        Some(parser) => match parser.model.is_some() {
            true => None,
            false => Some(Reader::of(parser.settings.clone())?),
        },
        None => Some(Reader::load(asked.model.as_deref().unwrap_or(DEFAULT_MODEL), args)?),
    };
    let trees = |text: &Text| Trees::of(text, parser.as_ref());
    let (own, other) = (
        trees(&asked.text)?,
        match &asked.beside {
            Some(Beside::Text(text)) => Some(trees(text)?),
            _ => None,
        },
    );
    let first = match (first, parser) {
        (Some(reader), _) => reader,
        (None, Some(Parser { settings, model: Some(model), .. })) => Reader { settings, model },
        (None, _) => unreachable!("a model is loaded where the parser has none"),
    };
    let second_model = match &asked.beside {
        Some(Beside::Model(name)) => Some(Reader::load(name, args)?),
        _ => None,
    };
    let second = match (&second_model, &asked.beside) {
        (Some(reader), _) => Some((reader, &own, &asked.text)),
        (None, Some(Beside::Text(text))) => Some((&first, other.as_ref().unwrap_or(&own), text)),
        (None, _) => None,
    };
    let seen = Seen::of(&first, &own, &asked.text, second.as_ref(), args)?;
    let mut notes = vec![first.said()];
    notes.extend(second_model.as_ref().map(Reader::said));
    notes.push(how_split(&first, args, &asked.text));
    notes.extend(own.said.clone());
    notes.extend(seen.notes);
    let is_same_model = second_model.is_none();
    let name = |reader: &Reader| reader.model.summary().display_name();
    let mut sides = seen.sides.into_iter();
    let side = |reader: &Reader, sentences: Vec<LookSentence>| Side {
        // Of one model, the sentences say which side is which.
        name: if second.is_some() && is_same_model { String::new() } else { name(reader) },
        grid: reader.grid(),
        frame: reader.model.model.tokenizer().frame().clone(),
        shares: reader.kind().has_distributions(),
        sentences,
    };
    let first_side = side(&first, sides.next().unwrap_or_default());
    let second_side = second.as_ref().map(|(reader, ..)| side(reader, sides.next().unwrap_or_default()));
    let second = second_side.map(|other| {
        let pairs = first_side.sentences.iter().zip(&other.sentences);
        let beside = |(one, two): (&LookSentence, &LookSentence)| {
            one.beside(&first_side.frame, two, &other.frame, is_same_model)
        };
        let pairs: Vec<Pair> = pairs.map(beside).collect();
        (other, pairs)
    });
    Ok(Look { version: env!("CARGO_PKG_VERSION").to_owned(), title: title(asked), notes, first: first_side, second })
}

/// The sentence, or what several lie in.
fn title(asked: &Asked) -> String {
    let of = |text: &Text| match text.sentences.as_slice() {
        [sentence] => {
            let whole = sentence.text().map_or_else(|| sentence.forms().join(" "), str::to_owned);
            let cut: String = whole.chars().take(LONGEST_TITLE).collect();
            if cut.len() < whole.len() { format!("{cut}…") } else { cut }
        }
        several => format!("{}: {} sentences", file_name(text), several.len()),
    };
    match &asked.beside {
        Some(Beside::Text(other)) => format!("{} / {}", of(&asked.text), of(other)),
        _ => of(&asked.text),
    }
}

fn file_name(text: &Text) -> String {
    text.input.name.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn how_split(reader: &Reader, args: &LookArgs, text: &Text) -> String {
    let input = match reader.input(args, text) {
        Input::Text => "The model read the text as it stands.",
        Input::Words => "The model read the words one by one, as if single spaces stood between them.",
    };
    let words = match (text.is_split_here, args.words) {
        (true, _) => {
            "Words were split at white space, and punctuation off their ends: U.S. keeps its period, and don't stays whole. \
             Treebanks and scripts without spaces need other words: give them split, with --words, or as CoNLL-U."
        }
        (false, true) => "Words are what white space separates (--words).",
        (false, false) => "Words are those of the file.",
    };
    let merged = "Over words, attention to a word is the sum over its pieces, and that from it is merged by";
    format!("{words} {input} {merged} {} (`treebank.merge`).", reader.settings.treebank.merge)
}

/// Sentences with the trees that are shown.
struct Trees {
    sentences: Vec<Sentence>,
    has_relations: bool,
    said: Option<String>,
}

impl Trees {
    fn of(text: &Text, parser: Option<&Parser>) -> Result<Self> {
        let Some(parser) = parser else {
            let any = text.sentences.iter().any(|sentence| !sentence.is_unparsed());
            let said = any.then(|| format!("The tree is that of {}.", file_name(text)));
            return Ok(Self { sentences: text.sentences.clone(), has_relations: true, said });
        };
        let governors = parser.governors(&text.sentences)?;
        let parsed = text.sentences.iter().zip(governors).map(|(sentence, governors)| match governors {
            Some(governors) => Ok(reattach(sentence, &governors, None)?),
            None => Ok(sentence.clone()),
        });
        Ok(Self {
            sentences: parsed.collect::<Result<_>>()?,
            has_relations: false,
            said: Some(format!("The tree is what the probe {} predicts; it knows no relations.", parser.said)),
        })
    }
}

/// A model that reads sentences.
struct Reader {
    settings: Settings,
    model: LoadedModel,
}

/// One side of the page before it is encoded: its reader, its sentences, where they come from.
type Half<'a> = (&'a Reader, &'a Trees, &'a Text);

impl Reader {
    fn load(model: &str, args: &LookArgs) -> Result<Self> {
        Self::of(given("look", &format!("[model]\n{}\n", model_keys(model)), &args.sets)?)
    }

    fn of(settings: Settings) -> Result<Self> {
        let model = LoadedModel::load(&settings)?;
        Ok(Self { settings, model })
    }

    /// Of text that is split here the model sees the text itself, unless the settings want otherwise.
    fn input(&self, args: &LookArgs, text: &Text) -> Input {
        let is_set = args.probe.is_some() || args.sets.iter().any(|set| set.trim_start().starts_with("treebank.input"));
        if text.is_split_here && !is_set { Input::Text } else { self.settings.treebank.input }
    }

    fn kind(&self) -> AttentionKind {
        self.settings.model.attention_kind()
    }

    fn grid(&self) -> headlight_attention::HeadGrid {
        self.kind().grid(self.model.model.spec().grid)
    }

    /// What the model is, for the notes.
    fn said(&self) -> String {
        let (summary, model) = (self.model.summary(), &self.model.model);
        let causal = match summary.visibility {
            Visibility::Full => "",
            Visibility::Causal => " It is causal: a position attends to itself and to what stands before it.",
        };
        let frame = summary.frame.specials();
        let special =
            if frame == 0 { "no special pieces".to_owned() } else { format!("special pieces {}", summary.frame) };
        let warnings =
            model.tokenizer().warnings().iter().chain(model.warnings()).map(|warning| format!(" {warning}."));
        format!(
            "{}: {}, {} layers × {} heads, {special}. Attention is `model.attention = \"{}\"`.{causal}{}",
            summary.display_name(),
            summary.architecture,
            summary.layers,
            summary.heads,
            self.settings.model.attention,
            warnings.collect::<String>()
        )
    }

    fn pieces(&self, sentence: &Sentence, input: Input) -> Result<Pieces, Skip> {
        let keys = crate::config::TreebankConfig { input, ..self.settings.treebank.clone() };
        pieces(sentence, self.model.model.tokenizer(), &keys)
    }

    /// Why a sentence cannot be shown.
    fn refusal(&self, number: usize, skip: Skip) -> String {
        let name = self.model.summary().display_name();
        match skip {
            Skip::TooManyPieces { pieces, limit } => {
                let has = format!("sentence {number} has {pieces} pieces with {name}, and {limit} are the most");
                match self.model.model.spec().max_pieces() {
                    own if own <= limit => format!("{has} that the model reads; shorten it"),
                    own => format!("{has}; shorten it, or raise `treebank.max_pieces` by --set, to {own} at most"),
                }
            }
            other => format!("sentence {number}: {}", other.reason()),
        }
    }

    fn encode(&self, sentences: &[(&Sentence, Pieces)], has_relations: bool) -> Result<Vec<LookSentence>> {
        let rule = self.settings.treebank.merge_rule();
        let request = Request { attention: Some(Level::Both(rule)), kind: self.kind(), ..Request::default() };
        let inputs = sentences.iter().map(|(sentence, pieces)| Ok::<_, anyhow::Error>((*sentence, pieces.clone())));
        let tokenizer = self.model.model.tokenizer();
        let mut seen = Vec::new();
        let see = |sentence: &Sentence, pieces: &Pieces, encoded: Encoded| {
            let (Some(over_words), Some(over_pieces)) = (&encoded.words, &encoded.maps) else {
                unreachable!("both were asked for")
            };
            let over =
                Over { pieces: labels(pieces, tokenizer), alignment: &pieces.alignment, over_words, over_pieces };
            LookSentence::new(sentence, has_relations, over)
        };
        let streamed = self.model.model.stream(inputs, &request, see, |sentence| {
            seen.push(sentence);
            Ok(())
        });
        streamed.map_err(|error| match error {
            StreamError::Caller(error) => error,
            other => anyhow!("{other}"),
        })?;
        Ok(seen)
    }
}

/// What is shown of the sentences, and what of them is not.
struct Seen {
    sides: Vec<Vec<LookSentence>>,
    notes: Vec<String>,
}

impl Seen {
    fn of(first: &Reader, own: &Trees, text: &Text, second: Option<&Half<'_>>, args: &LookArgs) -> Result<Self> {
        let halves: Vec<Half<'_>> = [Some((first, own, text)), second.copied()].into_iter().flatten().collect();
        let count = own.sentences.len();
        let (mut refused, mut fitting): (Vec<String>, Vec<Vec<Pieces>>) = (Vec::new(), Vec::new());
        let mut numbers = Vec::new();
        for number in 0..count {
            let read = halves.iter().map(|(reader, trees, text)| {
                let pieces = reader.pieces(&trees.sentences[number], reader.input(args, text));
                pieces.map_err(|skip| reader.refusal(number + 1, skip))
            });
            match read.collect::<Result<Vec<Pieces>, String>>() {
                Ok(pieces) => {
                    numbers.push(number);
                    fitting.push(pieces);
                }
                Err(why) => refused.push(why),
            }
        }
        if let ([], Some(why)) = (numbers.as_slice(), refused.first()) {
            bail!("{why}");
        }
        let mut sides = vec![Vec::new(); halves.len()];
        let mut packed = 0;
        let mut shown = 0;
        for chunk in numbers.chunks(CHUNK) {
            let mut encoded = Vec::new();
            for (at, (reader, trees, _)) in halves.iter().enumerate() {
                let of =
                    |(place, number): (usize, &usize)| (&trees.sentences[*number], fitting[shown + place][at].clone());
                let sentences: Vec<_> = chunk.iter().enumerate().map(of).collect();
                encoded.push(reader.encode(&sentences, trees.has_relations)?.into_iter());
            }
            for _ in chunk {
                let row: Vec<LookSentence> = encoded.iter_mut().filter_map(Iterator::next).collect();
                packed += row.iter().map(LookSentence::packed_bytes).sum::<usize>();
                if packed > MOST_BYTES {
                    break;
                }
                shown += 1;
                sides.iter_mut().zip(row).for_each(|(side, sentence)| side.push(sentence));
            }
            if packed > MOST_BYTES {
                break;
            }
        }
        ensure!(
            shown > 0,
            "the maps of this sentence take {packed} bytes, packed; a page has {MOST_BYTES}: shorten it"
        );
        let mut notes = Vec::new();
        if shown < numbers.len() {
            let note = format!(
                "{shown} of {count} sentences are here, the first ones: a page has room for {MOST_BYTES} bytes of maps."
            );
            tracing::warn!("{note}");
            notes.push(note);
        }
        if let Some(why) = refused.first() {
            let note = format!("{} of {count} sentences were left out; {why}.", refused.len());
            tracing::warn!("{note}");
            notes.push(note);
        }
        for (at, (reader, ..)) in halves.iter().enumerate() {
            notes.extend(legibility(reader, fitting[..shown].iter().map(|pieces| &pieces[at])));
        }
        Ok(Self { sides, notes })
    }
}

/// What of the words the model cannot make out.
fn legibility<'a>(reader: &Reader, pieces: impl Iterator<Item = &'a Pieces>) -> Option<String> {
    let (mut words, mut unknown, mut shared) = (0, 0, 0);
    for pieces in pieces {
        let of = pieces.legibility(reader.model.model.tokenizer().special());
        (words, unknown, shared) = (words + of.words, unknown + of.unknown, shared + of.shared);
    }
    let name = reader.model.summary().display_name();
    let unread = match (unknown, shared) {
        (0, 0) => return None,
        (unknown, 0) => format!("{unknown} of {words} words are nothing but the unknown piece to it"),
        (0, shared) => format!("{shared} of {words} words have the same pieces as the word before"),
        (unknown, shared) => format!(
            "{unknown} of {words} words are nothing but the unknown piece to it, {shared} have the same pieces as the word before"
        ),
    };
    tracing::warn!("{name}: {unread}");
    Some(format!("{name}: {unread}: it sees where they stand, and not what they are."))
}
