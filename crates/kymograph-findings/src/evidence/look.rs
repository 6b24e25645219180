//! How arrays are looked at: whose parameters or activations, which places of them as rows, and whether as codes.

use std::collections::BTreeMap;

use kymograph_linalg::Real;
use ndarray::{Array2, IxDyn};

use super::arrays::{Column, Load, Matrix};
use crate::plan::{On, PlannedMeasure, Rows};

/// How an array is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) on: On,
    pub(super) rows: Option<Rows>,
    pub(super) hard_code: bool,
}

impl Look {
    pub(super) fn of(planned: &PlannedMeasure) -> Self {
        Self { on: planned.on, rows: planned.rows, hard_code: planned.hard_code }
    }
}

impl Column<'_> {
    /// Takes what is wanted of every array; rows are found by it too.
    pub(super) fn looked_at(&mut self, look: Look, load: Load) -> Result<(), String> {
        if look.rows.is_none() && !look.hard_code {
            return Ok(());
        }
        if let (Some(rows), Some(labels), Some(first), Load::Values) =
            (look.rows, self.labels, self.steps.values().next(), load)
        {
            self.row_labels = Some(rows.labels(&first.shape, labels));
        }
        let runs = self.layers.values_mut().chain(&mut self.sisters).chain([&mut self.steps]);
        let controls = self.controls.values_mut().flatten().map(|(_, run)| run);
        let arrays = runs.chain(controls).flat_map(BTreeMap::values_mut).chain(&mut self.untrained);
        for sourced in arrays {
            if let Some(rows) = look.rows {
                sourced.content.push_str(&format!(" rows {}", rows.name()));
            }
            if look.hard_code {
                sourced.content.push_str(" hard code");
            }
            if load == Load::Values {
                sourced.matrix = match &sourced.matrix {
                    Matrix::F32(x) => Matrix::F32(selected(x, &sourced.shape, look)?),
                    Matrix::F64(x) => Matrix::F64(selected(x, &sourced.shape, look)?),
                };
                sourced.shape = vec![sourced.matrix.rows(), sourced.matrix.columns()];
            }
        }
        Ok(())
    }
}

fn selected<T: Real>(x: &Array2<T>, shape: &[usize], look: Look) -> Result<Array2<T>, String> {
    let mut x = match look.rows {
        None => x.clone(),
        Some(rows) => {
            let whole = x.clone().into_shape_with_order(IxDyn(shape));
            rows.of(whole.map_err(|_| format!("has not the shape {shape:?} any more"))?)?
        }
    };
    if look.hard_code {
        x.mapv_inplace(|value| if value > T::ZERO { T::ONE } else { T::ZERO });
    }
    Ok(x)
}
