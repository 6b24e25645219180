//! The sweeps of toy models: which features at which sparsity, with which importance.

use kymograph_nets::{Pairing, ToyFeatures, ToyInstance, ToySpec};
use serde::{Deserialize, Serialize};

use super::settings::Settings;

/// Their names.
pub(super) const NAMES: [&str; 9] = [
    "toy_5_2",
    "toy_20_5",
    "toy_100_20",
    "toy_correlated",
    "toy_anticorrelated",
    "toy_relu_hidden",
    "toy_absolute",
    "phase_2_1",
    "phase_3_2",
];

/// Models of one shape, trained side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// Its name in run folders and results.
    pub name: &'static str,
    /// The model.
    pub spec: ToySpec,
    /// One a model, in order.
    pub cells: Vec<Cell>,
    /// Is it of many features, and so trained with fewer seeds?
    pub large: bool,
}

/// One model of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Its name in results, such as `p=0.1000`.
    pub name: String,
    /// What its features are like.
    pub features: ToyFeatures,
    /// The importance of each feature.
    pub importance: Vec<f64>,
}

impl Sweep {
    /// What the models learn from; each has its own seed, which follows from the run's and the model's number.
    #[must_use]
    pub fn instances(&self, seed: u64) -> Vec<ToyInstance> {
        let one = |(number, cell): (usize, &Cell)| ToyInstance {
            importance: cell.importance.clone(),
            features: cell.features,
            seed: seed.wrapping_mul(1_000_003).wrapping_add(number as u64),
        };
        self.cells.iter().enumerate().map(one).collect()
    }
}

/// The sweeps that the settings name.
#[must_use]
pub fn sweeps(settings: &Settings) -> Vec<Sweep> {
    NAMES
        .iter()
        .filter(|name| settings.sweeps.iter().any(|s| s == *name))
        .map(|name| sweep(name, settings.grid))
        .collect()
}

fn sweep(name: &'static str, grid: usize) -> Sweep {
    let falling = |n: usize, factor: f64| (0..n).map(|i| factor.powi(i as i32)).collect::<Vec<_>>();
    // `base` to the power −t for t from 0 to 1.
    let down = |base: f64, count: usize| (0..count).map(move |i| base.powf(-(i as f64) / (count - 1) as f64)).collect();
    let cells = |probabilities: Vec<f64>, importance: Vec<f64>, signed, pairing| {
        let cell = |probability| Cell {
            name: format!("p={probability:.4}"),
            features: ToyFeatures { probability, signed, pairing },
            importance: importance.clone(),
        };
        probabilities.into_iter().map(cell).collect::<Vec<_>>()
    };
    let of = |spec, cells, large| Sweep { name, spec, cells, large };
    let single = Pairing::Independent;
    match name {
        "toy_5_2" => of(ToySpec::relu_output(5, 2), cells(down(50.0, 8), falling(5, 0.9), false, single), false),
        "toy_20_5" => of(ToySpec::relu_output(20, 5), cells(down(1000.0, 7), falling(20, 0.7), false, single), false),
        "toy_100_20" => of(ToySpec::relu_output(100, 20), cells(down(20.0, 10), down(100.0, 100), false, single), true),
        "toy_correlated" => {
            let p = vec![0.25, 0.1, 0.05, 0.02];
            of(ToySpec::relu_output(4, 2), cells(p, vec![1.0; 4], false, Pairing::Correlated), false)
        }
        "toy_anticorrelated" => {
            let p = vec![0.25, 0.1, 0.05, 0.02];
            of(ToySpec::relu_output(4, 2), cells(p, vec![1.0; 4], false, Pairing::Anticorrelated), false)
        }
        "toy_relu_hidden" => {
            let p = vec![0.75, 0.35, 0.15, 0.1, 0.06, 0.02, 0.01];
            of(ToySpec::relu_hidden(10, 5), cells(p, falling(10, 0.75), false, single), false)
        }
        "toy_absolute" => {
            let p = vec![1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001];
            of(ToySpec::absolute_value(100, 40), cells(p, falling(100, 0.8), true, single), true)
        }
        "phase_3_2" => of(ToySpec::relu_output(3, 2), diagram(grid, 2), false),
        _ => of(ToySpec::relu_output(2, 1), diagram(grid, 1), false),
    }
}

/// A square of models: the last feature's importance relative to the others' from .1 to 10 along rows, the probability of
/// a feature from 1 to .01 down the columns.
fn diagram(grid: usize, others: usize) -> Vec<Cell> {
    let share = |i: usize| i as f64 / (grid - 1) as f64;
    let cell = |row: usize, column: usize| {
        let (probability, relative) = (0.01f64.powf(share(row)), 10f64.powf(2.0 * share(column) - 1.0));
        let mut importance = vec![1.0; others];
        importance.push(relative);
        let name = format!("p={probability:.4} i={relative:.4}");
        Cell { name, features: ToyFeatures::independent(probability), importance }
    };
    (0..grid)
        .flat_map(|row| (0..grid).map(move |column| (row, column)))
        .map(|(row, column)| cell(row, column))
        .collect()
}
