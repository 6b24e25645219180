//! HDBSCAN: groups as the regions that stay dense over the widest range of densities, and what belongs to none.

use kymograph_linalg::{Real, parallel};
use ndarray::{Array2, ArrayView2};

use crate::{MeasureError, check};

/// Rows whose distances from all others are taken at once.
const BLOCK: usize = 32;

/// How to fit [`hdbscan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HdbscanOptions {
    /// Rows that make a group; fewer that come away from one are lost to it.
    pub min_cluster_size: usize,
    /// A row is as dense as the distance to its neighbour of this number, itself counted, is small.
    pub min_samples: usize,
    /// How far apart rows are.
    pub metric: Metric,
}

/// How far apart two rows are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// √Σ (a − b)².
    #[default]
    Euclidean,
    /// The share of features of which one is above zero and the other is not: how far apart the hard codes of
    /// pre-activations are.
    Hamming,
}

impl Default for HdbscanOptions {
    /// Five, five and Euclidean, as scikit-learn's.
    fn default() -> Self {
        Self { min_cluster_size: 5, min_samples: 5, metric: Metric::Euclidean }
    }
}

/// Groups found by [`hdbscan`].
#[derive(Clone, Debug, PartialEq)]
pub struct Hdbscan {
    /// The group of every row, numbered by first appearance; `None` for rows of no group.
    pub labels: Vec<Option<usize>>,
    /// The excess of mass of every group: over its rows, the sum of the densities at which they leave it less that at which
    /// it came into being.
    pub stabilities: Vec<f64>,
}

impl Hdbscan {
    /// Number of groups.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.stabilities.len()
    }

    /// Share of the rows that belong to a group.
    #[must_use]
    pub fn assigned(&self) -> f64 {
        self.labels.iter().flatten().count() as f64 / self.labels.len().max(1) as f64
    }
}

/// **Which groups of rows are dense over the widest range of densities, and which rows belong to none?**
///
/// With c(i) the distance of row i from its neighbour number `min_samples` (itself counted), rows are
/// `max(c(i), c(j), ‖xᵢ − xⱼ‖)` apart. As this distance shrinks, density λ = 1/distance grows and the rows fall into parts;
/// a part of at least `min_cluster_size` rows is a group, fewer rows are lost. Of nested groups those are kept whose excess
/// of mass `Σ over rows (λ at which the row leaves − λ at which the group came into being)` is largest, the group of
/// all rows excepted. `x` is `[row, feature]`; Euclidean distances are taken one by one in f64; the single-linkage tree is exact.
///
/// **Ties** are one event: parts that come away at the same distance do so together, so the result does not depend on the
/// order of the rows. (scikit-learn takes ties one by one in the order of its sort; without ties the groups are the same.)
/// Equal rows leave at the largest finite density there is.
///
/// **Misleads**: in many dimensions distances hardly differ and most rows are lost; a purity over the rows that are left
/// speaks of the dense ones only, so state their share, and compare with as many groups of another method on the same rows.
///
/// # Errors
/// Empty or not finite input; `min_cluster_size` below 2 or above the number of rows; `min_samples` of 0 or above the number
/// of rows. Cost: rows² × features, without a table of distances.
///
/// References: Campello, Moulavi & Sander 2013 (doi:10.1007/978-3-642-37456-2_14), sections 3 and 5; McInnes & Healy 2017
/// (arXiv 1705.07321), the condensed tree.
///
/// ```
/// use kymograph_measures::clusters::{HdbscanOptions, hdbscan};
/// let x = ndarray::array![[0.0], [0.1], [0.2], [5.0], [5.1], [5.3], [20.0]];
/// let found = hdbscan(x.view(), &HdbscanOptions { min_cluster_size: 3, min_samples: 2, ..Default::default() })?;
/// assert_eq!(found.labels, [Some(0), Some(0), Some(0), Some(1), Some(1), Some(1), None]);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn hdbscan<T: Real>(x: ArrayView2<'_, T>, options: &HdbscanOptions) -> Result<Hdbscan, MeasureError> {
    check::matrix("x", x)?;
    let rows = x.nrows();
    let bad = |option, value: usize, expected: String| {
        Err(MeasureError::BadOption { measure: "hdbscan", option, value: value.to_string(), expected })
    };
    if options.min_cluster_size < 2 || options.min_cluster_size > rows {
        let expected = format!("from 2 to the number of rows, {rows}");
        return bad("min_cluster_size", options.min_cluster_size, expected);
    }
    if options.min_samples == 0 || options.min_samples > rows {
        return bad("min_samples", options.min_samples, format!("from 1 to the number of rows, {rows}"));
    }
    let apart = Apart::of(x, options.metric);
    let tree = Tree::of(rows, spanning_tree(&apart, rows, options.min_samples));
    let mut found = tree.groups(options.min_cluster_size);
    found.stabilities.iter_mut().for_each(|s| *s /= apart.scale());
    Ok(found)
}

/// Rows and how far apart they are.
pub(super) enum Apart {
    /// Rows over a power of two by which no square overflows.
    Euclidean { x: Array2<f64>, scale: f64 },
    /// Codes, so many words a row.
    Hamming { codes: Vec<u64>, words: usize, width: usize },
}

impl Apart {
    pub(super) fn of<T: Real>(x: ArrayView2<'_, T>, metric: Metric) -> Self {
        if metric == Metric::Euclidean {
            let scale = check::binary_scale(x.iter());
            return Self::Euclidean { x: x.mapv(|v| v.to_f64() / scale), scale };
        }
        let words = x.ncols().div_ceil(64);
        let mut codes = vec![0_u64; words * x.nrows()];
        for (row, code) in x.outer_iter().zip(codes.chunks_exact_mut(words)) {
            for (at, value) in row.iter().enumerate() {
                code[at / 64] |= u64::from(*value > T::ZERO) << (at % 64);
            }
        }
        Self::Hamming { codes, words, width: x.ncols() }
    }

    fn scale(&self) -> f64 {
        if let Self::Euclidean { scale, .. } = self { *scale } else { 1.0 }
    }

    /// In units of the scale.
    pub(super) fn distance(&self, a: usize, b: usize) -> f64 {
        match self {
            Self::Euclidean { x, .. } => {
                x.row(a).iter().zip(x.row(b)).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
            }
            Self::Hamming { codes, words, width } => {
                let code = |row: usize| &codes[row * words..(row + 1) * words];
                let differing: u32 = code(a).iter().zip(code(b)).map(|(a, b)| (a ^ b).count_ones()).sum();
                f64::from(differing) / *width as f64
            }
        }
    }
}

/// The edges (distance, row, row) of a tree of least mutual reachability, by Prim's algorithm.
fn spanning_tree(apart: &Apart, rows: usize, min_samples: usize) -> Vec<(f64, usize, usize)> {
    let core: Vec<f64> = parallel::map_blocks(rows, BLOCK, |range| {
        let of = |row: usize| {
            let mut all: Vec<f64> = (0..rows).map(|other| apart.distance(row, other)).collect();
            *all.select_nth_unstable_by(min_samples - 1, f64::total_cmp).1
        };
        range.map(of).collect::<Vec<f64>>()
    })
    .concat();
    let mut nearest = vec![(f64::INFINITY, 0); rows];
    let mut inside = vec![false; rows];
    let mut edges = Vec::with_capacity(rows.saturating_sub(1));
    let mut last = 0;
    for _ in 1..rows {
        inside[last] = true;
        let new = parallel::map_blocks(rows, rows.div_ceil(8).max(1), |range| {
            let reach = |row: usize| match inside[row] {
                true => f64::INFINITY,
                false => apart.distance(last, row).max(core[last]).max(core[row]),
            };
            range.map(reach).collect::<Vec<f64>>()
        })
        .concat();
        let mut best = (f64::INFINITY, 0);
        for (row, (near, &new)) in nearest.iter_mut().zip(&new).enumerate() {
            if inside[row] {
                continue;
            }
            if new < near.0 {
                *near = (new, last);
            }
            if near.0 < best.0 {
                best = (near.0, row);
            }
        }
        edges.push((best.0, nearest[best.1].1, best.1));
        last = best.1;
    }
    edges.sort_by(|a, b| a.0.total_cmp(&b.0));
    edges
}

/// The parts into which rows fall as the distance shrinks: leaves are rows, nodes behind them join at a distance.
struct Tree {
    rows: usize,
    nodes: Vec<Node>,
}

struct Node {
    distance: f64,
    children: Vec<usize>,
    size: usize,
}

impl Tree {
    fn of(rows: usize, edges: Vec<(f64, usize, usize)>) -> Self {
        let mut nodes: Vec<Node> = (0..rows).map(|_| Node { distance: 0.0, children: Vec::new(), size: 1 }).collect();
        let mut parent: Vec<usize> = (0..rows).collect();
        // The node that stands for the part of a root.
        let mut node_of: Vec<usize> = (0..rows).collect();
        for level in edges.chunk_by(|a, b| a.0 == b.0) {
            let mut joined: Vec<Vec<usize>> = vec![Vec::new(); rows.min(level.len() * 2)];
            let mut slot: std::collections::BTreeMap<usize, usize> = std::collections::BTreeMap::new();
            let mut used = 0;
            for &(_, a, b) in level {
                let (a, b) = (root(&mut parent, a), root(&mut parent, b));
                let mut take = |at: usize| {
                    slot.remove(&at).unwrap_or_else(|| {
                        used += 1;
                        joined[used - 1].push(node_of[at]);
                        used - 1
                    })
                };
                let (of_a, of_b) = (take(a), take(b));
                let (low, high) = (of_a.min(of_b), of_a.max(of_b));
                let moved = std::mem::take(&mut joined[high]);
                joined[low].extend(moved);
                parent[b] = a;
                slot.insert(a, low);
            }
            for (at, place) in slot {
                let children = std::mem::take(&mut joined[place]);
                let size = children.iter().map(|&child| nodes[child].size).sum();
                nodes.push(Node { distance: level[0].0, children, size });
                node_of[at] = nodes.len() - 1;
            }
        }
        Self { rows, nodes }
    }

    fn groups(&self, least: usize) -> Hdbscan {
        let smallest = self.nodes[self.rows..].iter().map(|n| n.distance).find(|d| *d > 0.0).unwrap_or(1.0);
        let density = |node: &Node| 1.0 / node.distance.max(smallest);
        // Group 0 holds all rows. A group comes after the one it came out of.
        let mut parents = vec![0];
        let mut births = vec![0.0];
        let mut stabilities = vec![0.0];
        let mut left = vec![0; self.rows];
        let mut waiting = vec![(self.nodes.len() - 1, 0)];
        while let Some((at, group)) = waiting.pop() {
            let node = &self.nodes[at];
            if node.children.is_empty() {
                continue;
            }
            let now = density(node);
            let big: Vec<usize> = node.children.iter().copied().filter(|&c| self.nodes[c].size >= least).collect();
            for &child in &node.children {
                let size = self.nodes[child].size;
                if size >= least && big.len() == 1 {
                    waiting.push((child, group));
                    continue;
                }
                stabilities[group] += (now - births[group]) * size as f64;
                if size >= least {
                    parents.push(group);
                    births.push(now);
                    stabilities.push(0.0);
                    waiting.push((child, parents.len() - 1));
                } else {
                    self.leaves(child, &mut |row| left[row] = group);
                }
            }
        }
        let kept = chosen(&parents, &stabilities);
        // The kept group that a row's last group lies in.
        let mut inside: Vec<Option<usize>> = vec![None; parents.len()];
        for group in 1..parents.len() {
            inside[group] = inside[parents[group]].or(kept[group].then_some(group));
        }
        let mut order: Vec<usize> = Vec::new();
        let labels = left.iter().map(|&group| {
            let group = inside[group]?;
            let place = order.iter().position(|known| *known == group);
            Some(place.unwrap_or_else(|| {
                order.push(group);
                order.len() - 1
            }))
        });
        let labels = labels.collect();
        Hdbscan { labels, stabilities: order.iter().map(|&group| stabilities[group]).collect() }
    }

    fn leaves(&self, node: usize, work: &mut impl FnMut(usize)) {
        let mut waiting = vec![node];
        while let Some(at) = waiting.pop() {
            if at < self.rows {
                work(at);
            }
            waiting.extend(&self.nodes[at].children);
        }
    }
}

fn root(parent: &mut [usize], mut at: usize) -> usize {
    while parent[at] != at {
        parent[at] = parent[parent[at]];
        at = parent[at];
    }
    at
}

/// Which groups have at least the mass of those inside them, from the innermost outwards; never the first.
fn chosen(parents: &[usize], stabilities: &[f64]) -> Vec<bool> {
    let mut kept = vec![false; parents.len()];
    let mut within = vec![0.0; parents.len()];
    for group in (1..parents.len()).rev() {
        kept[group] = stabilities[group] >= within[group];
        within[parents[group]] += stabilities[group].max(within[group]);
    }
    kept
}
