//! The arithmetic under the layers: one table of functions per instruction set and number type, chosen at run time.
#![allow(unsafe_code)]

mod aligned;
mod elementwise;
mod lanes;
mod pairs;
mod path;
mod pooling;
mod rows;
mod signs;
mod table;
mod tiles;
mod toys;

use kymograph_linalg::Real;
use rayon::prelude::*;

pub use path::{CpuFeatures, KernelPath, cpu_features};

pub(crate) use aligned::Aligned;
pub(crate) use elementwise::{AdamStep, SgdStep};
pub(crate) use pairs::{Combine, PairRows};
pub(crate) use pooling::Windows;
pub(crate) use table::Kernels;
pub(crate) use toys::{COLUMNS, Curve, Matrix, TILE, ToyPass, ToySlopes, ToySpace, ToyTile};

/// Where the rows of a product lie in a buffer: see [`tiles::Product`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) outer: usize,
    pub(crate) inner: usize,
    pub(crate) segments: usize,
    pub(crate) segment_length: usize,
    pub(crate) segment_stride: usize,
}

impl Rows {
    /// `count` contiguous rows of `length` numbers.
    pub(crate) fn dense(count: usize, length: usize) -> Self {
        Self::strided(count, length, length)
    }

    /// `count` rows of `length` numbers that start `stride` apart.
    pub(crate) fn strided(count: usize, length: usize, stride: usize) -> Self {
        // Two lines where it can be, since tiles take their rows from two.
        let height = if count.is_multiple_of(2) { 2 } else { 1 };
        let width = count / height;
        Self {
            height,
            width,
            outer: width * stride,
            inner: stride,
            segments: 1,
            segment_length: length,
            segment_stride: 0,
        }
    }

    /// Numbers in a row.
    fn depth(&self) -> usize {
        self.segments * self.segment_length
    }

    /// Length of the buffer the grid reaches into.
    fn extent(&self) -> usize {
        if self.height * self.width * self.depth() == 0 {
            return 0;
        }
        (self.height - 1) * self.outer
            + (self.width - 1) * self.inner
            + (self.segments - 1) * self.segment_stride
            + self.segment_length
    }
}

/// The columns of a product, as [`Kernels::pack`] left them, and what happens to each sum.
pub(crate) struct Columns<'a, T> {
    pub(crate) packed: &'a [T],
    pub(crate) count: usize,
    pub(crate) bias: Option<&'a [T]>,
    pub(crate) rectify: bool,
}

/// Some grids of rows, one an example, `stride` numbers apart.
pub(crate) struct Examples<'a, T> {
    pub(crate) values: &'a [T],
    pub(crate) count: usize,
    pub(crate) stride: usize,
}

/// Rows that start `stride` numbers apart.
pub(crate) struct Strided<V> {
    pub(crate) values: V,
    pub(crate) stride: usize,
}

/// Numbers from which packing them is work for several threads.
const WORTH_THREADS: usize = 1 << 17;

impl<T: Real> Kernels<T> {
    /// Length of [`Kernels::pack`]'s result.
    pub(crate) fn packed_length(&self, depth: usize, columns: usize) -> usize {
        columns.div_ceil(self.width) * self.width * depth
    }

    /// Packs a `depth × columns` matrix in panels: two registers wide, row after row, the last one register wide where
    /// that is enough, zeros beyond the last column. `read(row, first, numbers)` fills a stretch of a row.
    pub(crate) fn pack(
        &self,
        depth: usize,
        columns: usize,
        packed: &mut Aligned<T>,
        read: impl Fn(usize, usize, &mut [T]) + Sync,
    ) {
        let length = self.packed_length(depth, columns);
        packed.set_len(length);
        if length == 0 {
            return;
        }
        let width = 2 * self.width;
        let pack = |(panel, here): (usize, &mut [T])| {
            let column = panel * width;
            let (left, stride) = ((columns - column).min(width), here.len() / depth);
            for (row, numbers) in here.chunks_exact_mut(stride).enumerate() {
                let (numbers, padding) = numbers.split_at_mut(left);
                read(row, column, numbers);
                padding.fill(T::ZERO);
            }
        };
        if length < WORTH_THREADS {
            packed.chunks_mut(width * depth).enumerate().for_each(pack);
        } else {
            packed.par_chunks_mut(width * depth).enumerate().for_each(pack);
        }
    }

    /// `c = rows(a) · columns (+ bias)`, rectified if asked; `c` holds `height·width` contiguous rows of the columns.
    pub(crate) fn product(&self, a: &[T], rows: &Rows, columns: &Columns<'_, T>, c: &mut [T]) {
        self.product_to(a, rows, columns, Strided { values: c, stride: columns.count });
    }

    /// As [`Kernels::product`], with rows of the result apart from each other.
    pub(crate) fn product_to(&self, a: &[T], rows: &Rows, columns: &Columns<'_, T>, c: Strided<&mut [T]>) {
        let rows_out = rows.height * rows.width;
        if rows_out * columns.count == 0 {
            return;
        }
        assert!(rows.extent() <= a.len(), "rows reach beyond their buffer");
        assert_eq!(columns.packed.len(), self.packed_length(rows.depth(), columns.count));
        assert!(columns.bias.is_none_or(|bias| bias.len() == columns.count));
        assert!(c.stride >= columns.count && c.values.len() >= (rows_out - 1) * c.stride + columns.count);
        let product = tiles::Product {
            a: a.as_ptr(),
            height: rows.height,
            width: rows.width,
            a_outer: rows.outer,
            a_inner: rows.inner,
            segments: rows.segments,
            segment_length: rows.segment_length,
            segment_stride: rows.segment_stride,
            b: columns.packed.as_ptr(),
            columns: columns.count,
            bias: columns.bias.map_or(std::ptr::null(), <[T]>::as_ptr),
            rectify: columns.rectify,
            c: c.values.as_mut_ptr(),
            c_outer: rows.width * c.stride,
            c_inner: c.stride,
        };
        // SAFETY: the assertions cover all the grid reaches: `a` by `extent`, the panels by `packed_length`, `bias` and
        // `c` by the columns; `c` is borrowed mutably, so nothing overlaps it. The path is supported (`new`).
        unsafe { (self.product)(&product) }
    }

    /// `out (+)= rows(a)ᵀ · slopes`, summed over all examples; `slopes` holds their contiguous rows of `columns`.
    pub(crate) fn weight_gradient(
        &self,
        a: &Examples<'_, T>,
        rows: &Rows,
        slopes: &[T],
        columns: usize,
        out: &mut [T],
        accumulate: bool,
    ) {
        let rows_in = rows.height * rows.width;
        if a.count * rows_in == 0 {
            if !accumulate {
                out.fill(T::ZERO);
            }
            return;
        }
        assert!((a.count - 1) * a.stride + rows.extent() <= a.values.len(), "rows reach beyond their buffer");
        assert!(slopes.len() >= a.count * rows_in * columns);
        assert_eq!(out.len(), rows.depth() * columns);
        let gradient = tiles::WeightGradient {
            a: a.values.as_ptr(),
            examples: a.count,
            height: rows.height,
            width: rows.width,
            a_example: a.stride,
            a_outer: rows.outer,
            a_inner: rows.inner,
            segments: rows.segments,
            segment_length: rows.segment_length,
            segment_stride: rows.segment_stride,
            dy: slopes.as_ptr(),
            dy_example: rows_in * columns,
            dy_outer: rows.width * columns,
            dy_inner: columns,
            columns,
            out: out.as_mut_ptr(),
            out_stride: columns,
            accumulate,
        };
        // SAFETY: as in `product_to`.
        unsafe { (self.weight_gradient)(&gradient) }
    }

    /// `out (+)= rows(a)ᵀ · b`, where `b` and `out` have `columns` numbers in a row.
    pub(crate) fn transposed_product(
        &self,
        a: &[T],
        rows: &Rows,
        b: Strided<&[T]>,
        columns: usize,
        out: Strided<&mut [T]>,
        accumulate: bool,
    ) {
        let (count, depth) = (rows.height * rows.width, rows.depth());
        if count * depth * columns == 0 {
            return;
        }
        assert!(rows.extent() <= a.len() && rows.segments == 1, "rows reach beyond their buffer");
        assert!(b.stride >= columns && b.values.len() >= (count - 1) * b.stride + columns);
        assert!(out.stride >= columns && out.values.len() >= (depth - 1) * out.stride + columns);
        let gradient = tiles::WeightGradient {
            a: a.as_ptr(),
            examples: 1,
            height: rows.height,
            width: rows.width,
            a_example: 0,
            a_outer: rows.outer,
            a_inner: rows.inner,
            segments: 1,
            segment_length: rows.segment_length,
            segment_stride: 0,
            dy: b.values.as_ptr(),
            dy_example: 0,
            dy_outer: rows.width * b.stride,
            dy_inner: b.stride,
            columns,
            out: out.values.as_mut_ptr(),
            out_stride: out.stride,
            accumulate,
        };
        // SAFETY: the assertions cover what the grid, the rows of `b` and those of `out` reach; `out` is borrowed
        // mutably, so nothing overlaps it. The path is supported (`new`).
        unsafe { (self.weight_gradient)(&gradient) }
    }

    /// Sums the chunks' gradients from first to last; returns the sum of squares of the total.
    pub(crate) fn sum_chunks(&self, total: &mut [T], chunks: &[&[T]]) -> f64 {
        // SAFETY: safe code compiled for a path that is supported (`new`); so are the calls below.
        unsafe { (self.sum_chunks)(total, chunks) }
    }

    /// In f64.
    pub(crate) fn sum_of_squares(&self, values: &[T]) -> f64 {
        // SAFETY: see `sum_chunks`.
        unsafe { (self.sum_of_squares)(values) }
    }

    pub(crate) fn adam(
        &self,
        weights: &mut [T],
        gradient: &[T],
        first: &mut [T],
        second: &mut [T],
        step: &AdamStep<T>,
    ) {
        // SAFETY: see `sum_chunks`.
        unsafe { (self.adam)(weights, gradient, first, second, step) }
    }

    pub(crate) fn sgd(&self, weights: &mut [T], gradient: &[T], velocity: &mut [T], step: &SgdStep<T>) {
        // SAFETY: see `sum_chunks`.
        unsafe { (self.sgd)(weights, gradient, velocity, step) }
    }

    /// Max-pools one image. Every window must have a pixel on it (padding at most half a window sees to that).
    pub(crate) fn pool(&self, windows: &Windows, input: &[T], output: &mut [T], places: &mut [T]) {
        assert!(input.len() >= windows.in_length());
        assert!(output.len() >= windows.out_length() && places.len() >= windows.out_length());
        // SAFETY: the lengths are checked, the slices are borrowed for the call, the path is supported (`new`).
        unsafe { (self.pool)(windows, input.as_ptr(), output.as_mut_ptr(), places.as_mut_ptr()) }
    }

    pub(crate) fn unpool(
        &self,
        windows: &Windows,
        places: &[T],
        slopes: &[T],
        outputs: Option<&[T]>,
        input_slopes: &mut [T],
    ) {
        // SAFETY: see `sum_chunks`.
        unsafe { (self.unpool)(windows, places, slopes, outputs, input_slopes) }
    }

    pub(crate) fn rectifier_gradient(&self, outputs: &[T], slopes: &mut [T]) {
        // SAFETY: see `sum_chunks`.
        unsafe { (self.rectifier_gradient)(outputs, slopes) }
    }

    pub(crate) fn add_columns(&self, rows: &[T], sums: &mut [T]) {
        // SAFETY: see `sum_chunks`.
        unsafe { (self.add_columns)(rows, sums) }
    }

    /// Adds `terms` to `sums`.
    pub(crate) fn add(&self, terms: &[T], sums: &mut [T]) {
        // SAFETY: see `sum_chunks`.
        unsafe { (self.add)(terms, sums) }
    }

    /// Multiplies `products` by `factors`.
    pub(crate) fn multiply(&self, factors: &[T], products: &mut [T]) {
        // SAFETY: see `sum_chunks`.
        unsafe { (self.multiply)(factors, products) }
    }

    /// See [`rows::layer_norm`].
    pub(crate) fn layer_norm(
        &self,
        eps: f64,
        affine: [&[T]; 2],
        input: &[T],
        normalised: &mut [T],
        scales: &mut [T],
        output: &mut [T],
    ) {
        // SAFETY: see `sum_chunks`.
        unsafe { (self.layer_norm)(eps, affine, input, normalised, scales, output) }
    }

    /// See [`rows::layer_norm_gradient`].
    pub(crate) fn layer_norm_gradient(
        &self,
        weight: &[T],
        normalised: &[T],
        scales: &[T],
        slopes: &mut [T],
        weight_gradient: &mut [T],
    ) {
        // SAFETY: see `sum_chunks`.
        unsafe { (self.layer_norm_gradient)(weight, normalised, scales, slopes, weight_gradient) }
    }

    /// `softmax(scale · row)` in place.
    pub(crate) fn softmax(&self, row: &mut [T], scale: T) {
        // SAFETY: see `sum_chunks`.
        unsafe { (self.softmax)(row, scale) }
    }

    /// The slopes before [`Kernels::softmax`] in place of those after it.
    pub(crate) fn softmax_gradient(&self, row: &[T], slopes: &mut [T], scale: T) {
        // SAFETY: see `sum_chunks`.
        unsafe { (self.softmax_gradient)(row, slopes, scale) }
    }

    /// See [`pairs::combine`].
    pub(crate) fn combine(&self, how: Combine, rows: &PairRows<'_, T>, hidden: &mut [T]) {
        // SAFETY: see `sum_chunks`.
        unsafe { (self.combine)(how, rows, hidden) }
    }

    /// See [`pairs::combine_gradient`].
    pub(crate) fn combine_gradient(
        &self,
        how: Combine,
        rows: &PairRows<'_, T>,
        hidden: &[T],
        slopes: &[T],
        [left, right]: [&mut [T]; 2],
    ) {
        // SAFETY: see `sum_chunks`.
        unsafe { (self.combine_gradient)(how, rows, hidden, slopes, left, right) }
    }

    /// See [`pairs::cross_entropy`]; `wide` takes it in f64. The scratch holds a number for each class.
    pub(crate) fn pair_loss(
        &self,
        wide: bool,
        share: f64,
        labels: &[u32],
        logits: &mut [T],
        (powers, narrow_powers): (&mut [f64], &mut [T]),
    ) -> (f64, usize) {
        let classes = powers.len();
        // SAFETY: see `sum_chunks`.
        unsafe { (self.pair_loss)(wide, share, classes, labels, logits, powers, narrow_powers) }
    }

    pub(crate) fn all_finite(&self, values: &[T]) -> bool {
        // SAFETY: see `sum_chunks`.
        unsafe { (self.all_finite)(values) }
    }

    /// Copies `from` to `to`, which is as long; are all numbers finite?
    pub(crate) fn copy_finite(&self, from: &[T], to: &mut [T]) -> bool {
        assert_eq!(from.len(), to.len());
        // SAFETY: see `sum_chunks`.
        unsafe { (self.copy_finite)(from, to) }
    }
}
