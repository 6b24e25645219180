//! t-SNE: exact for few rows, through a grid for many.

mod affinities;
mod descent;
mod exact;
mod field;
mod kernel;

use kymograph_linalg::{Real, nearest_neighbours};
use ndarray::{Array2, ArrayView2};

use crate::{MeasureError, check};
use affinities::Affinities;
use descent::{Layout, Phase, Repulsion};

const NAME: &str = "tsne";
/// Up to so many rows everything is summed over all pairs, and up to so many the repulsion, no slower than through the grid.
const EXACT: usize = 500;
const ALL_PAIRS: usize = 1000;

/// How the repulsion of all pairs is summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TsneMethod {
    /// `Exact` up to 500 rows, `Near` up to 1,000, `Interpolated` above.
    #[default]
    Auto,
    /// Affinities and repulsion over all pairs (van der Maaten & Hinton 2008).
    Exact,
    /// Affinities over ⌊3·perplexity⌋ nearest neighbours (van der Maaten 2014), repulsion over all pairs.
    Near,
    /// Affinities as in `Near`, repulsion through a grid (Linderman et al. 2019).
    Interpolated,
}

/// How to lay out. Defaults are those of openTSNE 1.0.4 (Poličar, Stražar & Zupan 2024).
#[derive(Clone, Debug)]
pub struct TsneOptions<'a> {
    /// About how many neighbours a row is to stay near to (30: van der Maaten & Hinton 2008 name 5 to 50).
    pub perplexity: f64,
    /// Iterations with attraction multiplied by `early_exaggeration` (250).
    pub early_iterations: usize,
    /// That factor (12: van der Maaten 2014, section 4.2).
    pub early_exaggeration: f64,
    /// Iterations after those (500).
    pub iterations: usize,
    /// The length of steps; `None` is rows / exaggeration of the phase (Belkina et al. 2019; Kobak & Berens 2019).
    pub learning_rate: Option<f64>,
    /// Momentum of the early iterations.
    pub early_momentum: f64,
    /// Momentum of the others.
    pub momentum: f64,
    /// Where rows start, `[row, axis]`; `None` is at the first two principal components, scaled to a standard deviation of
    /// 10⁻⁴ (Kobak & Berens 2019). For layouts that can be compared from step to step, give the earlier one through
    /// [`super::start_from`], or as it is with `early_iterations` 0.
    pub initial: Option<ArrayView2<'a, f64>>,
    /// How repulsion is summed.
    pub method: TsneMethod,
    /// Seed of the noise, a hundredth of the start's extent, that parts equal rows.
    pub seed: u64,
}

impl Default for TsneOptions<'_> {
    fn default() -> Self {
        Self {
            perplexity: 30.0,
            early_iterations: 250,
            early_exaggeration: 12.0,
            iterations: 500,
            learning_rate: None,
            early_momentum: 0.8,
            momentum: 0.8,
            initial: None,
            method: TsneMethod::Auto,
            seed: 0,
        }
    }
}

/// A layout by t-SNE.
#[derive(Clone, Debug, PartialEq)]
pub struct Tsne {
    /// `[row, axis]`, about mean 0.
    pub embedding: Array2<f64>,
    /// Kullback–Leibler divergence of the layout's similarities from the affinities, in nats, with the layout's summed over
    /// all pairs whatever the method.
    pub kl_divergence: f64,
    /// Iterations of both phases.
    pub iterations: usize,
    /// How repulsion was summed: never `Auto`.
    pub method: TsneMethod,
}

/// **Which rows are each other's neighbours, drawn in the plane?**
///
/// Minimises `Σ pᵢⱼ ln(pᵢⱼ/qᵢⱼ)` over places y of the rows of `x` (`[row, feature]`), with `q ∝ 1/(1 + |yᵢ − yⱼ|²)` and p from
/// Gaussians about every row whose width gives the wanted perplexity, by gradient descent with momentum and gains. With
/// the grid (cubic splines a third apart), forces are within a hundredth of the exact ones, in root mean square, and nearer
/// where rows lie densely. The result depends on options and seed alone, not on threads.
///
/// **Misleads**: distances between groups, their sizes and densities mean little; it shows groups in noise at low
/// perplexity, and tears what is connected. Read it with [`super::knn_preservation()`] and [`super::knn_label_purity()`],
/// beside the same of noise, over several seeds or starts.
///
/// # Errors
/// Empty or not finite input, fewer than 4 rows, rows that are all the same, a perplexity below 1 or above (rows − 1)/3,
/// other options outside their range, or a start of another shape or without variation. Cost: rows² × features for the
/// neighbours; an iteration takes rows² (exact), or rows × perplexity and the square of the layout's extent.
///
/// References: van der Maaten & Hinton 2008, Visualizing data using t-SNE; van der Maaten 2014, Accelerating t-SNE using
/// tree-based algorithms; Linderman et al. 2019 (doi:10.1038/s41592-018-0308-4); Kobak & Berens 2019
/// (doi:10.1038/s41467-019-13056-x); Belkina et al. 2019 (doi:10.1038/s41467-019-13055-y).
///
/// ```
/// use kymograph_measures::embeddings::{TsneOptions, tsne};
/// let x = ndarray::Array2::from_shape_fn((40, 3), |(i, j)| (i / 20) as f64 * 9.0 + (i * (j + 2)) as f64 % 1.7);
/// let layout = tsne(x.view(), &TsneOptions { perplexity: 5.0, ..Default::default() })?;
/// assert_eq!(layout.embedding.dim(), (40, 2));
/// assert!(layout.kl_divergence < 1.0);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn tsne<T: Real>(x: ArrayView2<'_, T>, options: &TsneOptions<'_>) -> Result<Tsne, MeasureError> {
    check::matrix("x", x)?;
    let n = x.nrows();
    check::rows_at_least("x", n, 4, "a perplexity of 1, which asks for 3 neighbours,")?;
    check_options(options, n)?;
    let start = super::start(NAME, x, options.initial, 1e-4, options.seed)?;
    let method = match options.method {
        TsneMethod::Auto if n <= EXACT => TsneMethod::Exact,
        TsneMethod::Auto if n <= ALL_PAIRS => TsneMethod::Near,
        TsneMethod::Auto => TsneMethod::Interpolated,
        chosen => chosen,
    };
    let near = (3.0 * options.perplexity) as usize;
    let (k, mut repulsion) = match method {
        TsneMethod::Exact => (n - 1, Repulsion::Exact),
        TsneMethod::Near => (near, Repulsion::Exact),
        _ => (near, Repulsion::Interpolated(Box::default())),
    };
    let neighbours = nearest_neighbours(x, k).map_err(check::kernel(NAME))?;
    let affinities = Affinities::of(&neighbours, options.perplexity);
    let mut layout = Layout::at(start.outer_iter().map(|row| [row[0], row[1]]).collect());
    for (iterations, exaggeration, momentum) in [
        (options.early_iterations, options.early_exaggeration, options.early_momentum),
        (options.iterations, 1.0, options.momentum),
    ] {
        let learning_rate = options.learning_rate.unwrap_or(n as f64 / exaggeration);
        layout.descend(&affinities, &mut repulsion, Phase { iterations, exaggeration, learning_rate, momentum });
    }
    let embedding = Array2::from_shape_fn((n, 2), |(row, axis)| layout.places[row][axis]);
    let kl_divergence = exact::divergence(&affinities, &layout.places);
    if embedding.iter().chain([&kl_divergence]).any(|value| !value.is_finite()) {
        return Err(bad(
            "learning_rate",
            options.learning_rate.unwrap_or(n as f64),
            "small enough for the descent to stay finite",
        ));
    }
    Ok(Tsne { embedding, kl_divergence, iterations: options.early_iterations + options.iterations, method })
}

fn bad(option: &'static str, value: f64, expected: impl Into<String>) -> MeasureError {
    MeasureError::BadOption { measure: NAME, option, value: value.to_string(), expected: expected.into() }
}

fn check_options(options: &TsneOptions<'_>, n: usize) -> Result<(), MeasureError> {
    let most = (n - 1) as f64 / 3.0;
    if !(1.0..=most).contains(&options.perplexity) {
        return Err(bad("perplexity", options.perplexity, format!("from 1 to {most:.2}, a third of the other rows")));
    }
    if !(1.0..=1e6).contains(&options.early_exaggeration) {
        return Err(bad("early_exaggeration", options.early_exaggeration, "from 1 to 10⁶"));
    }
    if let Some(rate) = options.learning_rate.filter(|rate| !(*rate > 0.0 && *rate <= 1e12)) {
        return Err(bad("learning_rate", rate, "above 0, at most 10¹²"));
    }
    for (option, value) in [("early_momentum", options.early_momentum), ("momentum", options.momentum)] {
        if !(0.0..1.0).contains(&value) {
            return Err(bad(option, value, "from 0 to below 1"));
        }
    }
    Ok(())
}
