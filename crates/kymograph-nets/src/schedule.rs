//! How the learning rate changes from step to step.

use serde::{Deserialize, Serialize};

use crate::error::NetsError;

/// A factor on the optimiser's learning rate, as a function of the step (0 for the first).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Always one.
    #[default]
    Constant,
    /// `factor^⌊step / every⌋` (`torch.optim.lr_scheduler.StepLR`).
    Step {
        /// Steps between changes, at least 1.
        every: u64,
        /// The factor of each change.
        factor: f64,
    },
    /// Half a cosine from one down to `lowest` over `steps` steps, `lowest` from then on
    /// (`torch.optim.lr_scheduler.CosineAnnealingLR`, which would rise again).
    Cosine {
        /// Steps to the lowest point, at least 1.
        steps: u64,
        /// The factor there.
        #[serde(default)]
        lowest: f64,
    },
    /// A line from one down to `lowest` over `steps` steps, `lowest` from then on.
    Linear {
        /// Steps to the lowest point, at least 1.
        steps: u64,
        /// The factor there.
        #[serde(default)]
        lowest: f64,
    },
    /// A line from `start` to one over `steps` steps (`torch.optim.lr_scheduler.LinearLR`), then another schedule, whose
    /// step 0 is the warm-up's last.
    WarmUp {
        /// Steps of the warm-up, at least 1.
        steps: u64,
        /// The factor at step 0.
        start: f64,
        /// What follows.
        #[serde(default)]
        then: Box<Schedule>,
    },
}

impl Schedule {
    /// The factor at a step.
    pub fn factor(&self, step: u64) -> f64 {
        match *self {
            Self::Constant => 1.0,
            Self::Step { every, factor } => {
                let changes = (step / every.max(1)).min(i32::MAX as u64);
                factor.powi(changes as i32)
            }
            Self::Cosine { steps, lowest } => {
                let progress = step.min(steps) as f64 / steps.max(1) as f64;
                lowest + (1.0 - lowest) * (1.0 + (std::f64::consts::PI * progress).cos()) / 2.0
            }
            Self::Linear { steps, lowest } => 1.0 + (lowest - 1.0) * step.min(steps) as f64 / steps.max(1) as f64,
            Self::WarmUp { steps, start, ref then } => {
                if step < steps {
                    start + (1.0 - start) * step as f64 / steps as f64
                } else {
                    then.factor(step - steps)
                }
            }
        }
    }

    pub(crate) fn check(&self) -> Result<(), NetsError> {
        let positive = |option: &str, steps: u64| match steps {
            0 => Err(NetsError::Value {
                option: format!("schedule option `{option}`"),
                value: 0.0,
                range: "at least 1".into(),
            }),
            _ => Ok(()),
        };
        let factor = |option: &str, value: f64| match value.is_finite() && value >= 0.0 {
            true => Ok(()),
            false => Err(NetsError::Value {
                option: format!("schedule option `{option}`"),
                value,
                range: "at least 0 and finite".into(),
            }),
        };
        match self {
            Self::Constant => Ok(()),
            Self::Step { every, factor: f } => positive("every", *every).and(factor("factor", *f)),
            Self::Cosine { steps, lowest } | Self::Linear { steps, lowest } => {
                positive("steps", *steps).and(factor("lowest", *lowest))
            }
            Self::WarmUp { steps, start, then } => {
                positive("steps", *steps).and(factor("start", *start))?;
                then.check()
            }
        }
    }
}
