//! A real irreducible representation.

use ndarray::{Array1, Array2, Array3};

/// What a real irreducible representation becomes over the complex numbers (Frobenius and Schur).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RealType {
    /// It stays irreducible: its matrix entries span d² functions on the group.
    Real,
    /// It splits into two that are conjugate and different: d²/2 functions.
    Complex,
    /// It splits into two equal ones: d²/4 functions.
    Quaternionic,
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
    /// element × function: orthonormal columns that span the functions g → ρ(g)_ij.
    pub span: Array2<f64>,
}
