//! A training step: loss, gradients, update.

use kymograph_linalg::{Real, matmul, parallel};
use ndarray::{ArrayView2, aview1};

use super::codes::Codes;
use super::model::Dictionary;
use super::products::Packed;
use super::spec::{DecoderNorm, Variant};
use super::vectors::add_scaled;
use crate::error::NetsError;
use crate::optim::Optimiser;

/// ReLU codes with fewer than one entry in so many are multiplied entry by entry.
const SPARSE: usize = 16;
/// How far the cutoff moves towards each batch's least value.
const CUTOFF_RATE: f64 = 0.01;

/// What a step says of its batch, before the update.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DictionaryStats {
    /// What is minimised.
    pub loss: f64,
    /// Squared error of an example, summed over outputs, mean over examples.
    pub error: f64,
    /// Latents used an example, mean over examples.
    pub l0: f64,
    /// Sum of an example's code, mean over examples.
    pub l1: f64,
    /// Root of the sum of squares of all gradients.
    pub gradient_norm: f64,
}

/// Buffers of the last batch, kept for the next.
#[derive(Clone, Default)]
pub(super) struct Space<T> {
    pub(super) pre: Vec<T>,
    pub(super) codes: Vec<T>,
    pub(super) slopes: Vec<T>,
    pub(super) errors: Vec<T>,
    pub(super) packed: Packed<T>,
}

/// A batch with its inputs centred, in row order.
pub(super) struct Batch<'a, T> {
    pub(super) inputs: ArrayView2<'a, T>,
    pub(super) targets: ArrayView2<'a, T>,
}

impl<T: Real> Batch<'_, T> {
    pub(super) fn examples(&self) -> usize {
        self.inputs.nrows()
    }
}

/// The gradients' parts, to be written at the same time.
pub(super) struct Slopes<'a, T> {
    /// None where the encoder is the decoder.
    pub(super) encoder: Option<&'a mut [T]>,
    /// Of `b_enc`, or of `b_gate`.
    pub(super) bias: &'a mut [T],
    /// Of `r_mag` and `b_mag`.
    pub(super) magnitude: Option<[&'a mut [T]; 2]>,
    pub(super) log_threshold: Option<&'a mut [T]>,
    pub(super) decoder: &'a mut [T],
    /// Of the output bias as the decoder's, not yet as the input's offset.
    pub(super) output_bias: Option<&'a mut [T]>,
}

/// What a pass found, summed over the batch.
#[derive(Default)]
pub(super) struct Found {
    /// Squared errors of the whole dictionary's output.
    pub(super) error: f64,
    /// All that is minimised, scaled.
    pub(super) loss: f64,
    pub(super) active: usize,
    pub(super) l1: f64,
    pub(super) used: Vec<bool>,
    /// The least value among the codes, where a threshold is to be learned from it.
    pub(super) least: Option<f64>,
}

impl<T: Real> Dictionary<T> {
    /// Loss and gradients of a batch. `inputs` is example × input; `targets`, example × output, is what a transcoder
    /// rebuilds, and `inputs` where there is none. Rows of the decoder are rescaled first, where the spec says so.
    ///
    /// # Errors
    /// Arrays of other widths, or whose examples differ in number, or with entries that are not finite; a loss or gradients
    /// that are not finite.
    pub fn gradient(
        &mut self,
        inputs: ArrayView2<'_, T>,
        targets: Option<ArrayView2<'_, T>>,
    ) -> Result<DictionaryStats, NetsError> {
        Ok(self.pass(inputs, targets)?.0)
    }

    /// One step of `optimiser` on a batch, as [`Dictionary::gradient`].
    ///
    /// # Errors
    /// Those of [`Dictionary::gradient`], after which nothing has changed; an optimiser of another dictionary.
    pub fn train_step(
        &mut self,
        inputs: ArrayView2<'_, T>,
        targets: Option<ArrayView2<'_, T>>,
        optimiser: &mut Optimiser<T>,
    ) -> Result<DictionaryStats, NetsError> {
        optimiser.check_network(&self.layout)?;
        let (stats, found) = self.pass(inputs, targets)?;
        if self.spec.norm == DecoderNorm::Projected {
            self.project();
        }
        if let (true, Some(decoder)) = (self.spec.frozen, self.range("W_dec")) {
            self.gradients[decoder].fill(T::ZERO);
        }
        optimiser.update(&self.kernels, &mut self.parameters, &self.gradients);
        if self.spec.norm == DecoderNorm::Projected {
            self.normalise();
        }
        for (idle, used) in self.idle.iter_mut().zip(found.used) {
            *idle = if used { T::ZERO } else { *idle + T::ONE };
        }
        if let Some(least) = found.least {
            let before = self.cutoff.to_f64();
            let rate = if before == 0.0 { 1.0 } else { CUTOFF_RATE };
            self.cutoff = T::from_f64(before + (least - before) * rate);
        }
        Ok(stats)
    }

    fn pass(
        &mut self,
        inputs: ArrayView2<'_, T>,
        targets: Option<ArrayView2<'_, T>>,
    ) -> Result<(DictionaryStats, Found), NetsError> {
        self.check(inputs, "the activations", self.spec.inputs)?;
        let targets = match targets {
            Some(targets) => {
                self.check(targets, "the targets", self.spec.outputs)?;
                if targets.nrows() != inputs.nrows() {
                    return Err(NetsError::Shape {
                        what: "the targets".into(),
                        expected: format!("[{}, {}], a row for each of the inputs", inputs.nrows(), self.spec.outputs),
                        found: targets.shape().to_vec(),
                    });
                }
                targets
            }
            None if self.spec.inputs == self.spec.outputs => inputs,
            None => {
                return Err(NetsError::Shape {
                    what: "the targets".into(),
                    expected: format!("[examples, {}]: a transcoder rebuilds another array", self.spec.outputs),
                    found: Vec::new(),
                });
            }
        };
        if self.spec.norm == DecoderNorm::EveryForward {
            self.normalise();
        }
        let centred = self.centred(inputs);
        let targets = targets.as_standard_layout();
        let batch = Batch { inputs: centred.view(), targets: targets.view() };
        let mut space = std::mem::take(&mut self.space);
        let mut gradients = std::mem::take(&mut self.gradients);
        gradients.fill(T::ZERO);
        let found = self.split(&mut gradients, |slopes| self.both_ways(&batch, slopes, &mut space));
        if self.spec.centred {
            self.through_the_offset(&mut gradients);
        }
        self.space = space;
        self.gradients = gradients;
        let examples = batch.examples() as f64;
        let stats = DictionaryStats {
            loss: found.loss,
            error: found.error / examples,
            l0: found.active as f64 / examples,
            l1: found.l1 / examples,
            gradient_norm: self.kernels.sum_of_squares(&self.gradients).sqrt(),
        };
        if !(stats.loss.is_finite() && stats.gradient_norm.is_finite()) {
            return Err(NetsError::NotFinite {
                what: "the loss of the dictionary".into(),
                position: "the batch".into(),
                remedy: "lower the learning rate, or scale the activations".into(),
            });
        }
        Ok((stats, found))
    }

    fn both_ways(&self, batch: &Batch<'_, T>, slopes: Slopes<'_, T>, space: &mut Space<T>) -> Found {
        self.pack_encoder(&mut space.packed);
        match self.spec.variant {
            Variant::Relu { l1 } => {
                let active = self.rectified(batch, space);
                let (_, penalty) = self.spec.scales(batch.examples());
                if active * SPARSE > batch.examples() * self.spec.latents {
                    return self.dense(batch, slopes, space);
                }
                let (width, stride) = (self.spec.latents, self.stride());
                let rows = parallel::blocks(batch.examples(), super::encode::ROWS);
                let blocks = parallel::map_indices(rows.len(), |at| {
                    Codes::of_dense(&space.pre[rows[at].start * stride..rows[at].end * stride], width, stride)
                });
                let codes = super::encode::joined(width, blocks);
                self.sparse(batch, &codes, None, l1 * penalty, slopes, space)
            }
            Variant::JumpRelu { .. } | Variant::Gated { .. } => self.dense(batch, slopes, space),
            Variant::TopK { .. } | Variant::BatchTopK { .. } | Variant::Matryoshka { .. } => {
                let encoded = self.encode_sparse(batch.inputs, &space.packed);
                let auxiliary = encoded.auxiliary.as_ref();
                let mut found = self.sparse(batch, &encoded.codes, auxiliary, 0.0, slopes, space);
                if !matches!(self.spec.variant, Variant::TopK { .. }) {
                    let least = encoded.codes.values.iter().map(|v| v.to_f64()).fold(f64::INFINITY, f64::min);
                    found.least = least.is_finite().then_some(least);
                }
                found
            }
        }
    }

    /// The output bias is also taken off the inputs: less `W_enc` times the slopes of the pre-activations.
    fn through_the_offset(&self, gradients: &mut [T]) {
        let gated = matches!(self.spec.variant, Variant::Gated { .. });
        let (Some(bias), Some(output)) = (self.range(if gated { "b_gate" } else { "b_enc" }), self.range("b_dec"))
        else {
            return;
        };
        let mut read = gradients[bias].to_vec();
        if gated {
            // The magnitudes read the same pre-activations, stretched.
            let magnitudes = self.range("b_mag").map_or(&[][..], |range| &gradients[range]);
            for ((read, &slope), &scale) in read.iter_mut().zip(magnitudes).zip(self.values("r_mag")) {
                *read += slope * scale.exp();
            }
        }
        let through = matmul(aview1(&read).insert_axis(ndarray::Axis(0)), self.encoder());
        add_scaled(&mut gradients[output], -T::ONE, through.as_slice().unwrap_or_default());
    }

    /// The flat gradients cut into their parts.
    fn split<R>(&self, gradients: &mut [T], work: impl FnOnce(Slopes<'_, T>) -> R) -> R {
        let mut parts: Vec<(&str, &mut [T])> = Vec::new();
        let mut rest = gradients;
        for parameter in &self.layout.parameters {
            let (part, after) = rest.split_at_mut(parameter.range.len());
            parts.push((&parameter.name, part));
            rest = after;
        }
        let mut take =
            |name: &str| parts.iter_mut().find(|(known, _)| *known == name).map(|(_, part)| std::mem::take(part));
        let magnitude = match (take("r_mag"), take("b_mag")) {
            (Some(scale), Some(bias)) => Some([scale, bias]),
            _ => None,
        };
        let slopes = Slopes {
            encoder: take("W_enc"),
            bias: take("b_enc").or_else(|| take("b_gate")).unwrap_or_default(),
            magnitude,
            log_threshold: take("log_threshold"),
            decoder: take("W_dec").unwrap_or_default(),
            output_bias: take("b_dec"),
        };
        work(slopes)
    }
}
