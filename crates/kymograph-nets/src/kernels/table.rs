//! The table of functions of each instruction set and number type.

use std::any::Any;

use kymograph_linalg::Real;

use super::elementwise::{self, AdamStep, SgdStep};
use super::pairs::{self, Combine, PairRows};
use super::path::KernelPath;
use super::pooling::{self, Windows};
use super::toys::{self, ToyPass, ToySlopes, ToySpace, ToyTile};
use super::{lanes, rows, signs, tiles};

type Adam<T> = unsafe fn(&mut [T], &[T], &mut [T], &mut [T], &AdamStep<T>);
type Sgd<T> = unsafe fn(&mut [T], &[T], &mut [T], &SgdStep<T>);
type Unpool<T> = unsafe fn(&Windows, &[T], &[T], Option<&[T]>, &mut [T]);
type LayerNormGradient<T> = unsafe fn(&[T], &[T], &[T], &mut [T], &mut [T]);
type CombineGradient<T> = unsafe fn(Combine, &PairRows<'_, T>, &[T], &[T], &mut [T], &mut [T]);
type PairLoss<T> = unsafe fn(bool, f64, usize, &[u32], &mut [T], &mut [f64], &mut [T]) -> (f64, usize);
type Toy<T> = unsafe fn(&ToyPass<'_, T>, &ToyTile<'_, T>, &mut ToySpace<T>, Option<&mut ToySlopes<'_, T>>) -> f64;
type LayerNorm<T> = unsafe fn(f64, [&[T]; 2], &[T], &mut [T], &mut [T], &mut [T]);

/// The kernels of one path for one number type. Its methods are safe: they check every extent before a pointer is used.
#[derive(Clone, Copy)]
pub(crate) struct Kernels<T> {
    pub(super) path: KernelPath,
    /// Numbers in a register: a full panel is two registers wide, a last narrow one is one.
    pub(super) width: usize,
    pub(super) product: unsafe fn(&tiles::Product<T>),
    pub(super) weight_gradient: unsafe fn(&tiles::WeightGradient<T>),
    pub(super) sum_chunks: unsafe fn(&mut [T], &[&[T]]) -> f64,
    pub(super) sum_of_squares: unsafe fn(&[T]) -> f64,
    pub(super) adam: Adam<T>,
    pub(super) sgd: Sgd<T>,
    pub(super) pool: unsafe fn(&Windows, *const T, *mut T, *mut T),
    pub(super) unpool: Unpool<T>,
    pub(super) rectifier_gradient: unsafe fn(&[T], &mut [T]),
    pub(super) add_columns: unsafe fn(&[T], &mut [T]),
    pub(super) add: unsafe fn(&[T], &mut [T]),
    pub(super) multiply: unsafe fn(&[T], &mut [T]),
    pub(super) layer_norm: LayerNorm<T>,
    pub(super) layer_norm_gradient: LayerNormGradient<T>,
    pub(super) softmax: unsafe fn(&mut [T], T),
    pub(super) softmax_gradient: unsafe fn(&[T], &mut [T], T),
    pub(super) all_finite: unsafe fn(&[T]) -> bool,
    pub(super) copy_finite: unsafe fn(&[T], &mut [T]) -> bool,
    pub(super) signs: unsafe fn(&[T], usize, &mut [u64], usize, usize),
    pub(super) combine: unsafe fn(Combine, &PairRows<'_, T>, &mut [T]),
    pub(super) combine_gradient: CombineGradient<T>,
    pub(super) pair_loss: PairLoss<T>,
    pub(super) toy: Toy<T>,
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
            unsafe fn sum_of_squares(values: &[$number]) -> f64 {
                elementwise::sum_of_squares(values)
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
            unsafe fn add(terms: &[$number], sums: &mut [$number]) {
                elementwise::add(terms, sums);
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn multiply(factors: &[$number], products: &mut [$number]) {
                elementwise::multiply(factors, products);
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn layer_norm(
                eps: f64,
                affine: [&[$number]; 2],
                input: &[$number],
                normalised: &mut [$number],
                scales: &mut [$number],
                output: &mut [$number],
            ) {
                rows::layer_norm(eps, affine, input, normalised, scales, output);
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn layer_norm_gradient(
                weight: &[$number],
                normalised: &[$number],
                scales: &[$number],
                slopes: &mut [$number],
                weight_gradient: &mut [$number],
            ) {
                rows::layer_norm_gradient(weight, normalised, scales, slopes, weight_gradient);
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn softmax(row: &mut [$number], scale: $number) {
                rows::softmax(row, scale);
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn softmax_gradient(row: &[$number], slopes: &mut [$number], scale: $number) {
                rows::softmax_gradient(row, slopes, scale);
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn all_finite(values: &[$number]) -> bool {
                elementwise::all_finite(values)
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn copy_finite(from: &[$number], to: &mut [$number]) -> bool {
                elementwise::copy_finite(from, to)
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn signs(values: &[$number], each: usize, words: &mut [u64], width: usize, first: usize) {
                // SAFETY: passed on.
                unsafe { signs::signs::<$lanes>(values, each, words, width, first) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn combine(how: Combine, rows: &PairRows<'_, $number>, hidden: &mut [$number]) {
                pairs::combine(how, rows, hidden);
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn combine_gradient(
                how: Combine,
                rows: &PairRows<'_, $number>,
                hidden: &[$number],
                slopes: &[$number],
                left: &mut [$number],
                right: &mut [$number],
            ) {
                pairs::combine_gradient(how, rows, hidden, slopes, left, right);
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn pair_loss(
                wide: bool,
                share: f64,
                classes: usize,
                labels: &[u32],
                logits: &mut [$number],
                powers: &mut [f64],
                narrow_powers: &mut [$number],
            ) -> (f64, usize) {
                if wide {
                    pairs::cross_entropy(share, classes, labels, logits, powers, Real::to_f64, Real::from_f64)
                } else {
                    pairs::cross_entropy(share, classes, labels, logits, narrow_powers, |x| x, |x| x)
                }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn toy(
                pass: &ToyPass<'_, $number>,
                tile: &ToyTile<'_, $number>,
                space: &mut ToySpace<$number>,
                slopes: Option<&mut ToySlopes<'_, $number>>,
            ) -> f64 {
                // SAFETY: passed on.
                unsafe { toys::pass::<$lanes>(pass, tile, space, slopes) }
            }

            pub(super) const TABLE: Kernels<$number> = Kernels {
                path: $path,
                width: <$lanes as Lanes>::WIDTH,
                product,
                weight_gradient,
                sum_chunks,
                sum_of_squares,
                adam,
                sgd,
                pool,
                unpool,
                rectifier_gradient,
                add_columns,
                add,
                multiply,
                layer_norm,
                layer_norm_gradient,
                softmax,
                softmax_gradient,
                all_finite,
                copy_finite,
                signs,
                combine,
                combine_gradient,
                pair_loss,
                toy,
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

    /// Numbers in a register.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn path(&self) -> KernelPath {
        self.path
    }
}
