//! `kymograph measure`: one measure on arrays given by name.

use std::path::Path;

use kymograph_measures::{self as measures, Array, Kind, Measure, MeasureError, Reading};
use kymograph_runs::{Checkpoint, Dtype, NpyArray, read_npy};
use ndarray::{Array1, ArrayD, IxDyn};
use std::collections::BTreeMap;

use crate::error::KymographError;
use crate::sae::is_whole;

/// What `kymograph measure` was asked for.
#[derive(Clone, Debug, Default)]
pub struct MeasureRequest {
    /// Registry name.
    pub name: String,
    /// `X.npy`, `X.parquet`, a folder of Parquet files, or `CHECKPOINT:TENSOR`.
    pub arrays: Vec<String>,
    /// Options to change.
    pub set: Vec<(String, String)>,
}

/// A measure's result with all that it rests on.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The measure.
    pub measure: &'static Measure,
    /// All its options.
    pub options: BTreeMap<String, String>,
    /// The result.
    pub reading: Reading,
}

/// An array as it was read.
pub(crate) enum Owned {
    F32(ArrayD<f32>),
    F64(ArrayD<f64>),
    Labels(Array1<i64>),
}

/// Takes one measure.
///
/// # Errors
/// When the measure, an option or an array does not exist, or the measure refuses the arrays.
pub fn measure(request: &MeasureRequest) -> Result<Measured, KymographError> {
    let measure = measures::find(&request.name)?;
    let options = measure.options(request.set.iter().map(|(k, v)| (k.as_str(), v.as_str())))?;
    let mut arrays = Vec::new();
    let mut notes = Vec::new();
    for (place, argument) in request.arrays.iter().enumerate() {
        let kind = measure.inputs.get(place).map(|input| input.kind);
        let weights = measure.inputs.get(place).is_some_and(|input| input.axes.first() == Some(&"unit"));
        arrays.push(read(argument, kind == Some(Kind::Labels), weights, &mut notes)?);
    }
    let views: Vec<Array<'_>> = arrays
        .iter()
        .map(|array| match array {
            Owned::F32(a) => Array::F32(a.view()),
            Owned::F64(a) => Array::F64(a.view()),
            Owned::Labels(a) => Array::Labels(a.view()),
        })
        .collect();
    let mut reading = measure.apply(&views, &options).map_err(|error| refused(error, measure, request, &views))?;
    reading.notes.extend(notes);
    Ok(Measured { measure, options: options.to_text(), reading })
}

/// The measure's error with the files its inputs came from; what is wrong with the command stays as it is.
fn refused(error: MeasureError, measure: &Measure, request: &MeasureRequest, views: &[Array<'_>]) -> KymographError {
    let plain = KymographError::from(error.clone());
    if plain.is_usage() {
        return plain;
    }
    let named = measure.inputs.iter().zip(&request.arrays).zip(views).map(|((input, argument), view)| {
        let one = if view.shape().first() == Some(&1) { ", a single row: give at least two" } else { "" };
        format!("`{}` is {argument} {:?}{one}", input.name, view.shape())
    });
    KymographError::Refused { source: error, inputs: named.collect::<Vec<_>>().join(", ") }
}

pub(crate) fn read(
    argument: &str,
    labels: bool,
    weights: bool,
    notes: &mut Vec<String>,
) -> Result<Owned, KymographError> {
    let refuse = |detail: &str| KymographError::Argument { argument: argument.to_owned(), detail: detail.to_owned() };
    let array = match argument.rsplit_once(':') {
        Some((file, tensor)) if !Path::new(argument).exists() => tensor_of(&Checkpoint::open(file)?, tensor, argument)?,
        _ if argument.ends_with(".npy") => match read_npy(argument)? {
            NpyArray::F32(a) => Owned::F32(a),
            NpyArray::F64(a) => Owned::F64(a),
            NpyArray::I64(a) => integers(a, argument)?,
        },
        _ if is_whole(argument) => {
            let table = Checkpoint::open(argument)?;
            if table.tensors().iter().all(|tensor| tensor.name != "array") {
                let names: Vec<String> = table.tensors().iter().map(|t| format!("{argument}:{}", t.name)).collect();
                return Err(refuse(&format!("holds several arrays: name one of {}", names.join(", "))));
            }
            tensor_of(&table, "array", argument)?
        }
        _ => {
            let expected = "expected X.npy, X.parquet, or CHECKPOINT:TENSOR such as model_00100.pt:conv1.weight";
            return Err(refuse(expected));
        }
    };
    Ok(match (array, labels) {
        (array @ Owned::Labels(_), true) => array,
        (_, true) => return Err(refuse("this place takes labels: a one-dimensional array of integers")),
        (Owned::Labels(_), false) => return Err(refuse("this place takes real numbers, and these are integers")),
        (Owned::F32(a), false) => Owned::F32(flatten(a, weights, argument, notes)),
        (Owned::F64(a), false) => Owned::F64(flatten(a, weights, argument, notes)),
    })
}

fn tensor_of(checkpoint: &Checkpoint, tensor: &str, argument: &str) -> Result<Owned, KymographError> {
    let info = checkpoint.tensors().iter().chain(checkpoint.other_tensors()).find(|t| t.name == tensor);
    Ok(match info.map(|t| t.dtype) {
        Some(Dtype::F64) => Owned::F64(checkpoint.read_f64(tensor)?),
        Some(dtype) if !dtype.is_float() => integers(checkpoint.read_i64(tensor)?, argument)?,
        _ => Owned::F32(checkpoint.read_f32(tensor)?),
    })
}

fn integers(array: ArrayD<i64>, argument: &str) -> Result<Owned, KymographError> {
    array.into_dimensionality().map(Owned::Labels).map_err(|_| KymographError::Argument {
        argument: argument.to_owned(),
        detail: "an array of integers can only be labels, and must have one axis".to_owned(),
    })
}

/// Kernels become units × inputs, as everywhere in Kymograph, and the result says so.
fn flatten<T: Clone>(array: ArrayD<T>, weights: bool, argument: &str, notes: &mut Vec<String>) -> ArrayD<T> {
    let shape = array.shape().to_vec();
    if !weights || shape.len() <= 2 || shape[0] == 0 {
        return array;
    }
    let columns = shape[1..].iter().product();
    notes.push(format!("{argument}: {shape:?} taken as {} units × {columns} inputs", shape[0]));
    let standard = array.as_standard_layout().into_owned();
    standard.clone().into_shape_with_order(IxDyn(&[shape[0], columns])).unwrap_or(standard)
}
