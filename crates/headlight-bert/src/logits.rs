//! What a language-model head says of every piece of its vocabulary, before the softmax.

use ndarray::Array2;

use crate::{
    HeadMask, MaskedLm, MaskedLmError, Pieces,
    batch::Batch,
    packed::Buffer,
    padded::{host, longest},
};

impl MaskedLm {
    /// The logits of each input, axes `[position, piece]`. A masked model's row is about the piece at its position, a causal
    /// model's about the one behind it.
    ///
    /// # Errors
    /// Inputs that are not this model's.
    pub fn logits(&self, inputs: &[&Pieces]) -> Result<Vec<Array2<f32>>, MaskedLmError> {
        self.check_pieces(inputs)?;
        let rows: Vec<Vec<usize>> = inputs.iter().map(|input| (0..input.len()).collect()).collect();
        let rows: Vec<&[usize]> = rows.iter().map(Vec::as_slice).collect();
        let states = self.encoder.final_states(inputs, &rows, &[&HeadMask::new()]).concat();
        let (mut rest, mut room) = (&states[..], Buffer::default());
        let of_input = |input: &&Pieces| {
            let (own, others) = rest.split_at(input.len() * self.spec.breadth);
            rest = others;
            let by_piece = self.head.logits(&self.encoder, own, &mut room);
            Array2::from_shape_fn((input.len(), self.spec.vocabulary), |(position, piece)| {
                by_piece[piece * input.len() + position]
            })
        };
        Ok(inputs.iter().map(of_input).collect())
    }

    /// The same by the encoder in burn: slower, a witness of the other.
    ///
    /// # Errors
    /// Inputs that are not this model's.
    pub fn reference_logits(&self, inputs: &[&Pieces]) -> Result<Vec<Array2<f32>>, MaskedLmError> {
        self.check_pieces(inputs)?;
        if inputs.is_empty() {
            return Ok(Vec::new());
        }
        let longest = longest(inputs, Pieces::len);
        let batch = Batch::new(inputs, longest, &Default::default());
        let logits = host(self.reference().logits_of(&self.spec, &batch));
        let vocabulary = self.spec.vocabulary;
        let of_input = |(number, input): (usize, &&Pieces)| {
            Array2::from_shape_fn((input.len(), vocabulary), |(position, piece)| {
                logits[(number * longest + position) * vocabulary + piece]
            })
        };
        Ok(inputs.iter().enumerate().map(of_input).collect())
    }

    pub(crate) fn check_pieces(&self, inputs: &[&Pieces]) -> Result<(), MaskedLmError> {
        inputs.iter().enumerate().try_for_each(|(input, pieces)| {
            pieces.check(&self.spec).map_err(|problem| MaskedLmError::Unfit { input, problem })
        })
    }
}
