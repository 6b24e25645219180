//! An optimiser written down.

use serde::{Deserialize, Serialize};

use crate::error::NetsError;
use crate::schedule::Schedule;

/// An optimiser's kind and options; names and defaults are PyTorch 2's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum OptimiserSpec {
    /// Stochastic gradient descent (`torch.optim.SGD`).
    Sgd {
        /// Learning rate.
        #[serde(default = "rate")]
        lr: f64,
        /// Factor on the velocity; 0 keeps none.
        #[serde(default)]
        momentum: f64,
        /// The gradient enters the velocity times one minus this.
        #[serde(default)]
        dampening: f64,
        /// Times the weight, added to the gradient.
        #[serde(default)]
        weight_decay: f64,
        /// Look ahead by Nesterov's rule; needs momentum and no dampening.
        #[serde(default)]
        nesterov: bool,
        /// How the learning rate changes.
        #[serde(default)]
        schedule: Schedule,
    },
    /// Adam (`torch.optim.Adam`; Kingma and Ba 2015, algorithm 1).
    Adam {
        /// Learning rate.
        #[serde(default = "rate")]
        lr: f64,
        /// Decay of the running means of the gradient and of its square.
        #[serde(default = "betas")]
        betas: [f64; 2],
        /// Added to the root of the mean square.
        #[serde(default = "eps")]
        eps: f64,
        /// Times the weight, added to the gradient.
        #[serde(default)]
        weight_decay: f64,
        /// How the learning rate changes.
        #[serde(default)]
        schedule: Schedule,
    },
    /// Adam with decoupled weight decay (`torch.optim.AdamW`; Loshchilov and Hutter 2019, algorithm 2).
    AdamW {
        /// Learning rate.
        #[serde(default = "rate")]
        lr: f64,
        /// Decay of the running means of the gradient and of its square.
        #[serde(default = "betas")]
        betas: [f64; 2],
        /// Added to the root of the mean square.
        #[serde(default = "eps")]
        eps: f64,
        /// Times the learning rate, the share by which weights shrink before each step.
        #[serde(default = "decay")]
        weight_decay: f64,
        /// How the learning rate changes.
        #[serde(default)]
        schedule: Schedule,
    },
}

fn rate() -> f64 {
    1e-3
}
fn betas() -> [f64; 2] {
    [0.9, 0.999]
}
fn eps() -> f64 {
    1e-8
}
fn decay() -> f64 {
    1e-2
}

impl OptimiserSpec {
    /// Gradient descent without momentum at a learning rate.
    pub fn sgd(lr: f64) -> Self {
        Self::Sgd {
            lr,
            momentum: 0.0,
            dampening: 0.0,
            weight_decay: 0.0,
            nesterov: false,
            schedule: Schedule::Constant,
        }
    }

    /// Adam with PyTorch's defaults at a learning rate.
    pub fn adam(lr: f64) -> Self {
        Self::Adam { lr, betas: betas(), eps: eps(), weight_decay: 0.0, schedule: Schedule::Constant }
    }

    /// AdamW with PyTorch's defaults (weight decay 0.01) at a learning rate.
    pub fn adamw(lr: f64) -> Self {
        Self::AdamW { lr, betas: betas(), eps: eps(), weight_decay: decay(), schedule: Schedule::Constant }
    }

    /// The learning rate before the schedule.
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Sgd { lr, .. } | Self::Adam { lr, .. } | Self::AdamW { lr, .. } => *lr,
        }
    }

    /// How the learning rate changes.
    pub fn schedule(&self) -> &Schedule {
        match self {
            Self::Sgd { schedule, .. } | Self::Adam { schedule, .. } | Self::AdamW { schedule, .. } => schedule,
        }
    }

    /// PyTorch's names of the vectors of state.
    pub(crate) fn slots(&self) -> &'static [&'static str] {
        match self {
            Self::Sgd { momentum, .. } if *momentum == 0.0 => &[],
            Self::Sgd { .. } => &["momentum_buffer"],
            Self::Adam { .. } | Self::AdamW { .. } => &["exp_avg", "exp_avg_sq"],
        }
    }

    pub(crate) fn check(&self) -> Result<(), NetsError> {
        let at_least_zero =
            |option: &str, value: f64| range(option, value, value >= 0.0 && value.is_finite(), "at least 0 and finite");
        self.schedule().check()?;
        at_least_zero("lr", self.learning_rate())?;
        match *self {
            Self::Sgd { momentum, dampening, weight_decay, nesterov, .. } => {
                at_least_zero("weight_decay", weight_decay)?;
                range("momentum", momentum, (0.0..1.0).contains(&momentum), "at least 0 and below 1")?;
                range("dampening", dampening, (0.0..=1.0).contains(&dampening), "between 0 and 1")?;
                if nesterov {
                    range("momentum", momentum, momentum > 0.0, "above 0 with nesterov")?;
                    range("dampening", dampening, dampening == 0.0, "0 with nesterov")?;
                }
                Ok(())
            }
            Self::Adam { betas, eps, weight_decay, .. } | Self::AdamW { betas, eps, weight_decay, .. } => {
                at_least_zero("weight_decay", weight_decay)?;
                range("eps", eps, eps > 0.0 && eps.is_finite(), "above 0 and finite")?;
                for (option, beta) in ["betas[0]", "betas[1]"].into_iter().zip(betas) {
                    range(option, beta, (0.0..1.0).contains(&beta), "at least 0 and below 1")?;
                }
                Ok(())
            }
        }
    }
}

fn range(option: &str, value: f64, holds: bool, range: &str) -> Result<(), NetsError> {
    if holds {
        return Ok(());
    }
    Err(NetsError::Value { option: format!("optimiser option `{option}`"), value, range: range.into() })
}
