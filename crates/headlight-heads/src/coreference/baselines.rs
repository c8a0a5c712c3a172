//! Antecedents chosen without a model.

use super::Mention;
use super::counts::AntecedentPredictor;

/// The mention that a baseline chooses among the preceding ones, which come nearest first. `None` where it chooses none;
/// an attention head is no baseline and chooses none.
pub(super) fn choose<'a>(
    baseline: AntecedentPredictor,
    mention: &Mention,
    mut preceding: impl Iterator<Item = &'a Mention> + 'a,
) -> Option<&'a Mention> {
    match baseline {
        AntecedentPredictor::Head { .. } => None,
        AntecedentPredictor::Nearest => preceding.next(),
        AntecedentPredictor::HeadMatch => preceding.find(|other| other.head_form == mention.head_form),
        AntecedentPredictor::Sieves => {
            let preceding: Vec<&Mention> = preceding.collect();
            SIEVES.iter().find_map(|sieve| preceding.iter().copied().find(|other| sieve(mention, other)))
        }
    }
}

/// Four sieves in the manner of Lee et al. (2011), as §4.3 of Clark et al. (2019) lists them.
const SIEVES: [fn(&Mention, &Mention) -> bool; 4] = [
    |mention, other| other.text == mention.text,
    |mention, other| other.head_form == mention.head_form,
    agree,
    |_, _| true,
];

/// Whether number, gender and person agree. Where the treebank does not say, they do.
fn agree(a: &Mention, b: &Mention) -> bool {
    let same = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
    same(&a.number, &b.number) && same(&a.gender, &b.gender) && same(&a.person, &b.person)
}
