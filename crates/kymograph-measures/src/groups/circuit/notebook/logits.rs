//! Are the logits a weighted sum of characters? Cosines in four definitions, and the least-squares fit.

use ndarray::{Array1, Array2};

use super::super::Tables;
use super::super::losses::logit_table_loss;
use super::super::summary::{check_irreps, cube_norm, trace_table};
use crate::groups::{Group, Irrep};
use crate::{MeasureError, check};

/// Cosines of the logits with the cube χ(abc⁻¹) of one representation.
///
/// The cube of the trivial representation is all ones. All lie in [−1, 1].
#[derive(Clone, Debug, PartialEq)]
pub struct LogitCosines {
    /// The representation.
    pub irrep: String,
    /// Logits less the mean of their pair: the repository's similarity. 0 for the trivial representation.
    pub centred_by_pair: f64,
    /// Logits less their mean over everything: the notebook's "centred".
    pub centred: f64,
    /// Logits as they are: the notebook's other one.
    pub uncentred: f64,
    /// The mean over pairs of the cosine of each pair's centred logits with its row of the cube: the notebook's series.
    pub mean_of_rows: f64,
}

/// How much do the logits resemble each character, in all four definitions that were published?
///
/// # Errors
/// Logits that are the same for every element, or all equal.
pub fn logit_cosines(group: &Group, tables: &Tables, irreps: &[Irrep]) -> Result<Vec<LogitCosines>, MeasureError> {
    check_irreps(group, irreps, &[])?;
    let sums = Sums::new(tables)?;
    let centred = tables.centred_logits_by_product();
    let pairs = (group.order() * group.order()) as f64;
    let cosines = irreps.iter().map(|irrep| {
        let cube = trace_table(group, irrep);
        let norm = cube_norm(irrep);
        let with = |table: &Array2<f64>| (table * &cube).sum();
        let product = with(&tables.logits_by_product);
        let row_norm = irrep.character.dot(&irrep.character).sqrt();
        // Every row of the cube sums to the sum of the character.
        let total = pairs * irrep.character.sum();
        LogitCosines {
            irrep: irrep.name.clone(),
            centred_by_pair: with(&centred) / (norm * tables.centred_logit_squares.sqrt()),
            centred: (product - sums.mean * total) / (norm * sums.centred.sqrt()),
            uncentred: product / (norm * tables.logit_squares.sqrt()),
            mean_of_rows: with(&tables.unit_logits_by_product) / (row_norm * pairs),
        }
    });
    Ok(cosines.collect())
}

/// The least-squares fit of all logits by the cubes of some representations and a constant.
#[derive(Clone, Debug, PartialEq)]
pub struct LogitFit {
    /// Each representation and its coefficient, in units of logits.
    pub coefficients: Vec<(String, f64)>,
    /// The constant.
    pub constant: f64,
    /// Share of the variance of the logits about their mean that the fit explains, in [0, 1].
    pub r_squared: f64,
    /// Share of the squared logits, the constant included.
    pub uncentred_r_squared: f64,
    /// ‖fit‖/‖logits‖, which the notebook prints as "percent variance explained". It is the root of the uncentred R².
    pub published_norm_ratio: f64,
    /// Loss over all pairs of the network, nats.
    pub network_loss: f64,
    /// Loss over all pairs of the fit, nats.
    pub fit_loss: f64,
}

/// How much of the logits is a weighted sum of these representations' characters?
///
/// It misleads as evidence of a mechanism: any function with the right answers gets some of it (see
/// [`super::super::nulls::one_hot_logits`]), and a fit with larger coefficients has a smaller loss at the same R².
///
/// # Errors
/// Logits that do not vary, a name that is not among `irreps`, characters that depend on each other.
pub fn logit_fit(group: &Group, tables: &Tables, irreps: &[Irrep], key: &[String]) -> Result<LogitFit, MeasureError> {
    check_irreps(group, irreps, key)?;
    let sums = Sums::new(tables)?;
    let order = group.order();
    let pairs = (order * order) as f64;
    let chosen: Vec<&Irrep> = key.iter().filter_map(|name| irreps.iter().find(|irrep| &irrep.name == name)).collect();
    let mut functions: Vec<Array1<f64>> = chosen.iter().map(|irrep| irrep.character.clone()).collect();
    functions.push(Array1::ones(order));
    let n = functions.len();
    let gram = Array2::from_shape_fn((n, n), |(i, j)| pairs * functions[i].dot(&functions[j]));
    let product = |function: &Array1<f64>| {
        let at = |(g, c): (usize, usize)| function[group.product(g, group.inverse(c))];
        tables.logits_by_product.indexed_iter().map(|(place, logits)| logits * at(place)).sum::<f64>()
    };
    let products: Array1<f64> = functions.iter().map(product).collect();
    let eigen = kymograph_linalg::symmetric_eigen(gram.view()).map_err(check::kernel("logit_fit"))?;
    let largest = eigen.values.iter().fold(0.0_f64, |l, v| l.max(v.abs()));
    if eigen.values.iter().any(|value| *value <= 1e-10 * largest) {
        return Err(MeasureError::NoVariation { input: "irreps", what: "their characters depend on each other" });
    }
    let turned = eigen.vectors.t().dot(&products);
    let scaled: Array1<f64> = turned.iter().zip(&eigen.values).map(|(t, value)| t / value).collect();
    let coefficients = eigen.vectors.dot(&scaled);
    let explained = coefficients.dot(&products);
    let residual = (tables.logit_squares - explained).max(0.0);
    let mut fit = Array2::from_elem((order, order), coefficients[n - 1]);
    for (irrep, coefficient) in chosen.iter().zip(&coefficients) {
        fit.scaled_add(*coefficient, &trace_table(group, irrep));
    }
    Ok(LogitFit {
        coefficients: chosen.iter().map(|irrep| irrep.name.clone()).zip(coefficients.iter().copied()).collect(),
        constant: coefficients[n - 1],
        r_squared: 1.0 - residual / sums.centred,
        uncentred_r_squared: 1.0 - residual / tables.logit_squares,
        published_norm_ratio: (explained / tables.logit_squares).max(0.0).sqrt(),
        network_loss: tables.all.loss,
        fit_loss: logit_table_loss(fit.view()),
    })
}

struct Sums {
    mean: f64,
    centred: f64,
}

impl Sums {
    fn new(tables: &Tables) -> Result<Self, MeasureError> {
        let pairs = (tables.order() * tables.order()) as f64;
        let mean = tables.mean_logit_by_product.sum() / pairs;
        let centred = tables.logit_squares - pairs * tables.order() as f64 * mean * mean;
        if tables.centred_logit_squares <= 0.0 || centred <= 1e-14 * tables.logit_squares {
            return Err(MeasureError::NoVariation { input: "logits", what: "they are the same for every element" });
        }
        Ok(Self { mean, centred })
    }
}
