//! What is counted, of a stretch, a layer or everything, and how it becomes named numbers.

use super::super::options::{DynamicsOptions, Threshold};

/// Counts and sums over the parameters whose gradient is near zero by one threshold.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SetCounts {
    /// Within the threshold at the step before.
    pub zero_before: u64,
    /// Within it now, exact zeros included.
    pub zero: u64,
    /// At both steps. Those released are `zero_before − retained`.
    pub retained: u64,
    /// Retained with another sign than before.
    pub flipped: u64,
    /// Retained and neither of the two gradients exactly zero: those that could change sign.
    pub nonzero: u64,
    /// Retained and flipped, (w₂ − w₁)(g₂ − g₁) > 0: minima as published, with the step taken after g₂ was measured.
    pub minima: u64,
    /// The same below 0.
    pub maxima: u64,
    /// Retained and flipped, (w₁ − w₀)(g₂ − g₁) > 0: the step between the two gradients, which are of different minibatches.
    pub aligned_minima: u64,
    /// The same below 0.
    pub aligned_maxima: u64,
    /// Retained and flipped, (w₂ − w₁)(g′ − g₂) > 0 with g′ the gradient of the same minibatch after the step.
    pub true_minima: u64,
    /// The same below 0.
    pub true_maxima: u64,
    /// Σ|w₂ − w₁| over the retained.
    pub change: f64,
    /// Σ|w₂ − w₁| over the retained that kept their sign.
    pub unflipped_change: f64,
    /// Σw₂ over the retained.
    pub weight: f64,
    /// Σg₂ over the retained.
    pub gradient: f64,
    /// Sum over `nonzero` of the chance of a change of sign between independent minibatches.
    pub chance: f64,
}

impl SetCounts {
    fn add(&mut self, other: &Self) {
        for (count, more) in [
            (&mut self.zero_before, other.zero_before),
            (&mut self.zero, other.zero),
            (&mut self.retained, other.retained),
            (&mut self.flipped, other.flipped),
            (&mut self.nonzero, other.nonzero),
            (&mut self.minima, other.minima),
            (&mut self.maxima, other.maxima),
            (&mut self.aligned_minima, other.aligned_minima),
            (&mut self.aligned_maxima, other.aligned_maxima),
            (&mut self.true_minima, other.true_minima),
            (&mut self.true_maxima, other.true_maxima),
        ] {
            *count += more;
        }
        self.change += other.change;
        self.unflipped_change += other.unflipped_change;
        self.weight += other.weight;
        self.gradient += other.gradient;
        self.chance += other.chance;
    }
}

/// What one step shows, of a layer or of everything.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Measured {
    /// Parameters looked at.
    pub parameters: u64,
    /// Gradients that are exactly zero.
    pub exact_zeros: u64,
    /// Running averages of gradients that are zero (below 1e-18).
    pub exact_zero_averages: u64,
    /// Gradients of another sign than before.
    pub flips: u64,
    /// Neither this nor the previous gradient is exactly zero.
    pub nonzero: u64,
    /// Parameters whose gradient, on the same minibatch, moved with the step: curved upward along it.
    pub true_minima: u64,
    /// Moved against it.
    pub true_maxima: u64,
    /// Product of this gradient with the previous one.
    pub dot: f64,
    /// Squared norm of the gradient.
    pub squares: f64,
    /// Squared norm of the previous one.
    pub squares_before: f64,
    /// Squared norm of the weights' change.
    pub change_squares: f64,
    /// Σ|w₂ − w₁|.
    pub change: f64,
    /// Sum over `nonzero` of the chance of a change of sign between independent minibatches.
    pub chance: f64,
    /// By lag: near zero then, near zero then and now, exactly zero then, exactly zero then and now.
    pub persistence: Vec<[u64; 4]>,
    /// By threshold, of the gradients as they come.
    pub raw: Vec<SetCounts>,
    /// By threshold, of the running averages.
    pub averaged: Vec<SetCounts>,
}

impl Measured {
    pub(super) fn empty(options: &DynamicsOptions) -> Self {
        let sets = vec![SetCounts::default(); options.thresholds.len()];
        Self { persistence: vec![[0; 4]; options.lags.len()], raw: sets.clone(), averaged: sets, ..Self::default() }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (count, more) in [
            (&mut self.parameters, other.parameters),
            (&mut self.exact_zeros, other.exact_zeros),
            (&mut self.exact_zero_averages, other.exact_zero_averages),
            (&mut self.flips, other.flips),
            (&mut self.nonzero, other.nonzero),
            (&mut self.true_minima, other.true_minima),
            (&mut self.true_maxima, other.true_maxima),
        ] {
            *count += more;
        }
        self.dot += other.dot;
        self.squares += other.squares;
        self.squares_before += other.squares_before;
        self.change_squares += other.change_squares;
        self.change += other.change;
        self.chance += other.chance;
        for (counts, more) in self.persistence.iter_mut().zip(&other.persistence) {
            counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
        }
        let sets = self.raw.iter_mut().chain(&mut self.averaged);
        sets.zip(other.raw.iter().chain(&other.averaged)).for_each(|(set, more)| set.add(more));
    }

    /// Angle between this gradient and the previous one, degrees; `None` where one of them is zero.
    #[must_use]
    pub fn angle(&self) -> Option<f64> {
        let norms = (self.squares * self.squares_before).sqrt();
        (norms > 0.0).then(|| (self.dot / norms).clamp(-1.0, 1.0).acos().to_degrees())
    }

    /// The step as named numbers. Fractions of nothing are 0, as the published ones are; their counts stand beside them.
    pub(super) fn columns(&self, options: &DynamicsOptions, seen: &Seen, whole: bool) -> Vec<(String, f64)> {
        let mut columns = Vec::with_capacity(160);
        let mut add = |name: String, value: f64| columns.push((name, value));
        let share = |count: u64, of: u64| if of == 0 { 0.0 } else { count as f64 / of as f64 };
        let mean = |sum: f64, of: u64| if of == 0 { 0.0 } else { sum / of as f64 };
        add("exact_zeros".into(), self.exact_zeros as f64);
        add("gradient_norm".into(), self.squares.sqrt());
        if seen.pair {
            add("angle".into(), self.angle().unwrap_or(0.0));
            add("step_norm".into(), self.change_squares.sqrt());
            add("weight_change".into(), mean(self.change, self.parameters));
            add("flips".into(), self.flips as f64);
            add("nonzero_pairs".into(), self.nonzero as f64);
            if seen.averaged {
                add("coin_flip".into(), mean(self.chance, self.nonzero));
            }
        }
        if seen.second {
            add("true_minima".into(), self.true_minima as f64);
            add("true_maxima".into(), self.true_maxima as f64);
        }
        for (lag, [near, near_again, exact, exact_again]) in options.lags.iter().zip(&self.persistence) {
            if seen.steps > u64::from(*lag) {
                add(format!("persistence.lag{lag}"), share(*near_again, *near));
                add(format!("persistence.exact.lag{lag}"), share(*exact_again, *exact));
            }
        }
        let raw = self.raw.iter().map(|set| (set, self.exact_zeros, false));
        let averaged = self.averaged.iter().map(|set| (set, self.exact_zero_averages, true));
        let named = options.thresholds.iter().map(Threshold::name);
        let of_averages = options.thresholds.iter().map(|t| format!("ema.{}", t.name()));
        for (name, (set, exact, is_average)) in named.zip(raw).chain(of_averages.zip(averaged).filter(|_| whole)) {
            let mut add = |what: &str, value: f64| add(format!("{name}.{what}"), value);
            add("zero", set.zero as f64);
            add("zero_nonexact", set.zero.saturating_sub(exact) as f64);
            if !seen.pair {
                continue;
            }
            add("released", (set.zero_before - set.retained) as f64);
            add("released_fraction", share(set.zero_before - set.retained, set.zero_before));
            add("retained", set.retained as f64);
            add("flipped", set.flipped as f64);
            add("flip_fraction", share(set.flipped, set.retained));
            add("retained_nonzero", set.nonzero as f64);
            add("flip_fraction_nonzero", share(set.flipped, set.nonzero));
            if seen.averaged && !is_average {
                add("coin_flip", mean(set.chance, set.nonzero));
            }
            add("weight_change", mean(set.change, set.retained));
            add("weight_change_unflipped", mean(set.unflipped_change, set.retained - set.flipped));
            add("minima", set.minima as f64);
            add("maxima", set.maxima as f64);
            if whole {
                add("weight", mean(set.weight, set.retained));
                add("gradient", mean(set.gradient, set.retained));
            }
            if !is_average && seen.steps > 2 {
                add("aligned_minima", set.aligned_minima as f64);
                add("aligned_maxima", set.aligned_maxima as f64);
            }
            if !is_average && seen.second {
                add("true_minima", set.true_minima as f64);
                add("true_maxima", set.true_maxima as f64);
            }
        }
        columns
    }
}

/// What the numbers of a step rest on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Steps observed, this one included.
    pub(super) steps: u64,
    /// Whether there was a step before.
    pub(super) pair: bool,
    /// Whether the averages rest on enough steps for a signal-to-noise ratio.
    pub(super) averaged: bool,
    /// Whether a second gradient of the same minibatch was handed over.
    pub(super) second: bool,
}
