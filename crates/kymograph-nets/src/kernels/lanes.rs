//! One vector register's worth of numbers, for each instruction set: the few operations the tiles are written in.
#![allow(unsafe_code)]
// `opaque` passes a pointer through an empty assembly block, which touches no memory.
#![allow(clippy::pointers_in_nomem_asm_block)]

use kymograph_linalg::Real;

/// A register type and its operations.
///
/// # Safety
/// Every method may be called only where the instruction set of the lane is available; pointers must be valid for the
/// whole register, or for the first `count` numbers in the `_partial` forms. Nothing needs to be aligned.
pub(super) trait Lanes {
    type Number: Real;
    type Register: Copy;
    /// Numbers in a register.
    const WIDTH: usize;
    /// Rows of one run of a product tile; a tile has two runs, each two registers wide.
    const RUN: usize;
    /// Rows of a weight-gradient tile, each two registers wide.
    const TAPS: usize;

    unsafe fn zero() -> Self::Register;
    unsafe fn splat(value: Self::Number) -> Self::Register;
    unsafe fn load(from: *const Self::Number) -> Self::Register;
    unsafe fn load_partial(from: *const Self::Number, count: usize) -> Self::Register;
    unsafe fn store(to: *mut Self::Number, value: Self::Register);
    unsafe fn store_partial(to: *mut Self::Number, value: Self::Register, count: usize);
    /// The same pointer, of which the compiler no longer knows where it came from: it then keeps one pointer in a
    /// register and adds row offsets to it, instead of keeping (and spilling) one pointer a row.
    #[inline(always)]
    fn opaque(pointer: *const Self::Number) -> *const Self::Number {
        pointer
    }
    /// `a · b + c`
    unsafe fn multiply_add(a: Self::Register, b: Self::Register, c: Self::Register) -> Self::Register;
    /// The larger of zero and `a`; NaN stays NaN.
    unsafe fn rectify(a: Self::Register) -> Self::Register;
    /// A bit for each number that is above zero, the first one lowest.
    unsafe fn positive(a: Self::Register) -> u64;
    /// `(a, i)` where `a` is at least `b` or NaN, `(b, j)` elsewhere.
    unsafe fn larger(
        a: Self::Register,
        i: Self::Register,
        b: Self::Register,
        j: Self::Register,
    ) -> (Self::Register, Self::Register);
}

/// Four numbers in plain Rust.
pub(super) struct Plain<T>(std::marker::PhantomData<T>);

// SAFETY of the methods: plain Rust needs no instruction set; the callers give pointers valid for WIDTH or `count`
// numbers, and only those are touched.
impl<T: Real> Lanes for Plain<T> {
    type Number = T;
    type Register = [T; 4];
    const WIDTH: usize = 4;
    const RUN: usize = 2;
    const TAPS: usize = 4;

    #[inline(always)]
    unsafe fn zero() -> [T; 4] {
        [T::ZERO; 4]
    }
    #[inline(always)]
    unsafe fn splat(value: T) -> [T; 4] {
        [value; 4]
    }
    #[inline(always)]
    unsafe fn load(from: *const T) -> [T; 4] {
        // SAFETY: valid for WIDTH numbers by the trait's contract; arrays of T have T's alignment.
        unsafe { from.cast::<[T; 4]>().read() }
    }
    #[inline(always)]
    unsafe fn load_partial(from: *const T, count: usize) -> [T; 4] {
        let mut value = [T::ZERO; 4];
        for (i, slot) in value.iter_mut().enumerate().take(count) {
            // SAFETY: `i < count`, which the caller vouches for.
            *slot = unsafe { *from.add(i) };
        }
        value
    }
    #[inline(always)]
    unsafe fn store(to: *mut T, value: [T; 4]) {
        // SAFETY: valid for WIDTH numbers by the trait's contract.
        unsafe { to.cast::<[T; 4]>().write(value) }
    }
    #[inline(always)]
    unsafe fn store_partial(to: *mut T, value: [T; 4], count: usize) {
        for (i, &number) in value.iter().enumerate().take(count) {
            // SAFETY: `i < count`, which the caller vouches for.
            unsafe { *to.add(i) = number };
        }
    }
    #[inline(always)]
    unsafe fn multiply_add(a: [T; 4], b: [T; 4], c: [T; 4]) -> [T; 4] {
        [a[0] * b[0] + c[0], a[1] * b[1] + c[1], a[2] * b[2] + c[2], a[3] * b[3] + c[3]]
    }
    #[inline(always)]
    unsafe fn rectify(a: [T; 4]) -> [T; 4] {
        a.map(|x| if x < T::ZERO { T::ZERO } else { x })
    }
    #[inline(always)]
    unsafe fn positive(a: [T; 4]) -> u64 {
        a.iter().enumerate().fold(0, |bits, (bit, &x)| bits | u64::from(x > T::ZERO) << bit)
    }
    #[inline(always)]
    unsafe fn larger(a: [T; 4], i: [T; 4], b: [T; 4], j: [T; 4]) -> ([T; 4], [T; 4]) {
        let is_nan = |x: T| x.partial_cmp(&x).is_none();
        let keep = |at: usize| a[at] >= b[at] || is_nan(a[at]);
        let pick = |x: [T; 4], y: [T; 4]| std::array::from_fn(|at| if keep(at) { x[at] } else { y[at] });
        (pick(a, b), pick(i, j))
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2F32, Avx2F64, Avx512F32, Avx512F64};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use std::arch::x86_64::*;

    /// The first `n` of 8 entries from `MASK[8 - n]` on have their sign bit set.
    static MASK: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    static MASK_WIDE: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

    macro_rules! lanes {
        ($name:ident, $number:ty, $register:ty, $width:literal, $run:literal, $taps:literal,
         $zero:ident, $splat:ident, $load:ident, $store:ident, $fma:ident, $max:ident,
         |$from:ident, $to:ident, $value:ident, $count:ident| $load_partial:expr, $store_partial:expr,
         |$signs:ident| $positive:expr,
         |$a:ident, $i:ident, $b:ident, $j:ident| $larger:expr) => {
            pub(in super::super) struct $name;

            // SAFETY of the methods: the intrinsics need the lane's instruction set and pointers valid for the numbers
            // they touch (all of the register, or the unmasked ones); both are the trait's contract.
            impl Lanes for $name {
                type Number = $number;
                type Register = $register;
                const WIDTH: usize = $width;
                const RUN: usize = $run;
                const TAPS: usize = $taps;

                #[inline(always)]
                unsafe fn zero() -> $register {
                    // SAFETY: see the impl.
                    unsafe { $zero() }
                }
                #[inline(always)]
                fn opaque(mut pointer: *const $number) -> *const $number {
                    // SAFETY: no instruction at all.
                    unsafe { std::arch::asm!("/* {0} */", inout(reg) pointer, options(pure, nomem, nostack, preserves_flags)) };
                    pointer
                }
                #[inline(always)]
                unsafe fn splat(value: $number) -> $register {
                    // SAFETY: see the impl.
                    unsafe { $splat(value) }
                }
                #[inline(always)]
                unsafe fn load(from: *const $number) -> $register {
                    // SAFETY: see the impl.
                    unsafe { $load(from) }
                }
                #[inline(always)]
                unsafe fn load_partial($from: *const $number, $count: usize) -> $register {
                    // SAFETY: see the impl; masked numbers are not touched.
                    unsafe { $load_partial }
                }
                #[inline(always)]
                unsafe fn store(to: *mut $number, value: $register) {
                    // SAFETY: see the impl.
                    unsafe { $store(to, value) }
                }
                #[inline(always)]
                unsafe fn store_partial($to: *mut $number, $value: $register, $count: usize) {
                    // SAFETY: see the impl; masked numbers are not touched.
                    unsafe { $store_partial }
                }
                #[inline(always)]
                unsafe fn multiply_add(a: $register, b: $register, c: $register) -> $register {
                    // SAFETY: see the impl.
                    unsafe { $fma(a, b, c) }
                }
                #[inline(always)]
                unsafe fn rectify(a: $register) -> $register {
                    // The instruction returns its second operand when either is NaN.
                    // SAFETY: see the impl.
                    unsafe { $max($zero(), a) }
                }
                #[inline(always)]
                unsafe fn positive($signs: $register) -> u64 {
                    // SAFETY: see the impl.
                    unsafe { u64::from($positive) }
                }
                #[inline(always)]
                unsafe fn larger($a: $register, $i: $register, $b: $register, $j: $register) -> ($register, $register) {
                    // SAFETY: see the impl.
                    unsafe { $larger }
                }
            }
        };
    }

    lanes!(
        Avx512F32,
        f32,
        __m512,
        16,
        7,
        12,
        _mm512_setzero_ps,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_fmadd_ps,
        _mm512_max_ps,
        |from, to, value, count| _mm512_maskz_loadu_ps(((1u32 << count) - 1) as u16, from),
        _mm512_mask_storeu_ps(to, ((1u32 << count) - 1) as u16, value),
        |a| _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, _mm512_setzero_ps()),
        |a, i, b, j| {
            let keep = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(a, b) | _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a);
            (_mm512_mask_blend_ps(keep, b, a), _mm512_mask_blend_ps(keep, j, i))
        }
    );
    lanes!(
        Avx512F64,
        f64,
        __m512d,
        8,
        4,
        6,
        _mm512_setzero_pd,
        _mm512_set1_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_fmadd_pd,
        _mm512_max_pd,
        |from, to, value, count| _mm512_maskz_loadu_pd(((1u32 << count) - 1) as u8, from),
        _mm512_mask_storeu_pd(to, ((1u32 << count) - 1) as u8, value),
        |a| _mm512_cmp_pd_mask::<_CMP_GT_OQ>(a, _mm512_setzero_pd()),
        |a, i, b, j| {
            let keep = _mm512_cmp_pd_mask::<_CMP_GE_OQ>(a, b) | _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(a, a);
            (_mm512_mask_blend_pd(keep, b, a), _mm512_mask_blend_pd(keep, j, i))
        }
    );
    lanes!(
        Avx2F32,
        f32,
        __m256,
        8,
        3,
        6,
        _mm256_setzero_ps,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_fmadd_ps,
        _mm256_max_ps,
        |from, to, value, count| _mm256_maskload_ps(from, _mm256_loadu_si256(MASK.as_ptr().add(8 - count).cast())),
        _mm256_maskstore_ps(to, _mm256_loadu_si256(MASK.as_ptr().add(8 - count).cast()), value),
        |a| _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(a, _mm256_setzero_ps())).cast_unsigned(),
        |a, i, b, j| {
            let keep = _mm256_or_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(a, b), _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a));
            (_mm256_blendv_ps(b, a, keep), _mm256_blendv_ps(j, i, keep))
        }
    );
    lanes!(
        Avx2F64,
        f64,
        __m256d,
        4,
        2,
        4,
        _mm256_setzero_pd,
        _mm256_set1_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_fmadd_pd,
        _mm256_max_pd,
        |from, to, value, count| _mm256_maskload_pd(from, _mm256_loadu_si256(MASK_WIDE.as_ptr().add(4 - count).cast())),
        _mm256_maskstore_pd(to, _mm256_loadu_si256(MASK_WIDE.as_ptr().add(4 - count).cast()), value),
        |a| _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_GT_OQ>(a, _mm256_setzero_pd())).cast_unsigned(),
        |a, i, b, j| {
            let keep = _mm256_or_pd(_mm256_cmp_pd::<_CMP_GE_OQ>(a, b), _mm256_cmp_pd::<_CMP_UNORD_Q>(a, a));
            (_mm256_blendv_pd(b, a, keep), _mm256_blendv_pd(j, i, keep))
        }
    );
}
