//! Interventions: changes made to the values at a hook point in the middle of a forward pass.

use kymograph_linalg::Real;
use ndarray::{Array1, ArrayD};

use crate::error::NetsError;
use crate::hooks;
use crate::layers::Shape;
use crate::spec::NetworkSpec;
use crate::workspace::Workspace;

/// A change of the values at one hook point, on all its units or on some.
#[derive(Clone, Debug, PartialEq)]
pub struct Intervention<T> {
    /// Name of the hook point: `input` or a layer's name.
    pub hook: String,
    /// What is done there.
    pub edit: Edit<T>,
    /// The units (features, or channels of an image) it is done to; all if `None`.
    pub units: Option<Vec<usize>>,
}

/// What an intervention does. Arrays may have the shape of all examples (example, unit, …), of one example (used for
/// every one), of the units (one number for each), or none (one number for all).
#[derive(Clone, Debug, PartialEq)]
pub enum Edit<T> {
    /// Values become those of an array.
    Replace(ArrayD<T>),
    /// Values become zero.
    Zero,
    /// Values become their mean over the examples of the batch, unit by unit and position by position.
    MeanAblate,
    /// Values are multiplied by a number.
    Scale(f64),
    /// An array is added.
    Add(ArrayD<T>),
}

/// An intervention checked against its network and input.
pub(crate) struct Ready<'a, T> {
    pub(crate) place: usize,
    edit: &'a Edit<T>,
    /// Which units are touched.
    units: Vec<bool>,
    /// Numbers of the array in standard order, and the step per example, unit and position.
    values: Vec<T>,
    steps: [usize; 3],
}

/// Checks interventions for a batch of `examples`.
pub(crate) fn ready<'a, T: Real>(
    spec: &NetworkSpec,
    shapes: &[Shape],
    examples: usize,
    interventions: &'a [Intervention<T>],
) -> Result<Vec<Ready<'a, T>>, NetsError> {
    interventions
        .iter()
        .map(|intervention| {
            let place = hooks::place(spec, &intervention.hook)
                .ok_or_else(|| hooks::unknown(spec, &intervention.hook, std::iter::empty()))?;
            let shape = shapes[place];
            let mut units = vec![intervention.units.is_none(); shape.units()];
            for &unit in intervention.units.iter().flatten() {
                *units.get_mut(unit).ok_or_else(|| NetsError::UnknownUnit {
                    hook: intervention.hook.clone(),
                    unit,
                    units: shape.units(),
                })? = true;
            }
            let (values, steps) = match &intervention.edit {
                Edit::Replace(array) | Edit::Add(array) => {
                    (array.iter().copied().collect(), steps(&intervention.hook, array, shape, examples)?)
                }
                Edit::Scale(factor) if !factor.is_finite() => {
                    return Err(NetsError::Value {
                        option: format!("the scale of the intervention at `{}`", intervention.hook),
                        value: *factor,
                        range: "finite".into(),
                    });
                }
                _ => (Vec::new(), [0; 3]),
            };
            if let Some(at) = values.iter().position(|x: &T| !x.is_finite()) {
                return Err(NetsError::NotFinite {
                    what: format!("the array of the intervention at `{}`", intervention.hook),
                    position: format!("[{at}] (flat)"),
                    remedy: "look for NaN or infinities in it".into(),
                });
            }
            Ok(Ready { place, edit: &intervention.edit, units, values, steps })
        })
        .collect()
}

fn steps<T>(hook: &str, array: &ArrayD<T>, shape: Shape, examples: usize) -> Result<[usize; 3], NetsError> {
    let one = shape.dims();
    let mut all = vec![examples];
    all.extend(&one);
    let positions = shape.positions();
    let found = array.shape();
    if found == all {
        Ok([shape.len(), positions, 1])
    } else if found == one {
        Ok([0, positions, 1])
    } else if found == [shape.units()] {
        Ok([0, 1, 0])
    } else if found.is_empty() {
        Ok([0, 0, 0])
    } else {
        Err(NetsError::Shape {
            what: format!("the array of the intervention at `{hook}`"),
            expected: format!("{all:?}, {one:?}, [{}] or []", shape.units()),
            found: found.to_vec(),
        })
    }
}

/// Do any need the whole batch at once?
pub(crate) fn need_whole_batch<T>(ready: &[Ready<'_, T>]) -> bool {
    ready.iter().any(|r| matches!(r.edit, Edit::MeanAblate))
}

/// Makes the changes at one place; the workspace's first example is number `start` of the input.
pub(crate) fn apply<T: Real>(
    ready: &[Ready<'_, T>],
    place: usize,
    shape: Shape,
    start: usize,
    workspace: &mut Workspace<T>,
) {
    let (units, length) = (shape.units(), shape.len());
    for r in ready.iter().filter(|r| r.place == place) {
        let mean = match r.edit {
            Edit::MeanAblate => mean(workspace, place, length),
            _ => Array1::zeros(0),
        };
        for chunk in &mut workspace.chunks {
            for (i, x) in chunk.values[place].iter_mut().enumerate() {
                // Inside, an example is stored position by position, the units of each together.
                let (example, within) = (i / length, i % length);
                let (position, unit) = (within / units, within % units);
                if !r.units[unit] {
                    continue;
                }
                let at = (start + chunk.first + example) * r.steps[0] + unit * r.steps[1] + position * r.steps[2];
                match r.edit {
                    Edit::Replace(_) => *x = r.values[at],
                    Edit::Add(_) => *x += r.values[at],
                    Edit::Zero => *x = T::ZERO,
                    Edit::Scale(factor) => *x *= T::from_f64(*factor),
                    Edit::MeanAblate => *x = T::from_f64(mean[within]),
                }
            }
        }
    }
}

fn mean<T: Real>(workspace: &Workspace<T>, place: usize, length: usize) -> Array1<f64> {
    let mut sums = Array1::zeros(length);
    for chunk in &workspace.chunks {
        for example in chunk.values[place].chunks_exact(length) {
            for (sum, x) in sums.iter_mut().zip(example) {
                *sum += x.to_f64();
            }
        }
    }
    sums / workspace.batch as f64
}
