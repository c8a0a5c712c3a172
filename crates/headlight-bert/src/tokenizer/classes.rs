//! The classes of tokenizers that transformers has: what they take from files, and what they add of their own.

/// Classes that tokenize as BERT does, from a vocabulary and their settings.
const OF_BERT: [&str; 10] = [
    "BertTokenizer",
    "ConvBertTokenizer",
    "DistilBertTokenizer",
    "DPRContextEncoderTokenizer",
    "DPRQuestionEncoderTokenizer",
    "DPRReaderTokenizer",
    "ElectraTokenizer",
    "LayoutLMTokenizer",
    "MobileBertTokenizer",
    "SqueezeBertTokenizer",
];

/// Classes that split text by code of their own, which no file describes.
const BY_CODE: [&str; 27] = [
    "BartphoTokenizer",
    "BertGenerationTokenizer",
    "BertJapaneseTokenizer",
    "BertweetTokenizer",
    "BioGptTokenizer",
    "BlenderbotSmallTokenizer",
    "ByT5Tokenizer",
    "CTRLTokenizer",
    "CanineTokenizer",
    "CpmAntTokenizer",
    "CpmTokenizer",
    "EsmTokenizer",
    "FSMTTokenizer",
    "FlaubertTokenizer",
    "GPTNeoXJapaneseTokenizer",
    "GPTSw3Tokenizer",
    "JapaneseBertTokenizer",
    "M2M100Tokenizer",
    "MarianTokenizer",
    "MyT5Tokenizer",
    "PerceiverTokenizer",
    "PhobertTokenizer",
    "PLBartTokenizer",
    "ProphetNetTokenizer",
    "RoCBertTokenizer",
    "TapasTokenizer",
    "XLMTokenizer",
];

/// The class that transformers takes for a model whose folder names none.
const OF_MODELS: [(&str, &str); 14] = [
    ("albert", "AlbertTokenizer"),
    ("camembert", "CamembertTokenizer"),
    ("deberta-v2", "DebertaV2Tokenizer"),
    ("gpt2", "GPT2Tokenizer"),
    ("gpt_neox", "GPTNeoXTokenizer"),
    ("llama", "LlamaTokenizer"),
    ("mistral", "LlamaTokenizer"),
    ("modernbert", "PreTrainedTokenizerFast"),
    ("mpnet", "MPNetTokenizer"),
    ("qwen2", "Qwen2Tokenizer"),
    ("qwen3", "Qwen2Tokenizer"),
    ("roberta", "RobertaTokenizer"),
    ("xlm-roberta", "XLMRobertaTokenizer"),
    ("xlm-roberta-xl", "XLMRobertaTokenizer"),
];

/// How a class makes a tokenizer out of files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// It takes the vocabulary of `tokenizer.json` or `vocab.txt` and normalizes as its settings say.
    Bert,
    /// It takes `tokenizer.json` as it stands, or `vocab.txt` as BERT does.
    WholeOrTxt,
    /// It takes `tokenizer.json` as it stands, or `vocab.json` and `merges.txt` with these splits.
    WholeOrMerges(Splits),
    /// It takes `tokenizer.json` as it stands, or a model of SentencePiece.
    WholeOrModel,
    /// It takes `tokenizer.json` as it stands.
    Whole,
}

/// Where a byte-level tokenizer splits text before it merges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Splits {
    Gpt2,
    Qwen2,
}

/// What a class puts around a text without being told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Surroundings {
    Nothing,
    /// `[CLS] A [SEP]`, `[CLS] A [SEP] B [SEP]`, by whatever names.
    Bert,
    /// `<s> A </s>`, `<s> A </s></s> B </s>`, all of one segment.
    Roberta,
}

/// The default names of pieces with a role, in the order of [`Class::names`].
type Defaults = [Option<&'static str>; 7];

/// What is known of a class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    pub way: Way,
    /// What stands around a text where no file says it.
    pub around: Surroundings,
    /// Names of the pieces of roles cls, sep, unk, mask, pad, bos, eos.
    pub names: Defaults,
}

const BERT_NAMES: Defaults = [Some("[CLS]"), Some("[SEP]"), Some("[UNK]"), Some("[MASK]"), Some("[PAD]"), None, None];
const ALBERT_NAMES: Defaults = [Some("[CLS]"), Some("[SEP]"), Some("<unk>"), Some("[MASK]"), Some("<pad>"), None, None];
const ROBERTA_NAMES: Defaults = [Some("<s>"), Some("</s>"), Some("<unk>"), Some("<mask>"), Some("<pad>"), None, None];
const MPNET_NAMES: Defaults = [Some("<s>"), Some("</s>"), Some("[UNK]"), Some("<mask>"), Some("<pad>"), None, None];
const END: Option<&str> = Some("<|endoftext|>");
const GPT2_NAMES: Defaults = [None, None, END, None, None, END, END];
const QWEN_NAMES: Defaults = [None, None, END, None, END, None, END];
const LLAMA_NAMES: Defaults = [None, None, Some("<unk>"), None, None, Some("<s>"), Some("</s>")];

impl Class {
    /// That of a folder which names none, for a model of no known type.
    pub const BERT: Class = Class { way: Way::Bert, around: Surroundings::Bert, names: BERT_NAMES };

    /// A class by its name without `Fast`. `None` where it splits text by code of its own.
    pub fn find(name: &str) -> Option<Self> {
        if BY_CODE.contains(&name) {
            return None;
        }
        if OF_BERT.contains(&name) {
            return Some(Self::BERT);
        }
        let class = |way, around, names| Some(Class { way, around, names });
        match name {
            "AlbertTokenizer" => class(Way::Whole, Surroundings::Bert, ALBERT_NAMES),
            "DebertaV2Tokenizer" => class(Way::WholeOrModel, Surroundings::Bert, BERT_NAMES),
            "MPNetTokenizer" => class(Way::WholeOrTxt, Surroundings::Roberta, MPNET_NAMES),
            "RobertaTokenizer" | "LongformerTokenizer" | "BartTokenizer" => {
                class(Way::WholeOrMerges(Splits::Gpt2), Surroundings::Roberta, ROBERTA_NAMES)
            }
            "XLMRobertaTokenizer" | "CamembertTokenizer" => class(Way::Whole, Surroundings::Roberta, ROBERTA_NAMES),
            "GPT2Tokenizer" => class(Way::WholeOrMerges(Splits::Gpt2), Surroundings::Nothing, GPT2_NAMES),
            "GPTNeoXTokenizer" => class(Way::Whole, Surroundings::Nothing, GPT2_NAMES),
            "Qwen2Tokenizer" => class(Way::WholeOrMerges(Splits::Qwen2), Surroundings::Nothing, QWEN_NAMES),
            "LlamaTokenizer" => class(Way::Whole, Surroundings::Nothing, LLAMA_NAMES),
            _ => class(Way::Whole, Surroundings::Nothing, [None; 7]),
        }
    }

    /// The class of a model whose folder names none.
    pub fn of_model(model_type: &str) -> Option<&'static str> {
        OF_MODELS.iter().find(|(model, _)| *model == model_type).map(|(_, class)| *class)
    }
}
