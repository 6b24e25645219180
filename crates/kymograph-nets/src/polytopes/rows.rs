//! Rows of numbers through affine steps. Rows come in groups: within a group each row is what one coefficient (of a
//! direction, of the cosine of an angle …) contributes, and the last one is the constant, which alone is given biases.

use kymograph_linalg::matmul_into_sequential;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, s};

use super::step::{Filters, Step};
use crate::layers;

/// Rows `[group × coefficient, feature]`.
#[derive(Clone)]
pub(super) struct Rows {
    pub(super) values: Array2<f64>,
    /// Rows of a group.
    pub(super) group: usize,
    /// Is the last row of each group its constant?
    pub(super) constant: bool,
}

impl Rows {
    /// One row a group: points.
    pub(super) fn points(values: Array2<f64>) -> Self {
        Self { values, group: 1, constant: true }
    }

    pub(super) fn groups(&self) -> usize {
        self.values.nrows() / self.group
    }

    /// Another set of values of the same kind of rows.
    pub(super) fn with(&self, values: Array2<f64>) -> Self {
        Self { values, ..*self }
    }

    fn on_constants(&mut self, work: impl Fn(ArrayViewMut1<'_, f64>)) {
        if self.constant {
            let group = self.group;
            self.values.slice_mut(s![group - 1..;group, ..]).outer_iter_mut().for_each(work);
        }
    }
}

/// One affine step; `kept` are the rows before each step that are read again. Steps with a code are left alone.
pub(super) fn affine(step: &Step, mut rows: Rows, kept: &[Option<Array2<f64>>]) -> Rows {
    match step {
        Step::Linear { weight, bias } => {
            let mut rows = rows.with(product(&rows.values, weight));
            rows.on_constants(|mut row| add_bias(&mut row, bias.as_ref()));
            rows
        }
        Step::Conv(filters) => {
            let mut rows = rows.with(convolved(filters, &rows.values));
            rows.on_constants(|mut row| add_bias(&mut row, filters.bias.as_ref()));
            rows
        }
        Step::Scale { factor, shift } => {
            for mut row in rows.values.outer_iter_mut() {
                row.iter_mut().zip(factor.iter().cycle()).for_each(|(x, f)| *x *= f);
            }
            rows.on_constants(|mut row| row.iter_mut().zip(shift.iter().cycle()).for_each(|(x, s)| *x += s));
            rows
        }
        Step::Outward(shape) => {
            let mut values = Array2::zeros(rows.values.dim());
            if let (Some(from), Some(to)) = (rows.values.as_slice(), values.as_slice_mut()) {
                layers::outward(*shape, from, to);
            }
            rows.with(values)
        }
        Step::Shift(shift) => {
            rows.on_constants(|mut row| row.iter_mut().zip(shift).for_each(|(x, s)| *x += s));
            rows
        }
        Step::MeanTokens { tokens, features } => {
            let mut values = Array2::zeros((rows.values.nrows(), *features));
            if let (Some(from), Some(to)) = (rows.values.as_slice(), values.as_slice_mut()) {
                layers::mean_tokens(*tokens, *features, from, to);
            }
            rows.with(values)
        }
        Step::Add { from } => {
            if let Some(Some(other)) = kept.get(*from) {
                rows.values += other;
            }
            rows
        }
        Step::Gate(_) => rows,
    }
}

/// The product on every run of as many numbers as the weight has rows.
fn product(values: &Array2<f64>, weight: &Array2<f64>) -> Array2<f64> {
    let (inputs, outputs) = weight.dim();
    let runs = values.len() / inputs.max(1);
    let mut out = Array2::zeros((runs, outputs));
    if let Some(from) = values.as_slice().and_then(|v| ArrayView2::from_shape((runs, inputs), v).ok()) {
        matmul_into_sequential(1.0, from, weight.view(), 0.0, out.view_mut());
    }
    let shape = (values.nrows(), runs * outputs / values.nrows().max(1));
    out.into_shape_with_order(shape).unwrap_or_default()
}

fn add_bias(row: &mut ArrayViewMut1<'_, f64>, bias: Option<&Array1<f64>>) {
    if let Some(bias) = bias {
        row.iter_mut().zip(bias.iter().cycle()).for_each(|(x, b)| *x += b);
    }
}

fn convolved(f: &Filters, values: &Array2<f64>) -> Array2<f64> {
    let [height, width, channels] = f.input;
    let [out_height, out_width] = f.output;
    let (places, outputs) = (out_height * out_width, f.weight.ncols());
    let mut out = Array2::zeros((values.nrows(), places * outputs));
    let mut windows = Array2::zeros((places, f.weight.nrows()));
    for (image, mut to) in values.outer_iter().zip(out.outer_iter_mut()) {
        let Some(image) = image.to_slice() else { continue };
        for (place, mut window) in windows.outer_iter_mut().enumerate() {
            window.fill(0.0);
            let (y, x) = (place / out_width * f.stride[0], place % out_width * f.stride[1]);
            for i in 0..f.kernel[0] {
                let Some(row) = (y + i).checked_sub(f.padding[0]).filter(|&row| row < height) else { continue };
                for j in 0..f.kernel[1] {
                    let Some(column) = (x + j).checked_sub(f.padding[1]).filter(|&at| at < width) else { continue };
                    let (from, at) = ((row * width + column) * channels, (i * f.kernel[1] + j) * channels);
                    for channel in 0..channels {
                        window[at + channel] = image[from + channel];
                    }
                }
            }
        }
        if let Ok(to) = to.view_mut().into_shape_with_order((places, outputs)) {
            matmul_into_sequential(1.0, windows.view(), f.weight.view(), 0.0, to);
        }
    }
    out
}
