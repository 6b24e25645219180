//! Permutation tests and the p value of an observation among drawn nulls.

use rand::Rng;

use super::check_count;
use crate::LinalgError;
use crate::error::check_values;
use crate::random::shuffle;

/// Which values of a statistic speak against the null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Large ones.
    Greater,
    /// Small ones.
    Less,
    /// Those of large magnitude: for statistics that are centred on zero under the null.
    TwoSided,
}

/// A statistic beside what it is when the groups mean nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct PermutationTest {
    /// The statistic of the groups as given.
    pub observed: f64,
    /// The statistic of each random regrouping, in the order drawn.
    pub null: Vec<f64>,
    /// `(1 + b)/(1 + m)`, with b of the m regroupings at least as extreme as the observation.
    pub p: f64,
}

/// How often is a null at least as extreme as the observation? `(1 + b)/(1 + m)`, never 0 (Phipson and Smyth 2010,
/// 10.2202/1544-6115.1585).
///
/// With m nulls the smallest possible value is 1/(1 + m): 19 nulls can just reach 0.05.
///
/// # Errors
/// No nulls, or a number that is not finite.
///
/// ```
/// use kymograph_linalg::statistics::{Tail, permutation_p_value};
/// assert_eq!(permutation_p_value(3.0, &[1.0, 2.0, 3.0], Tail::Greater).unwrap(), 0.5);
/// ```
pub fn permutation_p_value(observed: f64, null: &[f64], tail: Tail) -> Result<f64, LinalgError> {
    check_count("a permutation p value: nulls", null.len(), 1)?;
    check_values("the observed statistic", &[observed])?;
    check_values("the null", null)?;
    let extreme = null
        .iter()
        .filter(|&&value| match tail {
            Tail::Greater => value >= observed,
            Tail::Less => value <= observed,
            Tail::TwoSided => value.abs() >= observed.abs(),
        })
        .count();
    Ok((1 + extreme) as f64 / (1 + null.len()) as f64)
}

/// Do two groups differ by more than a random regrouping of their values? `statistic` is of (first, second) group.
///
/// The values must be exchangeable under the null: independent, not units of one network taken as if they were.
///
/// # Errors
/// An empty group, no permutations, a value or statistic that is not finite.
pub fn permutation_test<R: Rng + ?Sized>(
    first: &[f64],
    second: &[f64],
    statistic: impl Fn(&[f64], &[f64]) -> f64,
    permutations: usize,
    tail: Tail,
    rng: &mut R,
) -> Result<PermutationTest, LinalgError> {
    check_count("a permutation test: values of the first group", first.len(), 1)?;
    check_count("a permutation test: values of the second group", second.len(), 1)?;
    check_count("a permutation test: permutations", permutations, 1)?;
    check_values("the first group", first)?;
    check_values("the second group", second)?;
    let observed = statistic(first, second);
    let mut pool = [first, second].concat();
    let null: Vec<f64> = (0..permutations)
        .map(|_| {
            shuffle(rng, &mut pool);
            let (first, second) = pool.split_at(first.len());
            statistic(first, second)
        })
        .collect();
    let p = permutation_p_value(observed, &null, tail)?;
    Ok(PermutationTest { observed, null, p })
}
