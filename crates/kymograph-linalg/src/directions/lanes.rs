//! One register of pairs of 16-bit integers, for each instruction set.
#![allow(unsafe_code)]

/// A register type and the operations that products of pairs are written in. A word holds two 16-bit integers, the first one low.
///
/// # Safety
/// Every method may be called only where the instruction set of the lane is available; pointers must be valid for the whole register.
pub(super) trait Lanes {
    type Register: Copy;
    /// Words in a register; a panel is two registers wide.
    const WIDTH: usize;
    /// Rows of a tile.
    const ROWS: usize;

    unsafe fn zero() -> Self::Register;
    unsafe fn splat(word: i32) -> Self::Register;
    unsafe fn load(from: *const i32) -> Self::Register;
    unsafe fn store(to: *mut i32, value: Self::Register);
    /// In each word the product of the low halves and that of the high halves of `a` and `b`, added to `sum`.
    unsafe fn add_products(sum: Self::Register, a: Self::Register, b: Self::Register) -> Self::Register;
}

/// Four words in plain Rust.
pub(super) struct Plain;

// SAFETY of the methods: plain Rust needs no instruction set; pointers are valid for WIDTH words by the trait's contract.
impl Lanes for Plain {
    type Register = [i32; 4];
    const WIDTH: usize = 4;
    const ROWS: usize = 2;

    #[inline(always)]
    unsafe fn zero() -> [i32; 4] {
        [0; 4]
    }
    #[inline(always)]
    unsafe fn splat(word: i32) -> [i32; 4] {
        [word; 4]
    }
    #[inline(always)]
    unsafe fn load(from: *const i32) -> [i32; 4] {
        // SAFETY: see the impl; arrays of i32 have its alignment.
        unsafe { from.cast::<[i32; 4]>().read() }
    }
    #[inline(always)]
    unsafe fn store(to: *mut i32, value: [i32; 4]) {
        // SAFETY: see the impl.
        unsafe { to.cast::<[i32; 4]>().write(value) }
    }
    #[inline(always)]
    unsafe fn add_products(sum: [i32; 4], a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        let (low, high) = (|word: i32| i32::from(word as i16), |word: i32| word >> 16);
        std::array::from_fn(|at| sum[at] + low(a[at]) * low(b[at]) + high(a[at]) * high(b[at]))
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    macro_rules! lanes {
        ($name:ident, $register:ty, $width:literal, $rows:literal, $zero:ident, $splat:ident, $load:ident, $store:ident,
         |$sum:ident, $a:ident, $b:ident| $add_products:expr) => {
            pub(in super::super) struct $name;

            // SAFETY of the methods: the intrinsics need the lane's instruction set and pointers valid for a register; both are
            // the trait's contract.
            impl super::Lanes for $name {
                type Register = $register;
                const WIDTH: usize = $width;
                const ROWS: usize = $rows;

                #[inline(always)]
                unsafe fn zero() -> $register {
                    // SAFETY: see the impl.
                    unsafe { $zero() }
                }
                #[inline(always)]
                unsafe fn splat(word: i32) -> $register {
                    // SAFETY: see the impl.
                    unsafe { $splat(word) }
                }
                #[inline(always)]
                unsafe fn load(from: *const i32) -> $register {
                    // SAFETY: see the impl.
                    unsafe { $load(from.cast()) }
                }
                #[inline(always)]
                unsafe fn store(to: *mut i32, value: $register) {
                    // SAFETY: see the impl.
                    unsafe { $store(to.cast(), value) }
                }
                #[inline(always)]
                unsafe fn add_products($sum: $register, $a: $register, $b: $register) -> $register {
                    // SAFETY: see the impl.
                    unsafe { $add_products }
                }
            }
        };
    }

    /// What `_mm512_dpwssd_epi32` is: the compiler takes that one apart into two instructions, which take twice as long.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn dpwssd(mut sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the instruction set is there, and nothing but a register is written.
        unsafe {
            std::arch::asm!(
                "vpdpwssd {0}, {1}, {2}",
                inout(zmm_reg) sum, in(zmm_reg) a, in(zmm_reg) b,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        sum
    }

    lanes!(
        Avx512,
        __m512i,
        16,
        14,
        _mm512_setzero_si512,
        _mm512_set1_epi32,
        _mm512_loadu_si512,
        _mm512_storeu_si512,
        |sum, a, b| dpwssd(sum, a, b)
    );
    lanes!(
        Avx2,
        __m256i,
        8,
        6,
        _mm256_setzero_si256,
        _mm256_set1_epi32,
        _mm256_loadu_si256,
        _mm256_storeu_si256,
        |sum, a, b| _mm256_add_epi32(sum, _mm256_madd_epi16(a, b))
    );
}
