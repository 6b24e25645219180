//! Rows about sweeps of toy models, each number beside its null.

use std::collections::BTreeMap;

use kymograph_findings::{Finding, Null, Subject};
use kymograph_linalg::random::{permutation, stream_at};
use kymograph_measures::superposition::{
    Shape, Shapes, arrangement, arrangement_of, dimensionality, dimensions_per_feature, feature_norms,
    random_directions, represented,
};
use kymograph_nets::Pairing;
use kymograph_studies::superposition::Cell;
use ndarray::Array2;

use super::recorded::{FOLLOWED, Toy};
use super::{WHOLE, row};
use crate::error::KymographError;

/// Draws of a drawn null.
const DRAWS: usize = 200;

/// Is this a phase diagram, whose models are looked at together?
pub(super) fn is_diagram(toy: &Toy) -> bool {
    toy.key.network.starts_with("phase")
}

/// Every row of a sweep at its last checkpoint.
pub(super) fn rows(toy: &Toy) -> Result<Vec<Finding>, KymographError> {
    let (Some((step, last)), Some(first)) = (toy.last(), toy.first()) else {
        return Ok(Vec::new());
    };
    if is_diagram(toy) {
        return diagram(toy, step, last);
    }
    let mut rows = Vec::new();
    for (number, cell) in toy.cells.iter().enumerate() {
        let mut sheet = Sheet { toy, cell, step, number, w: &last[number], before: &first[number], rows: &mut rows };
        sheet.directions()?;
        sheet.loss();
        if toy.key.network == FOLLOWED {
            sheet.figures()?;
        }
        if cell.features.pairing != Pairing::Independent {
            sheet.pairs()?;
        }
        if toy.spec.hidden_activation == kymograph_nets::ToyActivation::Relu {
            sheet.neurons();
        }
    }
    Ok(rows)
}

/// Sum of squared norms and mean dimensionality of all features, by step, for each model of the sweep of which every checkpoint is looked at.
pub(super) fn subject(toy: &Toy) -> Result<Subject, KymographError> {
    let mut series: BTreeMap<String, BTreeMap<u64, f64>> = BTreeMap::new();
    if toy.key.network == FOLLOWED {
        for (&step, all) in &toy.encoders {
            for (cell, w) in toy.cells.iter().zip(all) {
                let all = dimensionality(w.view())?;
                let mean = all.iter().sum::<f64>() / all.len() as f64;
                let squares = w.iter().map(|v| v * v).sum();
                for (name, value) in [("mean_dimensionality", mean), ("squared_norm", squares)] {
                    series.entry(format!("{name}.{}", cell.name)).or_default().insert(step, value);
                }
            }
        }
    }
    let (parameters, activations) = (BTreeMap::new(), BTreeMap::new());
    Ok(Subject { key: toy.key.clone(), parameters, activations, labels: None, series })
}

/// One model of a sweep.
struct Sheet<'a> {
    toy: &'a Toy,
    cell: &'a Cell,
    step: u64,
    number: usize,
    w: &'a Array2<f64>,
    before: &'a Array2<f64>,
    rows: &'a mut Vec<Finding>,
}

impl Sheet<'_> {
    fn add(&mut self, measure: &str, value: f64, nulls: Vec<Null>) {
        let mut finding = row(&self.toy.key, measure, &self.cell.name, self.step, value, self.w.ncols());
        finding.nulls = nulls;
        self.rows.push(finding);
    }

    /// A statistic of random directions, as many as are given.
    fn drawn(
        &self,
        purpose: &str,
        count: usize,
        statistic: impl Fn(&Array2<f64>) -> Result<f64, KymographError>,
    ) -> Result<Vec<f64>, KymographError> {
        let draw = |index: usize| {
            let purpose = format!("null: {purpose} {} {}", self.toy.key.network, self.number);
            let mut rng = stream_at(self.toy.key.seed.unwrap_or(0), &purpose, index as u64);
            statistic(&random_directions(&mut rng, self.w.nrows(), count))
        };
        (0..DRAWS).map(draw).collect()
    }

    fn directions(&mut self) -> Result<(), KymographError> {
        let (w, before) = (self.w, self.before);
        let here = represented(w.view())?;
        let untrained = |value: f64| vec![Null::exact("untrained", value)];
        self.add("features_represented", here.len() as f64, untrained(represented(before.view())?.len() as f64));
        let squares = |w: &Array2<f64>| w.iter().map(|v| v * v).sum::<f64>();
        self.add("squared_norm", squares(w), untrained(squares(before)));
        if let Some(value) = dimensions_per_feature(w.view())? {
            let null = dimensions_per_feature(before.view())?.map(|v| Null::exact("untrained", v));
            self.add("dimensions_per_feature", value, null.into_iter().collect());
        }
        if here.is_empty() {
            return Ok(());
        }
        let mean = |all: &[f64], of: &[usize]| of.iter().map(|&i| all[i]).sum::<f64>() / of.len() as f64;
        let value = mean(&dimensionality(w.view())?, &here);
        let all: Vec<usize> = (0..here.len()).collect();
        let draws = self.drawn("mean_dimensionality", here.len(), |d| Ok(mean(&dimensionality(d.view())?, &all)))?;
        let mut nulls: Vec<Null> = Null::of_draws("random_directions", &draws, value).into_iter().collect();
        let everything: Vec<usize> = (0..w.ncols()).collect();
        nulls.extend(untrained(mean(&dimensionality(before.view())?, &everything)));
        self.add("mean_dimensionality", value, nulls);
        let value = regular(w, &here)?;
        let draws = self.drawn("share_in_regular_figures", here.len(), |d| regular(d, &all))?;
        let nulls = Null::of_draws("random_directions", &draws, value).into_iter().collect();
        self.add("share_in_regular_figures", value, nulls);
        Ok(())
    }

    /// The loss beside predicting every feature's mean, and beside keeping the m most important features whole.
    fn loss(&mut self) {
        let Some(&loss) = self.toy.losses.get(self.number) else {
            return;
        };
        let p = self.cell.features.probability;
        // Of x uniform in [0, 1] with probability p, and of |x| uniform in [−1, 1].
        let variance = p / 3.0 - p * p / 4.0;
        let mut importance = self.cell.importance.clone();
        importance.sort_by(|a, b| b.total_cmp(a));
        let n = importance.len() as f64;
        let left = |kept: usize| variance * importance.iter().skip(kept).sum::<f64>() / n;
        let nulls = vec![
            Null::exact("predict_the_mean", left(0)),
            Null::exact("most_important_features_kept_whole", left(self.w.nrows())),
        ];
        self.add("held_out_loss", loss, nulls);
    }

    /// The figures that five features form in a plane.
    fn figures(&mut self) -> Result<(), KymographError> {
        let here = represented(self.w.view())?;
        let m = self.w.nrows();
        let most: Vec<usize> = (0..m).collect();
        let shapes = Shapes::of(&arrangement(self.w.view())?);
        let orthogonal = |shapes: &Shapes| f64::from(u8::from(shapes.count(Shape::Single) == m && shapes.0.len() == 1));
        let of_drawn = |drawn: &Array2<f64>| -> Result<Shapes, KymographError> {
            let all: Vec<usize> = (0..drawn.ncols()).collect();
            Ok(Shapes::of(&arrangement_of(drawn.view(), &all)?))
        };
        let value = if here == most { orthogonal(&shapes) } else { 0.0 };
        let draws = self.drawn("top_features_orthogonal", m, |d| Ok(orthogonal(&of_drawn(d)?)))?;
        self.add(
            "top_features_orthogonal",
            value,
            Null::of_draws("random_directions", &draws, value).into_iter().collect(),
        );
        for (measure, shape) in [("antipodal_pairs", Shape::AntipodalPair), ("pentagons", Shape::Pentagon)] {
            let value = shapes.count(shape) as f64;
            let draws = self.drawn(measure, here.len(), |d| Ok(of_drawn(d)?.count(shape) as f64))?;
            self.add(measure, value, Null::of_draws("random_directions", &draws, value).into_iter().collect());
        }
        Ok(())
    }

    /// How the directions of two features that go together, or exclude each other, lie.
    fn pairs(&mut self) -> Result<(), KymographError> {
        let value = |w: &Array2<f64>| pair_cosines(w);
        let found = value(self.w)?;
        let draws: Vec<[f64; 3]> = (0..DRAWS)
            .map(|index| {
                let purpose = format!("null: pairs {} {}", self.toy.key.network, self.number);
                let mut rng = stream_at(self.toy.key.seed.unwrap_or(0), &purpose, index as u64);
                value(&random_directions(&mut rng, self.w.nrows(), self.w.ncols()))
            })
            .collect::<Result<_, KymographError>>()?;
        for (at, measure) in ["pair_cosine", "pair_alignment", "other_cosine"].into_iter().enumerate() {
            let draws: Vec<f64> = draws.iter().map(|d| d[at]).collect();
            let nulls = Null::of_draws("random_directions", &draws, found[at]).into_iter().collect();
            self.add(measure, found[at], nulls);
        }
        Ok(())
    }

    /// How many features each neuron listens to.
    fn neurons(&mut self) {
        let (found, before) = (listened(self.w), listened(self.before));
        for (at, measure) in ["features_per_neuron", "neurons_for_one_feature"].into_iter().enumerate() {
            self.add(measure, found[at], vec![Null::exact("untrained", before[at])]);
        }
    }
}

/// Mean over neurons of the participation number of features, and the share of neurons with nine tenths of their squared
/// weights on one feature. Neurons without weights are left out.
fn listened(w: &Array2<f64>) -> [f64; 2] {
    let (mut sum, mut single, mut count) = (0.0, 0.0, 0.0);
    for neuron in w.rows() {
        let squares: Vec<f64> = neuron.iter().map(|v| v * v).collect();
        let total: f64 = squares.iter().sum();
        // A neuron whose weights have all but died listens to nothing.
        if total < 1e-3 {
            continue;
        }
        let fourth: f64 = squares.iter().map(|s| s * s).sum();
        sum += total * total / fourth;
        single += f64::from(u8::from(squares.iter().any(|s| *s >= 0.9 * total)));
        count += 1.0;
    }
    if count > 0.0 { [sum / count, single / count] } else { [0.0, 0.0] }
}

/// Mean cosine and mean absolute cosine within pairs 2j, 2j + 1, and mean absolute cosine between features of different pairs.
fn pair_cosines(w: &Array2<f64>) -> Result<[f64; 3], KymographError> {
    let norms = feature_norms(w.view())?;
    let cosine = |i: usize, j: usize| match norms[i] * norms[j] {
        0.0 => 0.0,
        length => w.column(i).dot(&w.column(j)) / length,
    };
    let n = w.ncols();
    let own: Vec<f64> = (0..n / 2).map(|pair| cosine(2 * pair, 2 * pair + 1)).collect();
    let others: Vec<f64> = (0..n)
        .flat_map(|i| (0..i).map(move |j| (i, j)))
        .filter(|(i, j)| i / 2 != j / 2)
        .map(|(i, j)| cosine(i, j).abs())
        .collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    Ok([mean(&own), mean(&own.iter().map(|c| c.abs()).collect::<Vec<_>>()), mean(&others)])
}

/// The share of these features that stand in a figure of several corners that has a name.
fn regular(w: &Array2<f64>, features: &[usize]) -> Result<f64, KymographError> {
    let components = arrangement_of(w.view(), features)?;
    let inside = components.iter().filter(|c| !matches!(c.shape, Shape::Single | Shape::Other(_)));
    Ok(inside.map(|c| c.features.len()).sum::<usize>() as f64 / features.len().max(1) as f64)
}

/// What becomes of the extra feature, by its code in a phase diagram.
pub(super) const DROPPED: f64 = 0.0;
pub(super) const ALONE: f64 = 1.0;
pub(super) const SHARED: f64 = 2.0;

/// The phase of a model whose last feature is the extra one.
pub(super) fn phase(w: &Array2<f64>) -> Result<f64, KymographError> {
    let here = represented(w.view())?;
    let n = w.ncols();
    Ok(match (here.contains(&(n - 1)), here.len() == n) {
        (false, _) => DROPPED,
        (true, false) => ALONE,
        (true, true) => SHARED,
    })
}

/// The phase of the cheapest of three hand-made solutions: the extra feature is dropped, at a cost of its importance × its
/// variance; another one is dropped for it; or the two are an antipodal pair, whose error is the smaller of the two where
/// both are active, p² (1 + r) / 6 in the mean.
pub(super) fn cheapest_phase(cell: &Cell) -> f64 {
    let p = cell.features.probability;
    let relative = cell.importance.last().copied().unwrap_or(1.0);
    let variance = p / 3.0 - p * p / 4.0;
    let costs = [(DROPPED, relative * variance), (ALONE, variance), (SHARED, p * p * (1.0 + relative) / 6.0)];
    costs.into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(DROPPED, |(phase, _)| phase)
}

fn diagram(toy: &Toy, step: u64, last: &[Array2<f64>]) -> Result<Vec<Finding>, KymographError> {
    let found: Vec<f64> = last.iter().map(phase).collect::<Result<_, _>>()?;
    let expected: Vec<f64> = toy.cells.iter().map(cheapest_phase).collect();
    let agreement = |found: &[f64]| {
        found.iter().zip(&expected).filter(|(a, b)| a == b).count() as f64 / expected.len().max(1) as f64
    };
    let value = agreement(&found);
    let mut finding = row(&toy.key, "agreement_with_cheapest_solution", WHOLE, step, value, found.len());
    let draws: Vec<f64> = (0..DRAWS)
        .map(|index| {
            let mut rng = stream_at(toy.key.seed.unwrap_or(0), "null: cells in random order", index as u64);
            agreement(&permutation(&mut rng, found.len()).into_iter().map(|cell| found[cell]).collect::<Vec<_>>())
        })
        .collect();
    finding.nulls.extend(Null::of_draws("cells_in_random_order", &draws, value));
    let norms: Vec<f64> = last
        .iter()
        .map(|w| Ok(feature_norms(w.view())?.last().copied().unwrap_or(0.0)))
        .collect::<Result<_, KymographError>>()?;
    finding.parts = BTreeMap::from([("phase".to_owned(), found), ("extra_feature_norm".to_owned(), norms)]);
    Ok(vec![finding])
}
