//! What is remembered of each parameter, and how it is cut into parts that do not depend on the number of threads.

use std::ops::Range;

use super::super::GradientError;
use super::SavedDynamics;

/// Parameters in a part: enough work to be worth a thread's while, few enough to stay in the second-level cache while the
/// inputs are checked and then used.
const PART: usize = 16_384;

/// 24 bytes a parameter: previous gradient and weight, running averages of gradient, weight and squared gradient, and
/// fifteen steps of being near zero, of being exactly zero, and the sign of the last change, in one word.
#[derive(Clone, Debug)]
pub(super) struct State {
    old_g: Vec<f32>,
    old_w: Vec<f32>,
    mean_g: Vec<f32>,
    mean_w: Vec<f32>,
    squares: Vec<f32>,
    history: Vec<u32>,
}

/// A stretch of one layer: this step's inputs and the state they meet.
pub(super) struct Part<'a> {
    pub(super) layer: usize,
    pub(super) g: &'a [f32],
    pub(super) w: &'a [f32],
    pub(super) second: Option<&'a [f32]>,
    pub(super) old_g: &'a mut [f32],
    pub(super) old_w: &'a mut [f32],
    pub(super) mean_g: &'a mut [f32],
    pub(super) mean_w: &'a mut [f32],
    pub(super) squares: &'a mut [f32],
    pub(super) history: &'a mut [u32],
}

impl State {
    pub(super) fn zeros(length: usize) -> Self {
        let zeros = || vec![0.0; length];
        Self {
            old_g: zeros(),
            old_w: zeros(),
            mean_g: zeros(),
            mean_w: zeros(),
            squares: zeros(),
            history: vec![0; length],
        }
    }

    pub(super) fn len(&self) -> usize {
        self.old_g.len()
    }

    /// Averages begin at the first step's values, so that they need no correction for having begun at zero.
    pub(super) fn begin(&mut self, weights: &[f32], gradients: &[f32]) {
        self.old_g.copy_from_slice(gradients);
        self.mean_g.copy_from_slice(gradients);
        self.old_w.copy_from_slice(weights);
        self.mean_w.copy_from_slice(weights);
        for (square, gradient) in self.squares.iter_mut().zip(gradients) {
            let seen = if gradient.abs() < super::kernel::SMALLEST { 0.0 } else { *gradient };
            *square = seen * seen;
        }
    }

    pub(super) fn parts<'a>(
        &'a mut self,
        layers: &[(String, Range<usize>)],
        weights: &'a [f32],
        gradients: &'a [f32],
        second: Option<&'a [f32]>,
    ) -> Vec<Part<'a>> {
        let mut rest = (
            self.old_g.as_mut_slice(),
            self.old_w.as_mut_slice(),
            self.mean_g.as_mut_slice(),
            self.mean_w.as_mut_slice(),
            self.squares.as_mut_slice(),
            self.history.as_mut_slice(),
        );
        let mut parts = Vec::new();
        for (layer, (_, range)) in layers.iter().enumerate() {
            for start in range.clone().step_by(PART) {
                let at = start..(start + PART).min(range.end);
                let n = at.len();
                parts.push(Part {
                    layer,
                    g: &gradients[at.clone()],
                    w: &weights[at.clone()],
                    second: second.map(|second| &second[at]),
                    old_g: first(&mut rest.0, n),
                    old_w: first(&mut rest.1, n),
                    mean_g: first(&mut rest.2, n),
                    mean_w: first(&mut rest.3, n),
                    squares: first(&mut rest.4, n),
                    history: first(&mut rest.5, n),
                });
            }
        }
        parts
    }

    pub(super) fn save(&self) -> Vec<(&'static str, Vec<f32>)> {
        // Half words are whole numbers that f32 holds exactly, where whole words might be no numbers at all.
        let half = |shift: u32| self.history.iter().map(|word| (word >> shift & 0xffff) as f32).collect();
        vec![
            ("gradient", self.old_g.clone()),
            ("mean_gradient", self.mean_g.clone()),
            ("mean_weight", self.mean_w.clone()),
            ("mean_square", self.squares.clone()),
            ("history_low", half(0)),
            ("history_high", half(16)),
        ]
    }

    pub(super) fn load(length: usize, saved: &SavedDynamics, weights: &[f32]) -> Result<Self, GradientError> {
        let refuse = |detail: String| GradientError::State { detail };
        let array = |name: &str| {
            let found = saved.arrays.iter().find(|(known, _)| *known == name).map(|(_, values)| values);
            let values = found.ok_or_else(|| refuse(format!("has no `{name}`")))?;
            if values.len() != length {
                return Err(refuse(format!("has {} numbers in `{name}`, and there are {length}", values.len())));
            }
            match values.iter().find(|value| !value.is_finite()) {
                Some(value) => Err(refuse(format!("holds {value} in `{name}`"))),
                None => Ok(values.clone()),
            }
        };
        if weights.len() != length {
            return Err(GradientError::Length { what: "the weights", found: weights.len(), expected: length });
        }
        let (low, high) = (array("history_low")?, array("history_high")?);
        let mut history = Vec::with_capacity(length);
        for (low, high) in low.into_iter().zip(high) {
            let half = |value: f32| {
                let whole = (0.0..=65_535.0).contains(&value) && value.fract() == 0.0;
                whole.then_some(value as u32).ok_or_else(|| refuse(format!("holds {value} in a history")))
            };
            history.push(half(high)? << 16 | half(low)?);
        }
        Ok(Self {
            old_g: array("gradient")?,
            old_w: weights.to_vec(),
            mean_g: array("mean_gradient")?,
            mean_w: array("mean_weight")?,
            squares: array("mean_square")?,
            history,
        })
    }
}

/// Takes the first `n` places off a slice.
fn first<'a, T>(rest: &mut &'a mut [T], n: usize) -> &'a mut [T] {
    let (taken, left) = std::mem::take(rest).split_at_mut(n);
    *rest = left;
    taken
}
