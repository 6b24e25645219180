//! The arithmetic under the layers: one table of functions per instruction set and number type, chosen at run time.
#![allow(unsafe_code)]

mod aligned;
mod elementwise;
mod lanes;
mod path;
mod pooling;
mod tiles;

use std::any::Any;

use kymograph_linalg::Real;

pub use path::{CpuFeatures, KernelPath, cpu_features};

pub(crate) use aligned::Aligned;
pub(crate) use elementwise::{AdamStep, SgdStep};
pub(crate) use pooling::Windows;

type Adam<T> = unsafe fn(&mut [T], &[T], &mut [T], &mut [T], &AdamStep<T>);
type Sgd<T> = unsafe fn(&mut [T], &[T], &mut [T], &SgdStep<T>);
type Unpool<T> = unsafe fn(&Windows, &[T], &[T], Option<&[T]>, &mut [T]);

/// The kernels of one path for one number type. Its methods are safe: they check every extent before a pointer is used.
#[derive(Clone, Copy)]
pub(crate) struct Kernels<T> {
    path: KernelPath,
    /// Numbers in a register: a full panel is two registers wide, a last narrow one is one.
    width: usize,
    product: unsafe fn(&tiles::Product<T>),
    weight_gradient: unsafe fn(&tiles::WeightGradient<T>),
    sum_chunks: unsafe fn(&mut [T], &[&[T]]) -> f64,
    adam: Adam<T>,
    sgd: Sgd<T>,
    pool: unsafe fn(&Windows, *const T, *mut T, *mut T),
    unpool: Unpool<T>,
    rectifier_gradient: unsafe fn(&[T], &mut [T]),
    add_columns: unsafe fn(&[T], &mut [T]),
    all_finite: unsafe fn(&[T]) -> bool,
}

/// Writes the functions of one table, each compiled for the instruction set named.
macro_rules! table {
    ($module:ident, $number:ty, $lanes:ty, $path:expr $(, $features:literal)?) => {
        mod $module {
            use super::*;
            use lanes::Lanes;

            // SAFETY of the table: an entry is called only through a `Kernels` of this path, which `Kernels::new`
            // hands out only where the machine supports it; pointers are the methods' business.
            $(#[target_feature(enable = $features)])?
            unsafe fn product(p: &tiles::Product<$number>) {
                // SAFETY: passed on.
                unsafe { tiles::product::<$lanes>(p) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn weight_gradient(p: &tiles::WeightGradient<$number>) {
                // SAFETY: passed on.
                unsafe { tiles::weight_gradient::<$lanes>(p) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn sum_chunks(total: &mut [$number], chunks: &[&[$number]]) -> f64 {
                elementwise::sum_chunks(total, chunks)
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn adam(
                weights: &mut [$number],
                gradient: &[$number],
                first: &mut [$number],
                second: &mut [$number],
                step: &AdamStep<$number>,
            ) {
                elementwise::adam(weights, gradient, first, second, step);
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn sgd(weights: &mut [$number], gradient: &[$number], velocity: &mut [$number], step: &SgdStep<$number>) {
                elementwise::sgd(weights, gradient, velocity, step);
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn pool(windows: &Windows, input: *const $number, output: *mut $number, places: *mut $number) {
                // SAFETY: passed on.
                unsafe { pooling::pool::<$lanes>(windows, input, output, places) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn unpool(
                windows: &Windows,
                places: &[$number],
                slopes: &[$number],
                outputs: Option<&[$number]>,
                input_slopes: &mut [$number],
            ) {
                pooling::unpool(windows, places, slopes, outputs, input_slopes);
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn rectifier_gradient(outputs: &[$number], slopes: &mut [$number]) {
                elementwise::rectifier_gradient(outputs, slopes);
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn add_columns(rows: &[$number], sums: &mut [$number]) {
                elementwise::add_columns(rows, sums);
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn all_finite(values: &[$number]) -> bool {
                elementwise::all_finite(values)
            }

            pub(super) const TABLE: Kernels<$number> = Kernels {
                path: $path,
                width: <$lanes as Lanes>::WIDTH,
                product,
                weight_gradient,
                sum_chunks,
                adam,
                sgd,
                pool,
                unpool,
                rectifier_gradient,
                add_columns,
                all_finite,
            };
        }
    };
}

table!(portable_f32, f32, lanes::Plain<f32>, KernelPath::Portable);
table!(portable_f64, f64, lanes::Plain<f64>, KernelPath::Portable);
#[cfg(target_arch = "x86_64")]
table!(avx2_f32, f32, lanes::Avx2F32, KernelPath::Avx2, "avx2,fma");
#[cfg(target_arch = "x86_64")]
table!(avx2_f64, f64, lanes::Avx2F64, KernelPath::Avx2, "avx2,fma");
#[cfg(target_arch = "x86_64")]
table!(avx512_f32, f32, lanes::Avx512F32, KernelPath::Avx512, "avx512f,avx2,fma");
#[cfg(target_arch = "x86_64")]
table!(avx512_f64, f64, lanes::Avx512F64, KernelPath::Avx512, "avx512f,avx2,fma");

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
        // Two lines where it can be, since tiles take their rows from two.
        let height = if count.is_multiple_of(2) { 2 } else { 1 };
        let width = count / height;
        Self {
            height,
            width,
            outer: width * length,
            inner: length,
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

impl<T: Real> Kernels<T> {
    /// The kernels of a path, where the machine supports it.
    pub(crate) fn new(path: KernelPath) -> Option<Self> {
        if !path.is_supported() {
            return None;
        }
        let (f32_table, f64_table) = match path {
            KernelPath::Portable => (portable_f32::TABLE, portable_f64::TABLE),
            #[cfg(target_arch = "x86_64")]
            KernelPath::Avx2 => (avx2_f32::TABLE, avx2_f64::TABLE),
            #[cfg(target_arch = "x86_64")]
            KernelPath::Avx512 => (avx512_f32::TABLE, avx512_f64::TABLE),
            #[cfg(not(target_arch = "x86_64"))]
            _ => return None,
        };
        let tables: [&dyn Any; 2] = [&f32_table, &f64_table];
        tables.into_iter().find_map(|table| table.downcast_ref::<Self>().copied())
    }

    pub(crate) fn path(&self) -> KernelPath {
        self.path
    }

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
        mut read: impl FnMut(usize, usize, &mut [T]),
    ) {
        let length = self.packed_length(depth, columns);
        if packed.len() != length {
            *packed = Aligned::zeros(length);
        }
        let panel = 2 * self.width;
        let mut rest = &mut packed[..];
        for column in (0..columns).step_by(panel) {
            let left = (columns - column).min(panel);
            let stride = if left > self.width { panel } else { self.width };
            let (here, after) = rest.split_at_mut(stride * depth);
            for (row, numbers) in here.chunks_exact_mut(stride).enumerate() {
                read(row, column, &mut numbers[..left]);
            }
            rest = after;
        }
    }

    /// `c = rows(a) · columns (+ bias)`, rectified if asked; `c` holds `height·width` contiguous rows of the columns.
    pub(crate) fn product(&self, a: &[T], rows: &Rows, columns: &Columns<'_, T>, c: &mut [T]) {
        let rows_out = rows.height * rows.width;
        if rows_out * columns.count == 0 {
            return;
        }
        assert!(rows.extent() <= a.len(), "rows reach beyond their buffer");
        assert_eq!(columns.packed.len(), self.packed_length(rows.depth(), columns.count));
        assert!(columns.bias.is_none_or(|bias| bias.len() == columns.count));
        assert!(c.len() >= rows_out * columns.count);
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
            c: c.as_mut_ptr(),
            c_outer: rows.width * columns.count,
            c_inner: columns.count,
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
            accumulate,
        };
        // SAFETY: as in `product`.
        unsafe { (self.weight_gradient)(&gradient) }
    }

    /// Sums the chunks' gradients from first to last; returns the sum of squares of the total.
    pub(crate) fn sum_chunks(&self, total: &mut [T], chunks: &[&[T]]) -> f64 {
        // SAFETY: safe code compiled for a path that is supported (`new`); so are the calls below.
        unsafe { (self.sum_chunks)(total, chunks) }
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

    pub(crate) fn all_finite(&self, values: &[T]) -> bool {
        // SAFETY: see `sum_chunks`.
        unsafe { (self.all_finite)(values) }
    }
}
