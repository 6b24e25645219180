//! Sizes of gradients, counted in decades.

use super::GradientError;

/// How often gradients of each size occur: counts of log₁₀|g| in equal bins over a stated range. Exact zeros and what lies
/// outside the range are counted apart, so that nothing is clipped into the first or last bin.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientHistogram {
    /// Ends of the range in log₁₀|g|.
    pub range: [f64; 2],
    /// Negative gradients in each bin.
    pub negative: Vec<u64>,
    /// Positive gradients in each bin.
    pub positive: Vec<u64>,
    /// Gradients that are exactly zero.
    pub zeros: u64,
    /// Other gradients below the range.
    pub below: u64,
    /// Gradients above the range.
    pub above: u64,
}

impl GradientHistogram {
    /// Counts `gradients`.
    ///
    /// # Errors
    /// [`GradientError::Option`] without bins or for a range that is none, [`GradientError::NotFinite`] for a gradient that
    /// is not finite.
    pub fn of(gradients: &[f32], range: [f64; 2], bins: usize) -> Result<Self, GradientError> {
        if bins == 0 {
            return Err(GradientError::Option { option: "bins", value: 0.0, wanted: "at least 1" });
        }
        let [low, high] = range;
        if !(low.is_finite() && high.is_finite() && low < high) {
            let wanted = "finite, and its lower end first";
            return Err(GradientError::Option { option: "the range", value: low, wanted });
        }
        let mut counted =
            Self { range, negative: vec![0; bins], positive: vec![0; bins], zeros: 0, below: 0, above: 0 };
        for (index, &gradient) in gradients.iter().enumerate() {
            if !gradient.is_finite() {
                let layer = "the gradients".to_owned();
                return Err(GradientError::NotFinite { what: "the gradient", layer, index, value: gradient });
            }
            if gradient == 0.0 {
                counted.zeros += 1;
                continue;
            }
            let place = (f64::from(gradient.abs()).log10() - low) / (high - low) * bins as f64;
            if place < 0.0 {
                counted.below += 1;
            } else if place > bins as f64 {
                counted.above += 1;
            } else {
                // The upper end belongs to the last bin.
                let bin = (place as usize).min(bins - 1);
                let side = if gradient < 0.0 { &mut counted.negative } else { &mut counted.positive };
                side[bin] += 1;
            }
        }
        Ok(counted)
    }

    /// The bins' middles in log₁₀|g|.
    #[must_use]
    pub fn middles(&self) -> Vec<f64> {
        let [low, high] = self.range;
        let width = (high - low) / self.positive.len() as f64;
        (0..self.positive.len()).map(|bin| low + (bin as f64 + 0.5) * width).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gradient_is_counted_once() {
        let gradients = [0.0, -0.0, 1e-9, -1e-9, 0.5e-3, -0.5e-3, 2e-3, 0.05, 1.0, -7.0];
        let counted = GradientHistogram::of(&gradients, [-4.0, 0.0], 4).unwrap();
        assert_eq!((counted.zeros, counted.below, counted.above), (2, 2, 1));
        assert_eq!(counted.negative, [1, 0, 0, 0]);
        assert_eq!(counted.positive, [1, 1, 1, 1], "log10 of 1 is the upper end");
        assert_eq!(counted.middles(), [-3.5, -2.5, -1.5, -0.5]);
    }

    #[test]
    fn bad_input_is_refused() {
        assert!(GradientHistogram::of(&[1.0], [0.0, 1.0], 0).is_err());
        assert!(GradientHistogram::of(&[1.0], [1.0, 1.0], 3).is_err());
        assert!(GradientHistogram::of(&[1.0], [f64::NAN, 1.0], 3).is_err());
        let error = GradientHistogram::of(&[1.0, f32::NAN], [0.0, 1.0], 3).unwrap_err().to_string();
        assert!(error.contains("NaN") && error.contains("parameter 1"), "{error}");
    }
}
