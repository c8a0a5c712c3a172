//! The encoders on the fixture model, against PyTorch (`fixtures/tiny_bert.py`).

use std::{fs, num::NonZeroUsize};

use crate::support::{Golden, TOLERANCE, check_golden, check_mixing, encode_all, fixture, max_difference};
use headlight_attention::{AttentionHead, MergeRule, merge};
use headlight_bert::{
    AttentionKind, Device, Encoded, HeadMask, Level, LoadOptions, Masking, Model, Pieces, Precision, Request,
    StreamError,
};

const DEVICES: [Device; 2] = [Device::Cpu, Device::Ndarray];
const SENTENCES: [&str; 3] = ["the old cat sat on a mat .", "her dog was reading that book", "trees !"];

fn model(device: Device) -> Model {
    Model::load(&fixture("tiny-bert"), &LoadOptions { device, ..Default::default() }).unwrap()
}

fn golden() -> Golden {
    Golden::read(&fixture("tiny-bert-golden.safetensors"))
}

/// The fixture's inputs: three sentences and a pair.
fn inputs(model: &Model) -> Vec<Pieces> {
    let tokenizer = model.tokenizer();
    let words = |text: &str| tokenizer.words(&text.split(' ').collect::<Vec<_>>(), 128).unwrap();
    let [a, b] = ["the head of", "an old tree"].map(|text| tokenizer.ids(text).unwrap());
    SENTENCES.into_iter().map(words).chain([tokenizer.pair(&a, &b, 128).unwrap()]).collect()
}

fn everything() -> Request {
    Request { attention: Some(Level::Pieces), states: true, ..Default::default() }
}

/// All inputs as one stream, so that they share padded batches.
fn encode(model: &Model, inputs: &[Pieces], request: &Request) -> Vec<Encoded> {
    encode_all(model, inputs, request, |encoded| encoded)
}

fn maps(encoded: &Encoded) -> &[f32] {
    encoded.maps.as_ref().unwrap().weights()
}

fn states(encoded: &Encoded) -> Vec<f32> {
    encoded.states.as_ref().unwrap().view().iter().copied().collect()
}

#[track_caller]
fn check(device: Device, what: &str, found: &[f32], golden: &Golden) {
    check_golden(&device.to_string(), golden, what, found);
}

#[test]
fn ids_attention_and_states_equal_pytorch() {
    let golden = golden();
    for device in DEVICES {
        let model = model(device);
        let inputs = inputs(&model);
        for (number, (input, encoded)) in inputs.iter().zip(encode(&model, &inputs, &everything())).enumerate() {
            assert_eq!(input.ids, golden.ids(&format!("ids.{number}")));
            assert_eq!(input.segments, golden.ids(&format!("segments.{number}")));
            check(device, &format!("attention.{number}"), maps(&encoded), &golden);
            check(device, &format!("hidden.{number}"), &states(&encoded), &golden);
        }
    }
}

#[test]
fn norms_equal_pytorch() {
    let golden = golden();
    for device in DEVICES {
        let model = model(device);
        let request = Request { kind: AttentionKind::Norms, attention: Some(Level::Pieces), ..Default::default() };
        for (number, encoded) in encode(&model, &inputs(&model), &request).iter().enumerate() {
            check(device, &format!("norms.{number}"), maps(encoded), &golden);
        }
    }
}

#[test]
fn maps_of_layers_equal_those_of_their_definitions() {
    let golden = Golden::read(&fixture("tiny-bert-mixing.safetensors"));
    for device in DEVICES {
        let model = model(device);
        check_mixing(&device.to_string(), &model, &inputs(&model), &golden);
    }
}

#[test]
fn every_activation_equals_pytorch() {
    let golden = golden();
    for activation in ["gelu_new", "gelu_pytorch_tanh", "relu"] {
        let folder = tempfile::tempdir().unwrap();
        for file in fs::read_dir(fixture("tiny-bert")).unwrap().map(Result::unwrap) {
            fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
        let config = folder.path().join("config.json");
        let text = fs::read_to_string(&config).unwrap().replace(r#""gelu""#, &format!(r#""{activation}""#));
        fs::write(&config, text).unwrap();
        for device in DEVICES {
            let model = Model::load(folder.path(), &LoadOptions { device, ..Default::default() }).unwrap();
            let input = &inputs(&model)[0];
            let states = states(&model.encode(input, &everything()).unwrap());
            let last = &states[3 * input.len() * 24..];
            let name = activation.replace("pytorch_tanh", "new");
            check(device, &format!("last_hidden.{name}"), last, &golden);
        }
    }
}

#[test]
fn masked_heads_do_no_work() {
    let golden = golden();
    let head = |layer, index| AttentionHead { layer, index };
    let masked_heads =
        HeadMask::from([(head(0, 1), Masking::Zero), (head(2, 2), Masking::Zero), (head(1, 0), Masking::Uniform)]);
    for device in DEVICES {
        let model = model(device);
        let mut inputs = inputs(&model);
        inputs.truncate(3);
        for (number, input) in inputs.iter_mut().enumerate() {
            for position in golden.ids(&format!("masked_positions.{number}")) {
                input.ids[position as usize] = model.tokenizer().special().mask.unwrap();
            }
        }
        let request = Request { masked_heads: masked_heads.clone(), ..everything() };
        for (number, encoded) in encode(&model, &inputs, &request).iter().enumerate() {
            check(device, &format!("ablated_hidden.{number}"), &states(encoded), &golden);
            let maps = encoded.maps.as_ref().unwrap();
            let share = 1.0 / inputs[number].len() as f32;
            assert!(maps.head(head(0, 1)).iter().all(|weight| *weight == 0.0));
            assert!(maps.head(head(1, 0)).iter().all(|weight| (weight - share).abs() < 1e-7));
        }
        let unknown = Request { masked_heads: HeadMask::from([(head(3, 0), Masking::Zero)]), ..everything() };
        let error = model.encode(&inputs[0], &unknown).unwrap_err().to_string();
        assert_eq!(error, "there is no head 4-1 to mask: the model has 3 layers of 3 heads");
    }
}

#[test]
fn words_are_merged_by_every_rule() {
    for device in DEVICES {
        let model = model(device);
        let inputs = inputs(&model);
        let whole = encode(&model, &inputs, &everything());
        for rule in [MergeRule::Mean, MergeRule::First, MergeRule::Max] {
            let request = Request { attention: Some(Level::Words(rule)), ..Default::default() };
            for ((input, whole), encoded) in inputs.iter().zip(&whole).zip(encode(&model, &inputs, &request)) {
                let expected = merge(whole.maps.as_ref().unwrap(), &input.alignment, rule);
                let worst = max_difference(encoded.words.unwrap().weights(), expected.weights());
                assert!(worst <= 1e-6, "{device} {rule:?}: {worst}");
            }
        }
    }
}

#[test]
fn an_answer_depends_neither_on_its_batch_nor_on_threads() {
    for device in DEVICES {
        let inputs: Vec<Pieces> = inputs(&model(device)).iter().cycle().take(1200).cloned().collect();
        let answers = |threads| {
            let threads = NonZeroUsize::new(threads);
            let options = LoadOptions { device, threads, ..Default::default() };
            let model = Model::load(&fixture("tiny-bert"), &options).unwrap();
            encode(&model, &inputs, &everything())
        };
        let (one, three) = (answers(1), answers(3));
        assert!(one == three, "{device}: another number of threads, another result");
        let model = model(device);
        for (input, batched) in inputs.iter().zip(&one).take(4) {
            let alone = model.encode(input, &everything()).unwrap();
            assert!(max_difference(maps(&alone), maps(batched)) <= 1e-6, "{device}");
            assert!(max_difference(&states(&alone), &states(batched)) <= TOLERANCE, "{device}");
        }
    }
}

#[test]
fn random_init_keeps_the_embeddings_only() {
    let trained = model(Device::Cpu);
    let input = &inputs(&trained)[0];
    let random = |seed| {
        let options = LoadOptions { random_init: Some(seed), ..Default::default() };
        let model = Model::load(&fixture("tiny-bert"), &options).unwrap();
        model.encode(input, &everything()).unwrap()
    };
    let trained = trained.encode(input, &everything()).unwrap();
    let (first, again, other) = (random(1), random(1), random(2));
    assert_eq!(first, again);
    assert_ne!(maps(&first), maps(&other));
    assert_ne!(maps(&first), maps(&trained));
    let embedded = input.len() * 24;
    assert_eq!(states(&first)[..embedded], states(&trained)[..embedded]);
}

#[test]
fn the_first_error_in_input_order_ends_a_stream() {
    let model = model(Device::Cpu);
    let good = inputs(&model)[0].clone();
    let mut bad = good.clone();
    bad.ids[3] = 94;
    let run = |inputs: Vec<Result<Pieces, &'static str>>, stop_at: usize| {
        let mut folded = Vec::new();
        let stream = inputs.into_iter().enumerate().map(|(number, input)| input.map(|pieces| (number, pieces)));
        let result = model.stream(
            stream,
            &everything(),
            |number, _, _| number,
            |number| {
                if number == stop_at {
                    return Err("stop");
                }
                folded.push(number);
                Ok(())
            },
        );
        (folded, result)
    };
    let many: Vec<_> = (0..1000).map(|_| Ok(good.clone())).collect();
    let (folded, result) = run(many.clone(), 700);
    assert_eq!(folded, (0..700).collect::<Vec<_>>());
    assert!(matches!(result, Err(StreamError::Caller("stop"))));

    let mut with_error = many.clone();
    with_error[450] = Err("broken");
    let (folded, result) = run(with_error, usize::MAX);
    assert_eq!(folded, (0..450).collect::<Vec<_>>());
    assert!(matches!(result, Err(StreamError::Caller("broken"))));

    let mut with_unfit = many;
    with_unfit[3] = Ok(bad);
    let (folded, result) = run(with_unfit, usize::MAX);
    assert_eq!(folded, [0, 1, 2]);
    assert_eq!(result.unwrap_err().to_string(), "input 4: piece id 94, but the model's vocabulary has 94 pieces");
}

#[test]
fn a_device_that_is_not_there_is_a_clear_error() {
    assert_eq!(
        "gpu".parse::<Device>().unwrap_err().to_string(),
        "no device is called `gpu`; there are cpu, ndarray and cuda"
    );
    for device in Device::ALL {
        assert_eq!(device.to_string().parse(), Ok(device));
    }
    for (device, precision) in [(Device::Cpu, Precision::F16), (Device::Ndarray, Precision::Bf16)] {
        let options = LoadOptions { device, precision, ..Default::default() };
        let error = Model::load(&fixture("tiny-bert"), &options).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("device {device} computes in f32, not in {precision}; choose precision f32, or device cuda")
        );
    }
    if let Err(problem) = Device::Cuda.check() {
        let options = LoadOptions { device: Device::Cuda, ..Default::default() };
        let error = Model::load(&fixture("tiny-bert"), &options).unwrap_err();
        assert_eq!(error.to_string(), problem.to_string());
        assert!(error.to_string().contains("device cuda"), "{error}");
    }
}
