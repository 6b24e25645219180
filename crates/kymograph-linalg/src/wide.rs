//! Plain loops compiled again for the widest registers of the machine.
#![allow(unsafe_code)]

/// `work(argument)`, compiled for AVX-512, for AVX2 or for neither, whichever the machine has.
///
/// `work` must be a named function that is `#[inline(always)]`, as must be all it calls, or the wide registers go unused;
/// a closure will not do. Results do not depend on the registers: operations are neither reordered nor fused.
///
/// ```
/// #[inline(always)]
/// fn doubled(values: &mut [f32]) {
///     values.iter_mut().for_each(|value| *value *= 2.0);
/// }
/// let mut values = [1.0, 2.0];
/// kymograph_linalg::widest(doubled, &mut values[..]);
/// assert_eq!(values, [2.0, 4.0]);
/// ```
pub fn widest<A, R>(work: impl FnOnce(A) -> R, argument: A) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl") {
            // SAFETY: the features were detected just above.
            return unsafe { with_avx512(work, argument) };
        }
        if has!("avx2") {
            // SAFETY: AVX2 was detected just above.
            return unsafe { with_avx2(work, argument) };
        }
    }
    work(argument)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn with_avx512<A, R>(work: impl FnOnce(A) -> R, argument: A) -> R {
    work(argument)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<A, R>(work: impl FnOnce(A) -> R, argument: A) -> R {
    work(argument)
}
