//! Encoders, tokenizers and checkpoints against transformers and PyTorch. One binary, so that it links once; `cuda.rs` is another,
//! to be taken to a machine with a GPU.

#![allow(clippy::print_stderr, reason = "a test that does not run says so")]

mod alignment;
mod bert_base_shape;
mod checkpoint;
mod families;
mod gradients;
mod likelihood;
mod minilm;
mod peaks;
mod pytorch;
mod sample;
mod support;
mod tiny;
mod tokenizer;
