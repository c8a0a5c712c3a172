//! Losses and gradients on the fixture model, against PyTorch (`fixtures/tiny_bert.py`).

use std::collections::BTreeMap;

use crate::support::{Golden, check_golden, fixture, shared};
use headlight_attention::{Alignment, AttentionHead, Frame};
use headlight_bert::{
    HeadMask, LoadOptions, MaskedLm, MaskedLmError, MaskedPieces, Masking, Model, Pieces, SpecialPieces,
};

const SPECIAL: SpecialPieces = SpecialPieces { cls: Some(2), sep: Some(3), unk: Some(1), mask: Some(4), space: None };

fn golden() -> Golden {
    Golden::read(&fixture("tiny-bert-golden.safetensors"))
}

fn masked_lm() -> MaskedLm {
    MaskedLm::load(&fixture("tiny-bert"), &LoadOptions::default()).unwrap()
}

fn pieces(ids: Vec<u32>) -> Pieces {
    let words = (1..ids.len() - 1).map(|piece| piece..piece + 1).collect();
    let alignment = Alignment::new(&Frame::bert(), ids.len(), words).unwrap();
    Pieces { segments: vec![0; ids.len()], ids, alignment, unpieced_words: 0 }
}

fn inputs(golden: &Golden) -> Vec<MaskedPieces> {
    let input = |number: usize| {
        let mut ids = golden.ids(&format!("ids.{number}"));
        let positions = golden.ids(&format!("masked_positions.{number}"));
        let labels = golden.ids(&format!("masked_labels.{number}"));
        positions.iter().for_each(|position| ids[*position as usize] = 4);
        let targets = positions.into_iter().map(|position| position as usize).zip(labels).collect();
        MaskedPieces { pieces: pieces(ids), targets }
    };
    (0..3).map(input).collect()
}

#[track_caller]
fn check(found: &[f32], what: String, golden: &Golden) {
    check_golden("", golden, &what, found);
}

#[test]
fn losses_and_gradients_equal_pytorch_in_one_batch_and_alone() {
    let (golden, model) = (golden(), masked_lm());
    let inputs = inputs(&golden);
    let together = model.gradients(&inputs.iter().collect::<Vec<_>>()).unwrap();
    let alone = inputs.iter().flat_map(|input| model.gradients(&[input]).unwrap()).collect();
    for answers in [together, alone] {
        assert_eq!(answers.len(), 3);
        for (number, answer) in answers.iter().enumerate() {
            check(&[answer.loss as f32], format!("loss.{number}"), &golden);
            check(answer.attention.weights(), format!("masked_attention.{number}"), &golden);
            check(answer.attention_gradients.weights(), format!("attention_gradient.{number}"), &golden);
            check(&answer.gate_gradients, format!("gate_gradient.{number}"), &golden);
        }
    }
}

/// Inputs of one length are not padded: callers take them together for speed, and lose no digit.
#[test]
fn inputs_of_one_length_have_the_gradients_that_they_have_alone() {
    let model = masked_lm();
    for length in [3, 8, 13] {
        let input = |number: usize| {
            let mut ids: Vec<u32> = (0..length).map(|at| 5 + ((at * 7 + number * 11) % 20) as u32).collect();
            let targets: BTreeMap<usize, u32> =
                (1..length - 1).filter(|at| at % (number + 1) == 0 || *at == 1).map(|at| (at, ids[at])).collect();
            targets.keys().for_each(|at| ids[*at] = 4);
            MaskedPieces { pieces: pieces(ids), targets }
        };
        let inputs: Vec<MaskedPieces> = (0..9).map(input).collect();
        let together = model.gradients(&inputs.iter().collect::<Vec<_>>()).unwrap();
        let alone: Vec<_> = inputs.iter().flat_map(|input| model.gradients(&[input]).unwrap()).collect();
        assert!(together == alone, "{length} pieces");
    }
}

#[test]
fn losses_with_masked_heads_equal_pytorch() {
    let (golden, model) = (golden(), masked_lm());
    let inputs = inputs(&golden);
    let inputs: Vec<&MaskedPieces> = inputs.iter().collect();
    let head = |layer, index| AttentionHead { layer, index };
    let mask =
        HeadMask::from([(head(0, 1), Masking::Zero), (head(2, 2), Masking::Zero), (head(1, 0), Masking::Uniform)]);
    for (what, mask) in [("loss", HeadMask::new()), ("ablated_loss", mask)] {
        for (number, loss) in model.losses(&inputs, &[&mask]).unwrap().remove(0).into_iter().enumerate() {
            check(&[loss as f32], format!("{what}.{number}"), &golden);
        }
    }
}

/// A gate's gradient says how the loss changes when the head fades, and so must not be that of another head.
#[test]
fn a_gates_gradient_is_the_sum_over_its_own_weights() {
    // ∂L/∂ξ = Σ ∂L/∂α · α when the head's output is linear in its weights, which it is.
    let (golden, model) = (golden(), masked_lm());
    for answer in model.gradients(&inputs(&golden).iter().collect::<Vec<_>>()).unwrap() {
        let grid = answer.attention.grid();
        for head in grid.iter() {
            let products = answer.attention.head(head).iter().zip(answer.attention_gradients.head(head));
            let sum: f32 = products.map(|(weight, gradient)| weight * gradient).sum();
            assert!((sum - answer.gate_gradients[grid.number(head)]).abs() < 1e-4, "{head}");
        }
    }
}

/// Callers share one model between threads.
#[test]
fn models_are_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&masked_lm());
    shared(&Model::load(&fixture("tiny-bert"), &LoadOptions::default()).unwrap());
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    let model = masked_lm();
    let good = MaskedPieces { pieces: pieces(vec![2, 4, 8, 3]), targets: [(1, 9)].into() };
    let check = |bad: MaskedPieces, message: &str| {
        let error = model.gradients(&[&good, &bad]).unwrap_err();
        assert_eq!(error.to_string(), message);
    };
    check(MaskedPieces { targets: [].into(), ..good.clone() }, "input 2: no piece is masked");
    check(
        MaskedPieces { targets: [(4, 9)].into(), ..good.clone() },
        "input 2: piece 9 at position 4 cannot be guessed",
    );
    check(
        MaskedPieces { targets: [(1, 94)].into(), ..good.clone() },
        "input 2: piece 94 at position 1 cannot be guessed",
    );
    let unfit = MaskedPieces { pieces: pieces(vec![2, 94, 3]), ..good.clone() };
    check(unfit, "input 2: piece id 94, but the model's vocabulary has 94 pieces");
    let head = AttentionHead { layer: 0, index: 3 };
    let error = model.losses(&[&good], &[&HeadMask::from([(head, Masking::Zero)])]).unwrap_err();
    assert!(matches!(error, MaskedLmError::NoSuchHead { head: found, .. } if found == head));
    assert_eq!(model.gradients(&[]).unwrap(), []);
}

#[test]
fn masking_hides_a_share_behind_the_mask() {
    let whole = pieces(vec![2, 20, 21, 22, 3, 23, 24, 25, 26, 27, 28, 3]);
    for seed in 0..20 {
        let masked = MaskedPieces::draw(&whole, SPECIAL, 0.3, seed).unwrap();
        assert_eq!(masked.targets.len(), 3);
        for (position, id) in whole.ids.iter().enumerate() {
            match masked.targets.get(&position) {
                Some(target) => assert_eq!((target, masked.pieces.ids[position]), (id, 4)),
                None => assert_eq!(masked.pieces.ids[position], *id),
            }
        }
        assert!(!masked.targets.contains_key(&0) && !masked.targets.contains_key(&4));
        assert_eq!(MaskedPieces::draw(&whole, SPECIAL, 0.3, seed), Some(masked));
    }
    let draws: std::collections::BTreeSet<Vec<usize>> = (0..20)
        .map(|seed| MaskedPieces::draw(&whole, SPECIAL, 0.3, seed).unwrap().targets.into_keys().collect())
        .collect();
    assert!(draws.len() > 10, "seeds differ: {draws:?}");
    assert_eq!(MaskedPieces::draw(&pieces(vec![2, 20, 3]), SPECIAL, 0.01, 1).unwrap().targets, [(1, 20)].into());
    assert_eq!(MaskedPieces::draw(&pieces(vec![2, 3]), SPECIAL, 0.5, 1), None);
    assert_eq!(MaskedPieces::draw(&whole, SpecialPieces { mask: None, ..SPECIAL }, 0.5, 1), None);
}

#[test]
fn a_checkpoint_without_the_head_names_one_that_has_it() {
    assert!(Model::load(&fixture("tiny-bert"), &LoadOptions::default()).unwrap().has_masked_lm_head());
    let Some(folder) = shared("data/minilm-l6") else { return };
    let error = MaskedLm::load(&folder, &LoadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("minilm-l6 has no masked-language-model head"), "{error}");
    assert!(error.contains("bert-base-uncased has"), "{error}");
}
