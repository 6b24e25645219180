//! Do clusters of activations, of spline codes, of principal components and of a dictionary's codes hold one class each, and do
//! single directions?

use kymograph_findings::{Finding, Null};
use kymograph_linalg::random::{shuffle, stream_at};
use kymograph_measures::MeasureError;
use kymograph_measures::clusters::{HdbscanOptions, KMeansOptions, hdbscan, kmeans, label_purity, shuffled_purities};
use kymograph_measures::embeddings::pca;
use ndarray::{Array2, ArrayView1};

use super::dictionary;
use super::look::{DRAWS, Look, against};
use crate::error::KymographError;

/// Examples that make a cluster.
const LEAST: usize = 10;
const COMPONENTS: usize = 10;
/// What stands before a layer's name for its code and for its first principal components.
pub(super) const CODE: &str = "code of ";
pub(super) const COMPONENTS_OF: &str = "components of ";
/// And for the codes of a sparse autoencoder that was fitted on it.
pub(super) const DICTIONARY_OF: &str = "dictionary of ";
/// Examples highest along a direction.
const HIGHEST: usize = 20;

pub(super) fn rows(look: &Look<'_>, place: &str) -> Result<Vec<Finding>, KymographError> {
    let activations = look.at(place)?;
    let codes = look.codes()?;
    let mut arrays: Vec<(&str, Array2<f64>)> = vec![("", activations.clone())];
    if let Some(layer) = codes.layers().iter().position(|layer| layer.name == place) {
        arrays.push((CODE, codes.layer(layer).matrix().mapv(f64::from)));
    }
    let mut components = None;
    if activations.ncols() >= COMPONENTS && activations.nrows() >= COMPONENTS {
        let fit = pca(activations.view(), COMPONENTS)?;
        let mean = activations.mean_axis(ndarray::Axis(0)).unwrap_or_default();
        let projected = (&activations - &mean).dot(&fit.axes.mapv(f64::from).t());
        arrays.push((COMPONENTS_OF, projected.clone()));
        components = Some(projected);
    }
    let fitted = dictionary::fitted(&activations, look.key.seed.unwrap_or(0))?;
    arrays.extend(fitted.as_ref().map(|fitted| (DICTIONARY_OF, fitted.codes.clone())));
    let labels = &look.probe.labels;
    let mut rows = Vec::new();
    for (of, x) in &arrays {
        let array = format!("{of}{place}");
        let options = HdbscanOptions { min_cluster_size: LEAST.min(x.nrows()), ..HdbscanOptions::default() };
        let found = hdbscan(x.view(), &options)?;
        rows.extend(judged(look, &array, "hdbscan", &found.labels)?);
        // As many groups by k-means, on all examples; and as many as there are classes.
        let counts = [("k-means, as many", found.groups()), ("k-means, k = 10", 10)];
        for (method, k) in counts {
            let fit = kmeans(x.view(), &KMeansOptions { k, n_init: 4, ..KMeansOptions::default() });
            match fit {
                Ok(fit) => {
                    let groups: Vec<Option<usize>> = fit.labels.into_iter().map(Some).collect();
                    rows.extend(judged(look, &array, method, &groups)?);
                }
                Err(MeasureError::BadOption { .. } | MeasureError::TooFewDistinctRows { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    rows.push(directions(look, place, "units", &activations, labels));
    if let Some(components) = components {
        rows.push(directions(look, place, "principal components", &components, labels));
    }
    if let Some(fitted) = fitted {
        let mut row = directions(look, place, "dictionary", &fitted.codes, labels);
        row.parts.insert("variance_explained".to_owned(), vec![fitted.explained]);
        let start = directions(look, place, "first weights of the dictionary", &fitted.untrained, labels);
        row.nulls.extend(start.value.map(|value| Null::exact("first_weights", value)));
        rows.push(row);
    }
    Ok(rows)
}

/// Purity and information of groups, beside groups of the same sizes.
fn judged(
    look: &Look<'_>,
    array: &str,
    method: &str,
    groups: &[Option<usize>],
) -> Result<Vec<Finding>, KymographError> {
    let options = [("method", method)];
    let mut purity = look.row("cluster_purity", array, &options);
    let mut information = look.row("cluster_information", array, &options);
    if groups.iter().all(Option::is_none) {
        purity.notes.push("not measured: no cluster was found".to_owned());
        information.notes = purity.notes.clone();
        return Ok(vec![purity, information]);
    }
    let found = label_purity(groups, &look.probe.labels)?;
    let draws = shuffled_purities(groups, &look.probe.labels, DRAWS, look.key.seed.unwrap_or(0))?;
    let kind = "same_sizes_shuffled";
    for row in [&mut purity, &mut information] {
        row.n = Some(found.assigned);
        row.parts.insert("groups".to_owned(), vec![found.groups as f64]);
        row.parts.insert("assigned".to_owned(), vec![found.assigned as f64 / groups.len() as f64]);
    }
    purity.value = Some(found.purity);
    information.value = Some(found.information);
    information.parts.insert("label_entropy".to_owned(), vec![found.entropy]);
    let purities: Vec<f64> = draws.iter().map(|d| d.purity).collect();
    let informations: Vec<f64> = draws.iter().map(|d| d.information).collect();
    Ok(vec![against(purity, kind, &purities), against(information, kind, &informations)])
}

/// The share of the most frequent label among the examples highest along each direction, fewer where fewer lie above its lowest
/// value; labels in random order as null.
fn directions(look: &Look<'_>, place: &str, of: &str, x: &Array2<f64>, labels: &[i64]) -> Finding {
    let highest: Vec<Vec<usize>> = x
        .columns()
        .into_iter()
        .filter(|column| column.iter().any(|v| *v != column[0]))
        .map(|column: ArrayView1<'_, f64>| {
            let mut order: Vec<usize> = (0..column.len()).collect();
            order.sort_by(|a, b| column[*b].total_cmp(&column[*a]));
            order.truncate(HIGHEST);
            // Most examples use a sparse direction not at all, and say nothing of it.
            let least = column.iter().copied().fold(f64::INFINITY, f64::min);
            order.retain(|at| column[*at] > least);
            order
        })
        .collect();
    let purity = |labels: &[i64]| -> Vec<f64> {
        let of_one = |rows: &Vec<usize>| {
            let count = |label: i64| rows.iter().filter(|row| labels[**row] == label).count();
            rows.iter().map(|row| count(labels[*row])).max().unwrap_or(0) as f64 / rows.len().max(1) as f64
        };
        highest.iter().map(of_one).collect()
    };
    let row = look.mean_row("direction_purity", place, &[("of", of)], &purity(labels));
    let draws: Vec<f64> = (0..DRAWS)
        .map(|draw| {
            let mut labels = labels.to_vec();
            shuffle(&mut stream_at(look.key.seed.unwrap_or(0), "labels of directions", draw as u64), &mut labels);
            super::super::page::mean_of(&purity(&labels))
        })
        .collect();
    against(row, "labels_permuted", &draws)
}
