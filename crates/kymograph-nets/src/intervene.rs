//! Interventions: changes made to the values at a hook point in the middle of a forward pass.

use kymograph_linalg::Real;
use ndarray::{Array1, ArrayD};

use crate::error::NetsError;
use crate::hooks::{self, Hook};
use crate::layers::{Embedding, Shape};
use crate::workspace::Workspace;

/// A change of the values at one hook point, on all its units or on some.
#[derive(Clone, Debug, PartialEq)]
pub struct Intervention<T> {
    /// Name of the hook point (see [`crate::Network::hook_points`]).
    pub hook: String,
    /// What is done there.
    pub edit: Edit<T>,
    /// The units it is done to; all if `None`. Units are features, the channels of an image, and heads where a hook point
    /// tells heads apart.
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
    hook: &'a Hook,
    edit: &'a Edit<T>,
    /// Which units are touched.
    units: Vec<bool>,
    /// Numbers of the array in standard order.
    values: Vec<T>,
    extent: Extent,
}

/// What an array has a number for.
#[derive(Clone, Copy)]
enum Extent {
    /// Each number of each example.
    All,
    /// Each number of one example.
    One,
    Units,
    Number,
}

/// Checks interventions for a batch of `examples`.
pub(crate) fn ready<'a, T: Real>(
    hooks: &'a [Hook],
    embedding: Option<&Embedding>,
    examples: usize,
    interventions: &'a [Intervention<T>],
) -> Result<Vec<Ready<'a, T>>, NetsError> {
    interventions
        .iter()
        .map(|intervention| {
            let hook = hooks::find(hooks, &intervention.hook)
                .ok_or_else(|| hooks::unknown(hooks, &intervention.hook, std::iter::empty()))?;
            let shape = hook.shape;
            let mut units = vec![intervention.units.is_none(); shape.units()];
            for &unit in intervention.units.iter().flatten() {
                *units.get_mut(unit).ok_or_else(|| NetsError::UnknownUnit {
                    hook: intervention.hook.clone(),
                    unit,
                    units: shape.units(),
                })? = true;
            }
            let (values, extent) = match &intervention.edit {
                Edit::Replace(array) | Edit::Add(array) => {
                    (array.iter().copied().collect(), extent(&intervention.hook, array, shape, examples)?)
                }
                Edit::Scale(factor) if !factor.is_finite() => {
                    return Err(NetsError::Value {
                        option: format!("the scale of the intervention at `{}`", intervention.hook),
                        value: *factor,
                        range: "finite".into(),
                    });
                }
                _ => (Vec::new(), Extent::Number),
            };
            if let Some(at) = values.iter().position(|x: &T| !x.is_finite()) {
                return Err(NetsError::NotFinite {
                    what: format!("the array of the intervention at `{}`", intervention.hook),
                    position: format!("[{at}] (flat)"),
                    remedy: "look for NaN or infinities in it".into(),
                });
            }
            if let (Some(embedding), 0) = (embedding, hook.place) {
                check_tokens(embedding, &intervention.edit, &values)?;
            }
            Ok(Ready { hook, edit: &intervention.edit, units, values, extent })
        })
        .collect()
}

/// Whole numbers may only be replaced by others of the table.
fn check_tokens<T: Real>(embedding: &Embedding, edit: &Edit<T>, values: &[T]) -> Result<(), NetsError> {
    let wrong = match edit {
        Edit::Replace(_) => values.iter().position(|&x| embedding.token(x).is_none()),
        Edit::Zero => None,
        _ => {
            return Err(NetsError::Value {
                option: "an intervention at `input`, which holds whole numbers,".into(),
                value: f64::from(u8::from(matches!(edit, Edit::MeanAblate))),
                range: "a replacement or zero; other changes belong at the output of the embedding".into(),
            });
        }
    };
    match wrong {
        Some(at) => Err(NetsError::Token {
            what: "the array of the intervention at `input`".into(),
            position: format!("[{at}] (flat)"),
            value: values[at].to_f64(),
            vocabulary: embedding.vocabulary,
        }),
        None => Ok(()),
    }
}

fn extent<T>(hook: &str, array: &ArrayD<T>, shape: Shape, examples: usize) -> Result<Extent, NetsError> {
    let one = shape.dims();
    let mut all = vec![examples];
    all.extend(&one);
    let found = array.shape();
    if found == all {
        Ok(Extent::All)
    } else if found == one {
        Ok(Extent::One)
    } else if found == [shape.units()] {
        Ok(Extent::Units)
    } else if found.is_empty() {
        Ok(Extent::Number)
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
pub(crate) fn apply<T: Real>(ready: &[Ready<'_, T>], place: usize, start: usize, workspace: &mut Workspace<T>) {
    for r in ready.iter().filter(|r| r.hook.place == place) {
        let shape = r.hook.shape;
        let length = shape.len();
        let mean = match r.edit {
            Edit::MeanAblate => mean(workspace, r.hook),
            _ => Array1::zeros(0),
        };
        for chunk in &mut workspace.chunks {
            for at in 0..chunk.len * length {
                let (example, within) = (at / length, at % length);
                let unit = shape.unit(within);
                if !r.units[unit] {
                    continue;
                }
                let x = &mut chunk.values[place][r.hook.within_place(at)];
                let value = || {
                    r.values[match r.extent {
                        Extent::All => (start + chunk.first + example) * length + shape.outside(within),
                        Extent::One => shape.outside(within),
                        Extent::Units => unit,
                        Extent::Number => 0,
                    }]
                };
                match r.edit {
                    Edit::Replace(_) => *x = value(),
                    Edit::Add(_) => *x += value(),
                    Edit::Zero => *x = T::ZERO,
                    Edit::Scale(factor) => *x *= T::from_f64(*factor),
                    Edit::MeanAblate => *x = T::from_f64(mean[within]),
                }
            }
        }
    }
}

fn mean<T: Real>(workspace: &Workspace<T>, hook: &Hook) -> Array1<f64> {
    let length = hook.shape.len();
    let mut sums = Array1::zeros(length);
    for chunk in &workspace.chunks {
        for at in 0..chunk.len * length {
            sums[at % length] += chunk.values[hook.place][hook.within_place(at)].to_f64();
        }
    }
    sums / workspace.batch as f64
}
