//! From a plan to evidence to a verdict: what to compute on which arrays, computing it once with its nulls, and
//! judging predictions that were written down beforehand.

mod adjusted;
pub mod error;
pub mod evidence;
pub mod finding;
pub mod judge;
pub mod plan;
pub mod verdict;

pub use adjusted::adjusted_p;
pub use error::FindingsError;
pub use evidence::{Activations, Gathering, Subject, gather};
pub use finding::{Finding, Null, RunKey};
pub use judge::{Judging, Predictions, judge};
pub use plan::Plan;
pub use verdict::{JudgedPrediction, Judgement, Outcome, Stated, Verdict};
