//! Dictionaries on the hidden layer of a toy model: how its features lie, and what is left of its loss when the layer is
//! replaced by what a dictionary rebuilds of it.

use kymograph_findings::{Finding, Null};
use kymograph_measures::dictionaries::maximal_cosines;
use kymograph_nets::dictionaries::Dictionary;
use kymograph_studies::dictionaries::{HELD_OUT, Synthetic, Toy};
use ndarray::{Array2, Axis};

use super::Recorded;
use super::examined::Truth;
use super::rows::row;
use crate::error::KymographError;

/// The array under which rows about the features themselves stand.
pub(super) const FEATURES: &str = "true_features";

/// Rows about the toy model's features, and for each dictionary the loss recovered.
pub(super) fn of_toy(run: &Recorded, truth: &Truth, all: &[Dictionary<f32>]) -> Result<Vec<Finding>, KymographError> {
    let Some(toy) = &truth.toy else { return Ok(Vec::new()) };
    let s = &run.network.settings;
    let mut rows = Vec::new();
    let mut left =
        row(&run.key, s.steps, "unrepresented_features", FEATURES, Some(truth.unrepresented.len() as f64), s.features);
    left.nulls.push(Null::exact("without_superposition", s.features.saturating_sub(s.width) as f64));
    left.parts.insert("features".into(), truth.unrepresented.iter().map(|&feature| feature as f64).collect());
    left.parts.insert("lengths".into(), truth.all_lengths.clone());
    left.notes.push("features whose column of the encoder is shorter than .1; left out of recovery".into());
    rows.push(left);
    if truth.features.nrows() > 1 {
        let nearest = maximal_cosines(truth.features.view(), truth.features.view(), true)?.cosines;
        let mean = nearest.iter().sum::<f64>() / nearest.len() as f64;
        let mut finding = row(&run.key, s.steps, "nearest_feature", FEATURES, Some(mean), nearest.len());
        finding.nulls.push(Null::exact("random_directions", truth.chance(nearest.len() - 1)));
        rows.push(finding);
    }
    // The codes as the toy model is given them: of all features, and not times their lengths.
    let data = Synthetic::of_run(s, run.seed(), &truth.toy_tensors)?;
    let held_out = data.apart(HELD_OUT, s.held_out);
    let mut codes = held_out.codes.to_dense();
    codes.axis_iter_mut(Axis(1)).zip(data.lengths()).for_each(|(mut column, length)| {
        if *length > 0.0 {
            column.mapv_inplace(|v| v / length);
        }
    });
    let x = &held_out.x;
    let loss = |hidden: &Array2<f32>| toy.loss(codes.view(), hidden.view());
    let (own, zero) = (loss(x), loss(&Array2::zeros(x.dim())));
    let mean = x.mean_axis(Axis(0)).unwrap_or_default();
    let recovered = |loss: f64| (zero > own).then(|| (zero - loss) / (zero - own));
    let by_mean = recovered(self::mean_loss(toy, &codes, &mean));
    for (member, dictionary) in run.network.members.iter().zip(all) {
        let rebuilt = dictionary.decode(&dictionary.encode(x.view())?);
        let value = recovered(loss(&rebuilt));
        let mut finding = row(&run.key, s.steps, "toy_loss_recovered", &member.name, value, s.held_out);
        finding.nulls.extend(by_mean.map(|value| Null::exact("mean_activation", value)));
        finding.notes.push(match value {
            Some(_) => format!("the model's own loss {own:.6}, with a hidden layer of zeros {zero:.6}"),
            None => "the model does no better than a hidden layer of zeros".into(),
        });
        rows.push(finding);
    }
    Ok(rows)
}

fn mean_loss(toy: &Toy, codes: &Array2<f32>, mean: &ndarray::Array1<f32>) -> f64 {
    let hidden = Array2::from_shape_fn((codes.nrows(), mean.len()), |(_, column)| mean[column]);
    toy.loss(codes.view(), hidden.view())
}
