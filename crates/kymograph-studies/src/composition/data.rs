//! The group a setting names, and which of its pairs are trained on.

use std::path::Path;

use kymograph_linalg::random::torch_permutation;
use kymograph_measures::groups::Group;
use kymograph_runs::{NpyArray, RunsError, read_npy, read_numbers};
use ndarray::{Array2, ArrayD};

use crate::error::StudyError;

/// The group of this name (`S5`, `A5`, `C113`, `D59`, `C2xC3`), or of a multiplication table in a `.csv` or `.npy` file:
/// row a, column b holds the number of ab, counted from 0.
///
/// # Errors
/// [`StudyError::Group`] for an unknown name, a group that is too big, or a table that is no group; and what reading the
/// file can give.
pub fn group(name: &str) -> Result<Group, StudyError> {
    let path = Path::new(name);
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    let table = match ending.as_deref() {
        Some("csv" | "gz") => whole(&read_numbers(path)?, path)?,
        Some("npy") => match read_npy(path)? {
            NpyArray::I64(array) => array.into_dimensionality().map_err(|_| not_a_table(path))?,
            NpyArray::F32(array) => whole(&plane(array.mapv(f64::from), path)?, path)?,
            NpyArray::F64(array) => whole(&plane(array, path)?, path)?,
        },
        _ => return Group::named(name).map_err(|reason| StudyError::Group { name: name.to_owned(), reason }),
    };
    let stem = path.file_stem().map_or_else(|| name.to_owned(), |s| s.to_string_lossy().into_owned());
    Group::from_table(&stem, table.view()).map_err(|reason| StudyError::Group { name: name.to_owned(), reason })
}

fn whole(numbers: &Array2<f64>, path: &Path) -> Result<Array2<i64>, StudyError> {
    match numbers.iter().find(|v| v.fract() != 0.0 || v.abs() > 1e9) {
        None => Ok(numbers.mapv(|v| v as i64)),
        Some(value) => Err(RunsError::BadData {
            path: path.to_owned(),
            reason: format!("{value} is no number of an element"),
            remedy: "give a multiplication table of whole numbers counted from 0",
        }
        .into()),
    }
}

fn plane(array: ArrayD<f64>, path: &Path) -> Result<Array2<f64>, StudyError> {
    array.into_dimensionality().map_err(|_| not_a_table(path))
}

fn not_a_table(path: &Path) -> StudyError {
    RunsError::BadData {
        path: path.to_owned(),
        reason: "it is not an array of two axes".to_owned(),
        remedy: "give a multiplication table of whole numbers counted from 0",
    }
    .into()
}

/// The pairs `a · order + b` in the published order of this seed, and how many of them are trained on: those first, all
/// others tested. It is PyTorch's `manual_seed(seed)` and `randperm(order²)`, so that a released network's split is known.
///
/// The published code does not shuffle for seed 0, by mistake; here every seed shuffles.
#[must_use]
pub fn split(order: usize, fraction: f64, seed: u64) -> (Vec<usize>, usize) {
    let pairs = order * order;
    (torch_permutation(seed, pairs), (fraction * pairs as f64) as usize)
}
