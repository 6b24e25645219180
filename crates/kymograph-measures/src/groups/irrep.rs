//! A real irreducible representation.

use kymograph_linalg::{LinalgError, svd};
use ndarray::{Array1, Array2, Array3, Axis, s};

/// What a real irreducible representation becomes over the complex numbers (Frobenius and Schur).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RealType {
    /// It stays irreducible: its matrix entries span d² functions on the group.
    Real,
    /// It splits into two that are conjugate and different: d²/2 functions.
    Complex,
    /// It splits into two equal ones: d²/4 functions.
    Quaternionic,
}

impl RealType {
    /// How many functions on the group the matrix entries of a representation of this degree span.
    pub fn span_dimension(self, degree: usize) -> usize {
        match self {
            Self::Real => degree * degree,
            Self::Complex => degree * degree / 2,
            Self::Quaternionic => degree * degree / 4,
        }
    }
}

/// A real irreducible representation by orthogonal matrices: ρ(a) ρ(b) = ρ(ab).
#[derive(Clone, Debug)]
pub struct Irrep {
    /// Its name, such as `standard`.
    pub name: String,
    /// Rows of its matrices.
    pub degree: usize,
    /// What it becomes over the complex numbers.
    pub kind: RealType,
    /// element × row × column.
    pub matrices: Array3<f64>,
    /// Trace of each element's matrix.
    pub character: Array1<f64>,
    /// element × function: orthonormal columns that span the functions g → ρ(g)_ij. For the real type √(d/|G|) ρ(g)_ij,
    /// column i·d + j.
    pub span: Array2<f64>,
}

impl Irrep {
    /// From orthogonal matrices that are known to be an irreducible representation of this kind.
    pub(crate) fn of(name: &str, kind: RealType, matrices: Array3<f64>) -> Result<Self, LinalgError> {
        let (order, degree, _) = matrices.dim();
        let entries = entries(&matrices);
        let span = match kind {
            RealType::Real => entries * (degree as f64 / order as f64).sqrt(),
            // All singular values that are not zero are equal, so the cut is safe.
            _ => svd(entries.view())?.u.slice(s![.., ..kind.span_dimension(degree)]).to_owned(),
        };
        Ok(Self::with_span(name, kind, matrices, span))
    }

    pub(crate) fn with_span(name: &str, kind: RealType, matrices: Array3<f64>, span: Array2<f64>) -> Self {
        let character = matrices.axis_iter(Axis(0)).map(|matrix| matrix.diag().sum()).collect();
        Self { name: name.to_owned(), degree: matrices.dim().1, kind, matrices, character, span }
    }
}

/// element × (row · degree + column).
pub(crate) fn entries(matrices: &Array3<f64>) -> Array2<f64> {
    let (order, degree, _) = matrices.dim();
    Array2::from_shape_fn((order, degree * degree), |(g, at)| matrices[[g, at / degree, at % degree]])
}
