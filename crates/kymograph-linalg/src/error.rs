//! What can be wrong with the input of a kernel or a statistic, and where.

use ndarray::ArrayView2;

use crate::Real;

/// An input that has no answer, said with its place and the remedy.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LinalgError {
    /// An entry of a matrix is NaN or infinite.
    #[error(
        "entry at row {row}, column {column} is {value}: the input must be finite; find the step or layer that produced it"
    )]
    NotFinite {
        /// Row of the first such entry.
        row: usize,
        /// Column of the first such entry.
        column: usize,
        /// The entry.
        value: f64,
    },
    /// A value of a list is NaN or infinite.
    #[error("value {index} of {name} is {value}: it must be finite; drop it or repair what produced it")]
    ValueNotFinite {
        /// What the list is.
        name: &'static str,
        /// Position of the first such value.
        index: usize,
        /// The value.
        value: f64,
    },
    /// A result is too large for the number type.
    #[error("{what} is larger than the number type can hold; scale the input down and the result up")]
    Overflow {
        /// What was being computed.
        what: &'static str,
    },
    /// Two shapes that must agree do not.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// Which arrays and which of their axes.
        what: &'static str,
        /// The length that was needed.
        expected: usize,
        /// The length that was given.
        found: usize,
    },
    /// There are too few rows or values for the quantity to exist.
    #[error("{what} needs at least {needed}, found {found}")]
    TooFew {
        /// The quantity and what is counted.
        what: &'static str,
        /// The smallest number that works.
        needed: usize,
        /// The number given.
        found: usize,
    },
    /// A matrix that must be symmetric is not.
    #[error(
        "entries ({row}, {column}) and ({column}, {row}) differ by {difference:e}: the matrix must be symmetric; symmetrise it as (a + aᵀ)/2"
    )]
    NotSymmetric {
        /// Row of the worst pair, below the diagonal.
        row: usize,
        /// Column of the worst pair.
        column: usize,
        /// Absolute difference of the pair.
        difference: f64,
    },
    /// A column holds one value only, so it has no correlation with anything.
    #[error("column {column} is constant, so its correlation is undefined; leave it out")]
    ConstantColumn {
        /// Index of the first such column.
        column: usize,
    },
    /// A number lies outside the range in which the quantity is defined.
    #[error("{name} is {value}: it must lie in {range}")]
    Domain {
        /// The parameter.
        name: &'static str,
        /// What was given.
        value: f64,
        /// The range in words.
        range: &'static str,
    },
    /// Every method of a factorisation failed, the last one included.
    #[error("{what} of a {rows}×{columns} matrix did not converge by any of its methods; check the input's scale")]
    NotConverged {
        /// The factorisation.
        what: &'static str,
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        columns: usize,
    },
}

/// The first entry in row order that is NaN or infinite becomes an error.
pub(crate) fn check_finite<T: Real>(a: &ArrayView2<'_, T>) -> Result<(), LinalgError> {
    for (row, entries) in a.outer_iter().enumerate() {
        // A sum of x·0 is 0 exactly when every x is finite, and it vectorises where a search does not.
        let clean = match entries.as_slice() {
            Some(slice) => slice.iter().fold(T::ZERO, |sum, &x| sum + x * T::ZERO) == T::ZERO,
            None => false,
        };
        if clean {
            continue;
        }
        if let Some((column, &value)) = entries.iter().enumerate().find(|(_, x)| !x.is_finite()) {
            return Err(LinalgError::NotFinite { row, column, value: value.to_f64() });
        }
    }
    Ok(())
}

/// The same for a list.
pub(crate) fn check_values(name: &'static str, values: &[f64]) -> Result<(), LinalgError> {
    match values.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(LinalgError::ValueNotFinite { name, index, value: values[index] }),
        None => Ok(()),
    }
}
