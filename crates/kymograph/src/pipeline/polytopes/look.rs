//! What the study looks at: a network at a step, the probe's images as points, pairs of them of matched length, and rows.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use kymograph_findings::{Finding, Null, RunKey};
use kymograph_linalg::random::{below, normal, sample, stream, stream_at};
use kymograph_linalg::statistics::bootstrap_interval;
use kymograph_nets::{Codes, Network, Polytopes};
use ndarray::{Array1, Array2, ArrayD, ArrayView1, ArrayView2, Axis, Ix4, IxDyn};

use super::super::page::mean_of;
use super::rivals::Rivals;
use crate::error::KymographError;

/// Raised when the same networks and images give other rows.
pub(super) const VERSION: u32 = 2;
/// Pairs of each kind, one kind laid beside the other pair by pair.
const PAIRS: usize = 100;
/// Units above which paths are not followed boundary by boundary.
pub(super) const MOST_UNITS: usize = 2000;
const RESAMPLES: usize = 500;
/// Draws of nulls.
pub(super) const DRAWS: usize = 199;

/// The probe's images as points, with their classes.
pub(super) struct Probe {
    /// `[image, pixel]`
    pub(super) x: Array2<f64>,
    pub(super) labels: Vec<i64>,
    /// Shape of one image, as the network takes it.
    shape: Vec<usize>,
    /// Each image from 0, black, to 1, where there is one channel; and what these two are to the network.
    pub(super) grey: Vec<Array2<f32>>,
    pub(super) ends: [f32; 2],
    rivals: OnceLock<Rivals>,
}

impl Probe {
    pub(super) fn of(inputs: &ArrayD<f32>, labels: &[i64]) -> Option<Self> {
        let n = inputs.shape().first().copied().filter(|n| *n == labels.len() && *n > 0)?;
        let size = inputs.len() / n;
        let x = inputs.mapv(f64::from).into_shape_with_order((n, size)).ok()?;
        let images = inputs.view().into_dimensionality::<Ix4>().ok()?;
        let ends = inputs.iter().fold([f32::INFINITY, f32::NEG_INFINITY], |[a, b], v| [a.min(*v), b.max(*v)]);
        let grey =
            |image: usize| images.slice(ndarray::s![image, 0, .., ..]).mapv(|v| (v - ends[0]) / (ends[1] - ends[0]));
        let grey =
            if images.len_of(Axis(1)) == 1 && ends[1] > ends[0] { (0..n).map(grey).collect() } else { Vec::new() };
        Some(Self {
            x,
            labels: labels.to_vec(),
            shape: inputs.shape()[1..].to_vec(),
            grey,
            ends,
            rivals: OnceLock::new(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    /// The same images with the same classes?
    pub(super) fn is(&self, other: &Self) -> bool {
        self.labels == other.labels && self.shape == other.shape && self.x == other.x
    }

    /// Partitions of its points, cut when they are first asked for.
    pub(super) fn rivals(&self) -> Result<&Rivals, KymographError> {
        if let Some(rivals) = self.rivals.get() {
            return Ok(rivals);
        }
        let rivals = Rivals::of(self)?;
        Ok(self.rivals.get_or_init(|| rivals))
    }

    /// Points of pixels as a network takes them.
    pub(super) fn shaped(&self, x: ArrayView2<'_, f64>) -> ArrayD<f32> {
        let shape: Vec<usize> = [&[x.nrows()], self.shape.as_slice()].concat();
        let values: Vec<f32> = x.iter().map(|v| *v as f32).collect();
        ArrayD::from_shape_vec(IxDyn(&shape), values).unwrap_or_default()
    }
}

/// A network at a step, and what of it is looked at.
pub(super) struct Look<'a> {
    pub(super) key: &'a RunKey,
    pub(super) step: u64,
    pub(super) network: &'a Network<f32>,
    pub(super) probe: &'a Probe,
    pub(super) polytopes: Polytopes,
    /// Layers with a code whose outputs are vectors, in order; of a network without any, its flattened features.
    pub(super) layers: Vec<String>,
    /// May paths be followed boundary by boundary?
    pub(super) exact: bool,
    /// Has it so few units that its codes are computed in f64?
    pub(super) small: bool,
    /// Are all codes hard?
    pub(super) hard: bool,
}

impl<'a> Look<'a> {
    pub(super) fn of(
        key: &'a RunKey,
        step: u64,
        network: &'a Network<f32>,
        probe: &'a Probe,
    ) -> Result<Self, KymographError> {
        let polytopes = Polytopes::new(network, "input")?;
        let coded = polytopes.code_layers();
        let vectors: Vec<String> =
            network.hook_points().into_iter().filter(|h| h.shape.len() == 1).map(|h| h.name).collect();
        let mut layers: Vec<String> =
            coded.iter().filter(|layer| vectors.contains(&layer.name)).map(|layer| layer.name.clone()).collect();
        if layers.is_empty() {
            layers.extend(vectors.iter().find(|name| *name == "flatten").cloned());
        }
        let hard = coded.iter().all(|layer| layer.hard);
        let units: usize = coded.iter().map(|layer| layer.elements).sum();
        Ok(Self {
            key,
            step,
            network,
            probe,
            polytopes,
            layers,
            exact: hard && units <= MOST_UNITS,
            small: units <= MOST_UNITS,
            hard,
        })
    }

    /// The network from a place on.
    pub(super) fn from(&self, place: &str) -> Result<Polytopes, KymographError> {
        Ok(Polytopes::new(self.network, place)?)
    }

    /// The probe at a place.
    pub(super) fn at(&self, place: &str) -> Result<Array2<f64>, KymographError> {
        if place == "input" {
            return Ok(self.probe.x.clone());
        }
        if !self.small {
            let images = self.probe.shaped(self.probe.x.view());
            let taken = self.network.capture(images.view(), &[place])?.remove(place).unwrap_or_default();
            let shape = (self.probe.len(), taken.len() / self.probe.len());
            return Ok(taken.mapv(f64::from).into_shape_with_order(shape).unwrap_or_default());
        }
        Ok(Polytopes::between(self.network, "input", place)?.outputs(self.probe.x.view())?)
    }

    /// The hard codes of the probe; of large networks through their own kernels.
    pub(super) fn codes(&self) -> Result<Codes, KymographError> {
        if self.small {
            return Ok(self.polytopes.codes(self.probe.x.view())?);
        }
        Ok(self.network.codes(self.probe.shaped(self.probe.x.view()).view())?)
    }

    /// A row about an array of this network.
    pub(super) fn row(&self, measure: &str, array: &str, options: &[(&str, &str)]) -> Finding {
        Finding {
            measure: measure.to_owned(),
            options: options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            run: self.key.clone(),
            array: array.to_owned(),
            other_array: None,
            steps: vec![self.step],
            value: None,
            interval: None,
            nulls: Vec::new(),
            ceiling: None,
            parts: BTreeMap::new(),
            n: None,
            notes: Vec::new(),
            version: VERSION,
        }
    }

    /// The same with the mean of some values, and its interval by resampling them.
    pub(super) fn mean_row(&self, measure: &str, array: &str, options: &[(&str, &str)], values: &[f64]) -> Finding {
        let mut row = self.row(measure, array, options);
        row.n = Some(values.len());
        if values.is_empty() {
            row.notes.push("not measured: no example of the kind".to_owned());
            return row;
        }
        row.value = Some(mean_of(values));
        let rng = &mut stream(
            self.key.seed.unwrap_or(0),
            &format!("interval of {measure} {array} {options:?} {}", self.step),
        );
        row.interval = bootstrap_interval(values, mean_of, RESAMPLES, 0.95, rng).ok().map(|i| [i.low, i.high]);
        row
    }
}

/// A row whose value was drawn against chance.
pub(super) fn against(mut row: Finding, kind: &str, draws: &[f64]) -> Finding {
    if let Some(value) = row.value {
        row.nulls.extend(Null::of_draws(kind, draws, value));
    }
    row
}

/// An image with one of its class and one of another about as far away.
pub(super) struct Matched {
    pub(super) anchor: usize,
    pub(super) same: usize,
    pub(super) other: usize,
}

pub(super) fn distance(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

/// For some of the points a partner of the same class, drawn at random, and of all points of other classes the one whose
/// distance is nearest to that one's. The draw depends on nothing but the labels.
pub(super) fn matched(points: ArrayView2<'_, f64>, labels: &[i64]) -> Vec<Matched> {
    let n = labels.len();
    let order = sample(&mut stream(0, "polytopes: anchors"), n, PAIRS.min(n));
    order
        .into_iter()
        .filter_map(|anchor| {
            let rng = &mut stream_at(0, "polytopes: partners", anchor as u64);
            let own: Vec<usize> = (0..n).filter(|&i| i != anchor && labels[i] == labels[anchor]).collect();
            let same = *own.get(below(rng, own.len().max(1)))?;
            let wanted = distance(points.row(anchor), points.row(same));
            let others = (0..n).filter(|&i| labels[i] != labels[anchor]);
            let off = |i: &usize| (distance(points.row(anchor), points.row(*i)) - wanted).abs();
            let other = others.min_by(|a, b| off(a).total_cmp(&off(b)))?;
            (wanted > 0.0).then_some(Matched { anchor, same, other })
        })
        .collect()
}

/// A direction of length one, uniform over all.
pub(super) fn direction(size: usize, purpose: &str, index: usize) -> Array1<f64> {
    let rng = &mut stream_at(0, purpose, index as u64);
    let drawn = Array1::from_shape_simple_fn(size, || normal(rng));
    let length = drawn.dot(&drawn).sqrt();
    drawn / length
}

/// The place of the largest number, the first of equals.
pub(super) fn largest(values: ArrayView1<'_, f64>) -> usize {
    values.iter().enumerate().fold((0, f64::NEG_INFINITY), |b, (i, v)| if *v > b.1 { (i, *v) } else { b }).0
}
