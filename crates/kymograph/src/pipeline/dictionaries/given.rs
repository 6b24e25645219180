//! The oracle: codes for the true features, by methods that need not be an encoder. What is lost there no dictionary can win.

use kymograph_findings::{Finding, Null, RunKey};
use kymograph_measures::dictionaries::{nonnegative_least_squares, nonnegative_matching_pursuit, variance_explained};
use kymograph_studies::dictionaries::Codes;
use ndarray::{Array2, s};

use super::examined::{Truth, agreement};
use super::rows::row;
use crate::error::KymographError;

/// The methods by which codes are found, as findings name them.
pub(super) const ORACLES: [(&str, &str); 2] =
    [("true_features_nnls", "least squares"), ("true_features_pursuit", "matching pursuit")];
/// Held-out examples that are solved.
const EXAMPLES: usize = 512;
/// Codes at or below this count as none.
const NONE: f64 = 1e-6;

/// Variance unexplained, L0, and agreement with the true codes, when the true features are given.
pub(super) fn oracle(truth: &Truth, key: &RunKey, step: u64) -> Result<Vec<Finding>, KymographError> {
    let examples = truth.held_out.x.nrows().min(EXAMPLES);
    let x = truth.held_out.x.slice(s![..examples, ..]);
    let known = first(&truth.held_out.codes, examples);
    let counts: Vec<usize> = known.starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let every: Vec<(usize, usize)> = (0..truth.features.nrows()).map(|feature| (feature, feature)).collect();
    let mut rows = Vec::new();
    for (place, (array, _)) in ORACLES.into_iter().enumerate() {
        let codes = match place {
            0 => nonnegative_least_squares(truth.features.view(), x)?,
            _ => nonnegative_matching_pursuit(truth.features.view(), x, &counts)?,
        };
        let rebuilt = codes.dot(&truth.features.mapv(f64::from)).mapv(|v| v as f32);
        let fvu = 1.0 - variance_explained(x, rebuilt.view())?.value;
        let codes = sparse(&codes);
        let (correlation, slope) = agreement(&known, &codes, &every);
        let principal = truth.principal[(codes.l0().round() as usize).min(truth.principal.len() - 1)];
        let measures = [
            ("fvu", Some(fvu), Some(("as_many_principal_components", 1.0 - principal))),
            ("l0", Some(codes.l0()), Some(("true_codes", known.l0()))),
            ("code_correlation", correlation.map(|c| c[0]), correlation.map(|c| ("another_feature", c[1]))),
            ("shrinkage_slope", slope.map(|c| c[0]), slope.map(|c| ("another_feature", c[1]))),
        ];
        for (measure, value, null) in measures {
            let mut finding = row(key, step, measure, array, value, examples);
            finding.nulls.extend(null.map(|(kind, value)| Null::exact(kind, value)));
            finding.notes.push(match (value, place) {
                (None, _) => "fewer than two features are present".into(),
                (_, 0) => "non-negative least squares on the true features: no codes for them rebuild better".into(),
                _ => "non-negative orthogonal matching pursuit on the true features, as many as are present".into(),
            });
            rows.push(finding);
        }
    }
    Ok(rows)
}

/// The codes of the first examples.
fn first(codes: &Codes<f32>, examples: usize) -> Codes<f32> {
    let starts = codes.starts[..=examples].to_vec();
    let end = starts[examples];
    let (latents, values) = (codes.latents[..end].to_vec(), codes.values[..end].to_vec());
    Codes { starts, latents, values, width: codes.width }
}

fn sparse(codes: &Array2<f64>) -> Codes<f32> {
    let mut sparse = Codes { starts: vec![0], latents: Vec::new(), values: Vec::new(), width: codes.ncols() };
    for row in codes.outer_iter() {
        for (feature, code) in row.iter().enumerate().filter(|(_, code)| **code > NONE) {
            sparse.latents.push(feature as u32);
            sparse.values.push(*code as f32);
        }
        sparse.starts.push(sparse.latents.len());
    }
    sparse
}
