//! Codes for directions that are known: what any encoder could at best make of them.

use kymograph_linalg::{Real, Wide, cross_gram, gram, parallel, widest};
use ndarray::{Array2, ArrayView2};

use crate::{MeasureError, check};

/// Examples solved by one thread at a time.
const BLOCK: usize = 8;
/// Share of an example's length below which a direction's product with what is left counts as nothing.
const TOLERANCE: f64 = 1e-9;
/// Share of a direction's squared length that must stand out of the directions in use for it to join them.
const DEPENDENT: f64 = 1e-11;

/// **Of how much of each known direction, none negative, is each example nearest to a sum?**
///
/// `argmin ‖x − c · D‖` over codes `c ≥ 0`, for directions D (`[direction, feature]`, of any length) and examples `x` (`[example,
/// feature]`); the result is `[example, direction]`. Lawson and Hanson's active set on the products of directions: the direction
/// most correlated with what is left joins the set, directions that would turn negative leave it, until no cosine of a direction
/// with what is left, as a share of the example's length, is above 10⁻⁹. With the true directions it says what an encoder that may
/// compute as long as it likes makes of the examples without knowing how many directions are in them.
///
/// **Misleads**: nothing asks the codes to be sparse; where directions are many and examples dense, several sums are equally near
/// (and exact), and this returns one of them. A row of zeros has no direction and the code 0.
///
/// # Errors
/// Numbers of features that differ, empty or not finite input, directions that are all zero; a search that does not end within
/// 10 steps a direction. Cost: directions² × features once; per example about (steps × directions × used + steps × used³).
///
/// References: Lawson & Hanson 1974, Solving least squares problems, chapter 23; Bro & De Jong 1997, A fast
/// non-negativity-constrained least squares algorithm (on the products).
///
/// ```
/// use kymograph_measures::dictionaries::nonnegative_least_squares;
/// let directions = ndarray::array![[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]];
/// let codes = nonnegative_least_squares(directions.view(), ndarray::array![[2.0, 3.0], [1.0, -1.0]].view())?;
/// let expected = ndarray::array![[2.0, 3.0, 0.0], [2.0, 0.0, 1.0]];
/// assert!((&codes - &expected).iter().all(|difference| difference.abs() < 1e-12));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn nonnegative_least_squares<T: Real>(
    directions: ArrayView2<'_, T>,
    x: ArrayView2<'_, T>,
) -> Result<Array2<f64>, MeasureError> {
    let problem = Problem::new("nonnegative_least_squares", directions, x)?;
    let every: Vec<usize> = (0..problem.lengths.len()).collect();
    problem.each(|example, codes| problem.solve(example, &every, codes))
}

/// **Which few known directions, none negative, make up each example when taken one after the other?**
///
/// Non-negative orthogonal matching pursuit: of the directions not chosen yet the one whose cosine with what is left is largest
/// joins, all codes are solved anew by non-negative least squares on the chosen ones, until `counts[example]` are chosen or no
/// cosine is above 10⁻⁹ of the example's length. Shapes as in [`nonnegative_least_squares`]. With the true directions and
/// the true number of them it says what an encoder that knows both makes of the examples.
///
/// **Misleads**: greedy: a direction between two true ones may be chosen before them, and stays; a chosen direction may end with
/// the code 0.
///
/// # Errors
/// Those of [`nonnegative_least_squares`], and counts that are not one an example. Cost: as there, times the count.
///
/// Reference: Bruckstein, Elad & Zibulevsky 2008, On the uniqueness of nonnegative sparse solutions to underdetermined systems
/// of equations (doi:10.1109/TIT.2008.929920).
///
/// ```
/// use kymograph_measures::dictionaries::nonnegative_matching_pursuit;
/// let directions = ndarray::array![[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]];
/// let codes = nonnegative_matching_pursuit(directions.view(), ndarray::array![[1.0, 3.0, 2.0]].view(), &[2])?;
/// assert_eq!(codes, ndarray::array![[0.0, 1.5, 2.0]]);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn nonnegative_matching_pursuit<T: Real>(
    directions: ArrayView2<'_, T>,
    x: ArrayView2<'_, T>,
    counts: &[usize],
) -> Result<Array2<f64>, MeasureError> {
    let problem = Problem::new("nonnegative_matching_pursuit", directions, x)?;
    check::same_size("examples", ("x", x.nrows()), ("counts", counts.len()))?;
    let every: Vec<usize> = (0..problem.lengths.len()).collect();
    problem.each(|example, codes| {
        let mut chosen: Vec<usize> = Vec::new();
        while chosen.len() < counts[example] {
            let Some(next) = problem.steepest(example, &every, codes, |direction| !chosen.contains(&direction)) else {
                break;
            };
            chosen.push(next);
            chosen.sort_unstable();
            problem.solve(example, &chosen, codes)?;
        }
        Ok(())
    })
}

/// Everything that solving needs, of unit directions and unit examples.
struct Problem {
    measure: &'static str,
    /// Products of directions.
    gram: Array2<f64>,
    /// Products of examples with directions.
    products: Array2<f64>,
    /// What a unit direction's code is divided by; 0 for a direction that is all zero.
    lengths: Vec<f64>,
    /// Of the examples.
    sizes: Vec<f64>,
}

impl Problem {
    fn new<T: Real>(
        measure: &'static str,
        directions: ArrayView2<'_, T>,
        x: ArrayView2<'_, T>,
    ) -> Result<Self, MeasureError> {
        check::matrix("directions", directions)?;
        check::matrix("x", x)?;
        check::same_size("features", ("directions", directions.ncols()), ("x", x.ncols()))?;
        let unit = check::unit_rows(directions);
        if unit.zero.iter().all(|zero| *zero) {
            return Err(MeasureError::NoVariation { input: "directions", what: "every direction is all zero" });
        }
        let examples = check::unit_rows(x);
        Ok(Self {
            measure,
            gram: gram(unit.rows.view()).as_standard_layout().into_owned(),
            products: cross_gram(examples.rows.view(), unit.rows.view()),
            lengths: directions.outer_iter().map(check::norm).collect(),
            sizes: x.outer_iter().map(check::norm).collect(),
        })
    }

    /// Codes of every example, in the units of the arrays.
    fn each(
        &self,
        solve: impl Fn(usize, &mut [f64]) -> Result<(), MeasureError> + Sync + Send,
    ) -> Result<Array2<f64>, MeasureError> {
        let (examples, directions) = self.products.dim();
        let rows = parallel::map_blocks(examples, BLOCK, |range| -> Result<Vec<f64>, MeasureError> {
            let mut rows = vec![0.0; range.len() * directions];
            for (example, codes) in range.zip(rows.chunks_exact_mut(directions)) {
                solve(example, codes)?;
                for (code, length) in codes.iter_mut().zip(&self.lengths) {
                    *code = if *code > 0.0 {
                        check::number(self.measure, *code * self.sizes[example] / length)?
                    } else {
                        0.0
                    };
                }
            }
            Ok(rows)
        });
        let rows = rows.into_iter().collect::<Result<Vec<_>, MeasureError>>()?.concat();
        // As many as were asked for.
        Ok(Array2::from_shape_vec((examples, directions), rows).unwrap_or_default())
    }

    /// Of these directions the one along which most of an example is left; the first of equals, none where nothing is.
    fn steepest(&self, example: usize, among: &[usize], codes: &[f64], free: impl Fn(usize) -> bool) -> Option<usize> {
        let used = check::places(codes.iter().map(|code| *code > 0.0));
        let products = self.products.row(example);
        // Many are taken together, row by row of the products of directions; of a few each is taken alone.
        let all = (4 * among.len() > codes.len()).then(|| {
            let mut left = products.to_vec();
            let gram = self.gram.as_slice().unwrap_or_default();
            widest(TakeOff { gram, used: &used, codes, left: &mut left });
            left
        });
        let mut best = (TOLERANCE, None);
        for &direction in among.iter().filter(|&&direction| free(direction)) {
            let left = all.as_ref().map(|all| all[direction]).unwrap_or_else(|| {
                let row = self.gram.row(direction);
                products[direction] - used.iter().map(|&other| row[other] * codes[other]).sum::<f64>()
            });
            if left > best.0 {
                best = (left, Some(direction));
            }
        }
        best.1
    }

    /// Non-negative least squares of one example on some directions, from zero.
    fn solve(&self, example: usize, allowed: &[usize], codes: &mut [f64]) -> Result<(), MeasureError> {
        codes.fill(0.0);
        // Directions in use; and those that depend on them, until the set changes.
        let (mut used, mut refused): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        let mut factor = Factor::default();
        for _ in 0..10 * allowed.len() + 10 {
            let free = |at| !used.contains(&at) && !refused.contains(&at);
            let Some(next) = self.steepest(example, allowed, codes, free) else { return Ok(()) };
            if !factor.push(&self.gram, &used, next) {
                refused.push(next);
                continue;
            }
            used.push(next);
            let mut solution = self.least_squares(example, &used, &factor);
            if solution[used.len() - 1] <= 0.0 {
                // Only rounding said that more of it would help.
                used.pop();
                factor.pop();
                refused.push(next);
                continue;
            }
            refused.clear();
            while solution.iter().any(|value| *value <= 0.0) {
                let mut step = f64::INFINITY;
                let mut leaves = 0;
                for (place, (&at, &value)) in used.iter().zip(&solution).enumerate() {
                    if value <= 0.0 && codes[at] / (codes[at] - value) < step {
                        (step, leaves) = (codes[at] / (codes[at] - value), place);
                    }
                }
                used.iter().zip(&solution).for_each(|(&at, value)| codes[at] += step * (value - codes[at]));
                codes[used[leaves]] = 0.0;
                used.retain(|&at| codes[at] > 0.0);
                factor = Factor::default();
                // A part of an independent set is independent.
                if !(0..used.len()).all(|count| factor.push(&self.gram, &used[..count], used[count])) {
                    return Err(self.endless(example));
                }
                solution = self.least_squares(example, &used, &factor);
            }
            codes.fill(0.0);
            used.iter().zip(&solution).for_each(|(&at, value)| codes[at] = *value);
        }
        Err(self.endless(example))
    }

    fn endless(&self, example: usize) -> MeasureError {
        let message =
            format!("the search for the codes of example {example} does not end; directions are nearly dependent");
        MeasureError::Kernel { measure: self.measure, message }
    }

    /// Codes of some directions by their normal equations, of which the factor is there.
    fn least_squares(&self, example: usize, used: &[usize], factor: &Factor) -> Vec<f64> {
        let mut solution: Vec<f64> = used.iter().map(|&at| self.products[[example, at]]).collect();
        for i in 0..used.len() {
            let row = factor.row(i);
            let before: f64 = row[..i].iter().zip(&solution).map(|(a, b)| a * b).sum();
            solution[i] = (solution[i] - before) / row[i];
        }
        for i in (0..used.len()).rev() {
            let row = factor.row(i);
            solution[i] /= row[i];
            let value = solution[i];
            solution[..i].iter_mut().zip(row).for_each(|(earlier, a)| *earlier -= a * value);
        }
        solution
    }
}

/// The Cholesky factor of the products of the directions in use, which grows with them.
#[derive(Default)]
struct Factor {
    /// Row after row of the lower triangle.
    values: Vec<f64>,
    rows: usize,
}

impl Factor {
    fn row(&self, at: usize) -> &[f64] {
        &self.values[at * (at + 1) / 2..][..at + 1]
    }

    /// Adds a direction to those in use; false, and nothing added, where it depends on them.
    fn push(&mut self, gram: &Array2<f64>, used: &[usize], next: usize) -> bool {
        let mut row: Vec<f64> = Vec::with_capacity(used.len() + 1);
        for (at, &other) in used.iter().enumerate() {
            let earlier = self.row(at);
            let sum: f64 = earlier[..at].iter().zip(&row).map(|(a, b)| a * b).sum();
            row.push((gram[[next, other]] - sum) / earlier[at]);
        }
        let left = gram[[next, next]] - row.iter().map(|a| a * a).sum::<f64>();
        if left <= DEPENDENT {
            return false;
        }
        row.push(left.sqrt());
        self.values.extend(row);
        self.rows += 1;
        true
    }

    fn pop(&mut self) {
        self.rows -= 1;
        self.values.truncate(self.rows * (self.rows + 1) / 2);
    }
}

/// Takes what the codes rebuild off an example's products with all directions.
struct TakeOff<'a> {
    /// Row after row.
    gram: &'a [f64],
    used: &'a [usize],
    codes: &'a [f64],
    left: &'a mut [f64],
}

impl Wide for TakeOff<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for &other in self.used {
            // Products are the same both ways.
            let row = &self.gram[other * self.left.len()..(other + 1) * self.left.len()];
            let code = self.codes[other];
            self.left.iter_mut().zip(row).for_each(|(left, product)| *left -= code * product);
        }
    }
}
