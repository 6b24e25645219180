//! UMAP.

mod curve;
mod graph;
mod layout;

use kymograph_linalg::{Real, nearest_neighbours, random};
use ndarray::{Array2, ArrayView2, Axis};
use rand::Rng;

use crate::{MeasureError, check};
use curve::Slopes;
use graph::Graph;
use layout::Descent;

const NAME: &str = "umap";
/// Rows start in a square of this side.
const SIDE: f64 = 10.0;

/// How to lay out. Defaults are those of umap-learn 0.5.12 (McInnes, Healy & Melville 2018) but for the start.
#[derive(Clone, Debug)]
pub struct UmapOptions<'a> {
    /// Neighbours of a row, itself included (15).
    pub n_neighbors: usize,
    /// How near rows may lie in the layout (0.1).
    pub min_dist: f64,
    /// The scale of the layout (1).
    pub spread: f64,
    /// Epochs of the descent; `None` is 500 up to 10,000 rows, 200 above.
    pub epochs: Option<usize>,
    /// The length of the first steps, from which it falls to 0 (1).
    pub learning_rate: f64,
    /// Rows that a row is pushed from each time a pair pulls (5).
    pub negative_samples: usize,
    /// Weight of the pushes (1).
    pub repulsion: f64,
    /// Where rows start, `[row, axis]`; `None` is at the first two principal components stretched to a square of side 10
    /// (Kobak & Linderman 2021 find it no worse than the spectral start). It is used as it is.
    pub initial: Option<ArrayView2<'a, f64>>,
    /// Seed of the noise on the start and of the rows drawn.
    pub seed: u64,
}

impl Default for UmapOptions<'_> {
    fn default() -> Self {
        Self {
            n_neighbors: 15,
            min_dist: 0.1,
            spread: 1.0,
            epochs: None,
            learning_rate: 1.0,
            negative_samples: 5,
            repulsion: 1.0,
            initial: None,
            seed: 0,
        }
    }
}

/// A layout by UMAP.
#[derive(Clone, Debug, PartialEq)]
pub struct Umap {
    /// `[row, axis]`.
    pub embedding: Array2<f64>,
    /// The curve's a and b, `1/(1 + a·d^2b)`.
    pub curve: [f64; 2],
    /// Pairs of rows that are neighbours to some degree.
    pub pairs: usize,
    /// Epochs of the descent.
    pub epochs: usize,
}

/// **How do the neighbourhoods of the rows hang together, drawn in the plane?**
///
/// Lowers the cross entropy of the memberships of `x`'s rows (`[row, feature]`) in each other's neighbourhoods and those
/// that `1/(1 + a·d^2b)` gives in the layout, by pulling neighbours together and pushing rows from others drawn at random.
/// Neighbours are exact. An epoch goes in 8 rounds, in which rows see each other where they were at the round's beginning,
/// so the result depends on options and seed alone, not on threads; umap-learn takes the pairs in turn, or in races.
///
/// **Misleads**: as [`super::tsne()`]: it shows groups in noise, and distances between groups mean little; `n_neighbors`
/// and `min_dist` decide how tight they look.
///
/// # Errors
/// Empty or not finite input, fewer than 3 rows, rows that are all the same, `n_neighbors` below 2 or above the rows, or other
/// options outside their range. Cost: rows² × features for the neighbours; epochs × rows × n_neighbors.
///
/// References: McInnes, Healy & Melville 2018 (arXiv:1802.03426); Kobak & Linderman 2021
/// (doi:10.1038/s41587-020-00809-z).
///
/// ```
/// use kymograph_measures::embeddings::{UmapOptions, umap};
/// let x = ndarray::Array2::from_shape_fn((40, 3), |(i, j)| (i / 20) as f64 * 9.0 + (i * (j + 2)) as f64 % 1.7);
/// let layout = umap(x.view(), &UmapOptions { n_neighbors: 8, ..Default::default() })?;
/// assert_eq!((layout.embedding.dim(), layout.epochs), ((40, 2), 500));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn umap<T: Real>(x: ArrayView2<'_, T>, options: &UmapOptions<'_>) -> Result<Umap, MeasureError> {
    check::matrix("x", x)?;
    let n = x.nrows();
    check::rows_at_least("x", n, 3, "a layout of neighbourhoods")?;
    check_options(options, n)?;
    let epochs = options.epochs.unwrap_or(if n <= 10_000 { 500 } else { 200 });
    let mut start = super::start(NAME, x, options.initial, 1.0, options.seed)?;
    if options.initial.is_none() {
        for mut axis in start.axis_iter_mut(Axis(1)) {
            let low = axis.iter().copied().fold(f64::INFINITY, f64::min);
            let high = axis.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            axis.mapv_inplace(|value| SIDE * (value - low) / (high - low).max(f64::MIN_POSITIVE));
        }
    }
    let neighbours = nearest_neighbours(x, options.n_neighbors - 1).map_err(check::kernel(NAME))?;
    let graph = Graph::of(&neighbours);
    let curve = curve::fit(options.min_dist, options.spread);
    let slopes = Slopes::of(curve[0], curve[1], options.repulsion);
    let descent = Descent {
        epochs,
        learning_rate: options.learning_rate,
        negative_samples: options.negative_samples,
        key: random::stream(options.seed, "negative samples").next_u64(),
    };
    let start = start.outer_iter().map(|row| [row[0] as f32, row[1] as f32]).collect();
    let places = layout::descend(&graph, start, &slopes, &descent);
    let embedding = Array2::from_shape_fn((n, 2), |(row, axis)| f64::from(places[row][axis]));
    if embedding.iter().any(|value| !value.is_finite()) {
        let expected = "small enough for the descent to stay finite";
        return Err(bad("learning_rate", options.learning_rate, expected));
    }
    let pairs = graph.rows.iter().map(Vec::len).sum::<usize>() / 2;
    Ok(Umap { embedding, curve, pairs, epochs })
}

fn bad(option: &'static str, value: impl ToString, expected: impl Into<String>) -> MeasureError {
    MeasureError::BadOption { measure: NAME, option, value: value.to_string(), expected: expected.into() }
}

fn check_options(options: &UmapOptions<'_>, n: usize) -> Result<(), MeasureError> {
    if !(2..=n).contains(&options.n_neighbors) {
        return Err(bad("n_neighbors", options.n_neighbors, format!("from 2 to the {n} rows")));
    }
    if !(options.spread > 0.0 && options.spread <= 1e3) {
        return Err(bad("spread", options.spread, "above 0, at most 1000"));
    }
    if !(0.0..=options.spread).contains(&options.min_dist) {
        return Err(bad("min_dist", options.min_dist, format!("from 0 to the spread, {}", options.spread)));
    }
    if !(options.learning_rate > 0.0 && options.learning_rate <= 1e3) {
        return Err(bad("learning_rate", options.learning_rate, "above 0, at most 1000"));
    }
    if !(0.0..=1e3).contains(&options.repulsion) {
        return Err(bad("repulsion", options.repulsion, "from 0 to 1000"));
    }
    if options.epochs == Some(0) {
        return Err(bad("epochs", 0, "at least 1"));
    }
    if options.negative_samples > 1000 {
        return Err(bad("negative_samples", options.negative_samples, "at most 1000"));
    }
    Ok(())
}
