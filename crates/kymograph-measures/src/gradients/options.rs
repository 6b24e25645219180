//! What is followed: thresholds, the decay of averages, and the lags of persistence.

use super::GradientError;

/// Thresholds that are followed at once.
pub(super) const MOST_THRESHOLDS: usize = 8;

/// Below which size a gradient counts as near zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// |g| ≤ this.
    Absolute(f32),
    /// |g| ≤ this times the root mean square of the layer's gradient at the step before, so that the pass stays single:
    /// both gradients of a pair are held against the same number.
    Relative(f32),
}

impl Threshold {
    /// Its name in columns: `abs1e-5`, `rel1e-2`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Absolute(value) => format!("abs{value:e}"),
            Self::Relative(value) => format!("rel{value:e}"),
        }
    }

    pub(super) fn value(&self) -> f32 {
        let (Self::Absolute(value) | Self::Relative(value)) = self;
        *value
    }
}

/// What [`super::GradientDynamics`] follows.
#[derive(Clone, Debug, PartialEq)]
pub struct DynamicsOptions {
    /// Thresholds of near zero, each for gradients as they come and for their running averages.
    pub thresholds: Vec<Threshold>,
    /// Decay of the running averages of gradient, weight and squared gradient.
    pub decay: f32,
    /// Which of the thresholds persistence is told of, counted from 0.
    pub persistence: usize,
    /// Lags of persistence in steps, 1 to 14, four at most.
    pub lags: Vec<u32>,
}

impl Default for DynamicsOptions {
    /// Thresholds 1e-7 and 1e-5 and decay .9 as in optimization-insight (github ai-vis-theory/nn-0); relative thresholds of
    /// ours.
    fn default() -> Self {
        Self {
            thresholds: vec![
                Threshold::Absolute(1e-7),
                Threshold::Absolute(1e-5),
                Threshold::Relative(0.01),
                Threshold::Relative(0.1),
            ],
            decay: 0.9,
            persistence: 1,
            lags: vec![1, 4, 12],
        }
    }
}

impl DynamicsOptions {
    pub(super) fn check(&self) -> Result<(), GradientError> {
        if let Some(bad) = self.thresholds.iter().map(Threshold::value).find(|v| !(v.is_finite() && *v > 0.0)) {
            return Err(GradientError::Threshold { value: bad });
        }
        let refuse = |option, value: f64, wanted| Err(GradientError::Option { option, value, wanted });
        if self.thresholds.is_empty() || self.thresholds.len() > MOST_THRESHOLDS {
            return refuse("the number of thresholds", self.thresholds.len() as f64, "1 to 8");
        }
        if !(self.decay.is_finite() && (0.0..1.0).contains(&self.decay)) {
            return refuse("decay", f64::from(self.decay), "at least 0 and below 1");
        }
        if self.persistence >= self.thresholds.len() {
            return refuse("persistence", self.persistence as f64, "the place of one of the thresholds, from 0");
        }
        if self.lags.len() > 4 {
            return refuse("the number of lags", self.lags.len() as f64, "at most 4");
        }
        if let Some(lag) = self.lags.iter().find(|lag| !(1..=14).contains(*lag)) {
            return refuse("a lag", f64::from(*lag), "1 to 14 steps");
        }
        Ok(())
    }
}
