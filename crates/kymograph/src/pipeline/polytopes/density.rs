//! How many boundaries lie between images: within and between classes at matched lengths, towards augmentations, in random
//! and in adversarial directions, along straight ways and great circles, and along rays from the origin.

use kymograph_findings::{Finding, Null};
use kymograph_linalg::parallel::map_indices;
use kymograph_linalg::random::{below, stream_at};
use kymograph_nets::{Crossings, Curve, Mode, Polytopes};
use kymograph_studies::signals::augment::augmented;
use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::super::page::mean_of;
use super::look::{DRAWS, Look, Matched, against, direction, distance, matched};
use crate::error::KymographError;

/// Points at which the soft code of a path is taken.
const SAMPLES: usize = 33;
/// A ray from the origin ends at so many times the images' median norm.
pub(super) const REACH: f64 = 4.0;
/// Pieces of it in the figure.
pub(super) const BINS: usize = 32;
/// Rays of each kind.
const RAYS: usize = 100;
/// Step of an adversarial image in each pixel, as a share of the way from black to white.
const ADVERSARIAL: f64 = 0.1;

/// A way between two points.
struct Way {
    from: Array1<f64>,
    to: Array1<f64>,
}

impl Way {
    fn length(&self) -> f64 {
        distance(self.from.view(), self.to.view())
    }
}

/// The kinds of ways at a place, each with one way for every anchor.
fn ways(look: &Look<'_>, points: &Array2<f64>, pairs: &[Matched], at_input: bool) -> Vec<(&'static str, Vec<Way>)> {
    let between = |to: &dyn Fn(&Matched) -> Array1<f64>| -> Vec<Way> {
        pairs.iter().map(|pair| Way { from: points.row(pair.anchor).to_owned(), to: to(pair) }).collect()
    };
    let random = |pair: &Matched, length: f64| {
        &points.row(pair.anchor) + &(direction(points.ncols(), "polytopes: directions", pair.anchor) * length)
    };
    let apart = |pair: &Matched| distance(points.row(pair.anchor), points.row(pair.same));
    let mut all = vec![
        ("same class", between(&|pair| points.row(pair.same).to_owned())),
        ("other class", between(&|pair| points.row(pair.other).to_owned())),
        ("random direction", between(&|pair| random(pair, apart(pair)))),
    ];
    if at_input && !look.probe.grey.is_empty() {
        let [low, high] = look.probe.ends.map(f64::from);
        let changed = |pair: &Matched| {
            let image = augmented(look.probe.grey[pair.anchor].view(), 0, pair.anchor, pair.anchor);
            image.iter().map(|v| low + f64::from(*v) * (high - low)).collect::<Array1<f64>>()
        };
        let to_augmented = between(&changed);
        let as_far = pairs
            .iter()
            .zip(&to_augmented)
            .map(|(pair, way)| Way { from: points.row(pair.anchor).to_owned(), to: random(pair, way.length()) });
        let as_far = as_far.collect();
        all.push(("augmented", to_augmented));
        all.push(("random, as far as augmented", as_far));
    }
    all
}

/// Rows at a place, `input` or a layer.
pub(super) fn rows(look: &Look<'_>, place: &str) -> Result<Vec<Finding>, KymographError> {
    let polytopes = look.from(place)?;
    if polytopes.code_layers().is_empty() || (look.hard && !look.exact) {
        return Ok(Vec::new());
    }
    let points = look.at(place)?;
    let pairs = matched(points.view(), &look.probe.labels);
    let kinds = ways(look, &points, &pairs, place == "input");
    if !look.hard {
        return soft(look, place, &polytopes, &kinds);
    }
    let mut rows = Vec::new();
    let mut densities = Vec::new();
    for curve in [Curve::Segment, Curve::Arc] {
        let path = if curve == Curve::Segment { "straight" } else { "arc" };
        for (kind, ways) in &kinds {
            // Great circles are taken between images; elsewhere the end would not be reached.
            if curve == Curve::Arc && !["same class", "other class"].contains(kind) {
                continue;
            }
            let found = crossed(&polytopes, ways, curve)?;
            let density: Vec<f64> = found.iter().map(|c| c.total() as f64 / c.length).collect();
            let mut row = look.mean_row("boundary_density", place, &[("pairs", kind), ("path", path)], &density);
            let layers = found.first().map_or(0, |c| c.counts.len());
            let of_layer = |layer: usize| found.iter().map(|c| c.counts[layer] as f64 / c.length).collect::<Vec<_>>();
            row.parts.insert("by_layer".to_owned(), (0..layers).map(|l| mean_of(&of_layer(l))).collect());
            row.parts.insert("length".to_owned(), vec![mean_of(&found.iter().map(|c| c.length).collect::<Vec<_>>())]);
            let ends = |c: &Crossings| c.hamming.iter().sum::<usize>() as f64 / (c.total() as f64).max(1.0);
            row.parts.insert("ends_differ".to_owned(), vec![mean_of(&found.iter().map(ends).collect::<Vec<_>>())]);
            rows.push(row);
            if curve == Curve::Segment {
                let moved: Vec<f64> = found
                    .iter()
                    .filter(|c| c.output_length > 0.0)
                    .map(|c| c.total() as f64 / c.output_length)
                    .collect();
                rows.push(look.mean_row("boundary_density_of_output", place, &[("pairs", kind)], &moved));
            }
            if ["same class", "other class"].contains(kind) {
                densities.push(density);
            }
        }
        if let [same, other] = densities.as_slice() {
            rows.push(ratio(look, "boundary_density_ratio", place, &[("path", path)], other, same));
        }
        densities.clear();
    }
    Ok(rows)
}

fn crossed(polytopes: &Polytopes, ways: &[Way], curve: Curve) -> Result<Vec<Crossings>, KymographError> {
    let of = |at: usize| polytopes.crossings(ways[at].from.view(), ways[at].to.view(), curve);
    Ok(map_indices(ways.len(), of).into_iter().collect::<Result<_, _>>()?)
}

/// Mean of one over mean of the other, with the two exchanged pair by pair at random as null.
fn ratio(
    look: &Look<'_>,
    measure: &str,
    place: &str,
    options: &[(&str, &str)],
    above: &[f64],
    below_line: &[f64],
) -> Finding {
    let mut row = look.row(measure, place, options);
    row.n = Some(above.len());
    let under = mean_of(below_line);
    if above.is_empty() || under <= 0.0 {
        row.notes.push("not measured: no boundary on the ways it is taken relative to".to_owned());
        return row;
    }
    row.value = Some(mean_of(above) / under);
    let draw = |draw: usize| {
        let rng =
            &mut stream_at(look.key.seed.unwrap_or(0), &format!("exchanged pairs {measure} {place}"), draw as u64);
        let (mut a, mut b) = (0.0, 0.0);
        for (x, y) in above.iter().zip(below_line) {
            let (x, y) = if below(rng, 2) == 0 { (x, y) } else { (y, x) };
            a += x;
            b += y;
        }
        a / b
    };
    let draws: Vec<f64> = (0..DRAWS).map(draw).filter(|v| v.is_finite()).collect();
    against(row, "pairs_exchanged", &draws)
}

/// Of smooth activations: total variation of the soft code along each way, sampled.
fn soft(
    look: &Look<'_>,
    place: &str,
    polytopes: &Polytopes,
    kinds: &[(&'static str, Vec<Way>)],
) -> Result<Vec<Finding>, KymographError> {
    let mut rows = Vec::new();
    let mut densities = Vec::new();
    for (kind, ways) in kinds {
        let of = |at: usize| -> Result<f64, KymographError> {
            let way = &ways[at];
            let x = Array2::from_shape_fn((SAMPLES, way.from.len()), |(i, j)| {
                let t = i as f64 / (SAMPLES - 1) as f64;
                (1.0 - t) * way.from[j] + t * way.to[j]
            });
            let gates = polytopes.gates(x.view())?;
            let variation = |layer: usize| {
                let q = gates.elements(layer)?;
                let steps = q.outer_iter().zip(q.outer_iter().skip(1));
                Some(steps.map(|(a, b)| a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>()).sum::<f64>())
            };
            let layers = polytopes.code_layers().len();
            Ok((0..layers).filter_map(variation).sum::<f64>() / way.length())
        };
        let density = map_indices(ways.len(), of).into_iter().collect::<Result<Vec<f64>, _>>()?;
        let mut row = look.mean_row("soft_code_density", place, &[("pairs", kind)], &density);
        row.notes.push(format!("the soft code at {SAMPLES} points of each way: a lower bound of its total variation"));
        rows.push(row);
        if ["same class", "other class"].contains(kind) {
            densities.push(density);
        }
    }
    if let [same, other] = densities.as_slice() {
        rows.push(ratio(look, "soft_code_density_ratio", place, &[], other, same));
    }
    Ok(rows)
}

/// Boundaries along rays from the origin through images and in random directions.
pub(super) fn rays(look: &Look<'_>) -> Result<Vec<Finding>, KymographError> {
    if !look.exact {
        return Ok(Vec::new());
    }
    let x = &look.probe.x;
    let norm = |x: ArrayView1<'_, f64>| x.dot(&x).sqrt();
    let mut norms: Vec<f64> = x.outer_iter().map(norm).collect();
    norms.sort_by(f64::total_cmp);
    let typical = norms[norms.len() / 2];
    let count = RAYS.min(x.nrows());
    let origin = Array1::zeros(x.ncols());
    let mut rows = Vec::new();
    for kind in ["images", "random directions"] {
        let of = |at: usize| -> Result<Vec<f64>, KymographError> {
            let toward = match kind {
                "images" => &x.row(at) / norm(x.row(at)).max(f64::MIN_POSITIVE),
                _ => direction(x.ncols(), "polytopes: rays", at),
            };
            let found = look.polytopes.crossings(origin.view(), (toward * (REACH * typical)).view(), Curve::Segment)?;
            let mut bins = vec![0.0; BINS];
            for (place, _) in found.places {
                bins[((place * BINS as f64) as usize).min(BINS - 1)] += 1.0;
            }
            Ok(bins)
        };
        let all = map_indices(count, of).into_iter().collect::<Result<Vec<_>, _>>()?;
        // Densities of each piece, for each unit of length.
        let width = REACH * typical / BINS as f64;
        let profile: Vec<f64> =
            (0..BINS).map(|bin| mean_of(&all.iter().map(|bins| bins[bin]).collect::<Vec<_>>()) / width).collect();
        let near = |bins: &[f64]| {
            let of_images = (BINS as f64 * 0.5 / REACH) as usize..(BINS as f64 * 1.5 / REACH) as usize;
            let inside: f64 = bins[of_images.clone()].iter().sum::<f64>() / of_images.len() as f64;
            let all = bins.iter().sum::<f64>() / BINS as f64;
            (all > 0.0).then_some(inside / all)
        };
        let values: Vec<f64> = all.iter().filter_map(|bins| near(bins)).collect();
        let mut row = look.mean_row("radial_density", "input", &[("rays", kind)], &values);
        row.nulls.push(Null::exact("spread_evenly", 1.0));
        row.parts.insert("profile".to_owned(), profile);
        row.parts.insert("typical_norm".to_owned(), vec![typical]);
        row.notes.push("near: from half to one and a half times the median norm of the images".to_owned());
        rows.push(row);
    }
    Ok(rows)
}

/// Boundaries to the image that a signed gradient step makes, and to one with the signs at random.
pub(super) fn adversarial(look: &Look<'_>) -> Result<Vec<Finding>, KymographError> {
    if !look.exact {
        return Ok(Vec::new());
    }
    let probe = look.probe;
    let count = RAYS.min(probe.len());
    let some = probe.x.select(Axis(0), &(0..count).collect::<Vec<_>>());
    let labels: Vec<usize> = probe.labels[..count].iter().map(|l| usize::try_from(*l).unwrap_or(0)).collect();
    let images = probe.shaped(some.view());
    let captured =
        look.network.capture_with_gradients(images.view(), labels.as_slice(), Mode::Eval, &["input.grad"])?;
    let Some(gradient) = captured.arrays.get("input.grad") else { return Ok(Vec::new()) };
    let Ok(gradient) = gradient.view().into_shape_with_order((count, some.ncols())) else { return Ok(Vec::new()) };
    let step = ADVERSARIAL * f64::from(probe.ends[1] - probe.ends[0]);
    let way = |at: usize, random: bool| {
        let rng = &mut stream_at(0, "polytopes: random signs", at as u64);
        let to = some.row(at).into_iter().zip(gradient.row(at)).map(|(x, g)| {
            let random_sign = if below(rng, 2) == 0 { 1.0 } else { -1.0 };
            // Pixels without a gradient are moved too, so that both ways are equally long.
            let sign = if random || *g == 0.0 { random_sign } else { f64::from(g.signum()) };
            x + step * sign
        });
        Way { from: some.row(at).to_owned(), to: to.collect() }
    };
    let found = |random: bool| {
        crossed(&look.polytopes, &(0..count).map(|at| way(at, random)).collect::<Vec<_>>(), Curve::Segment)
    };
    let (towards, random) = (found(false)?, found(true)?);
    let counts = |all: &[Crossings]| all.iter().map(|c| c.total() as f64).collect::<Vec<_>>();
    let mut row = ratio(look, "adversarial_crossings", "input", &[], &counts(&towards), &counts(&random));
    let changed = |all: &[Crossings]| all.iter().filter(|c| c.answers.len() > 1).count() as f64 / count as f64;
    row.parts.insert("answers_changed".to_owned(), vec![changed(&towards), changed(&random)]);
    row.parts.insert("crossings".to_owned(), vec![mean_of(&counts(&towards)), mean_of(&counts(&random))]);
    Ok(vec![row])
}
