//! Plain loops compiled again for the widest registers of the machine.
#![allow(unsafe_code)]

/// Work that gains from wide registers. A trait and not a closure, because a closure's call is not inlined for certain.
pub trait Wide {
    /// What it gives.
    type Output;
    /// Does it. This and all it calls must be `#[inline(always)]`, or the wide registers go unused.
    fn run(self) -> Self::Output;
}

/// `work`, compiled for AVX-512, for AVX2 or for neither, whichever the machine has. Results do not depend on the registers:
/// operations are neither reordered nor fused.
///
/// ```
/// struct Double<'a>(&'a mut [f32]);
/// impl kymograph_linalg::Wide for Double<'_> {
///     type Output = ();
///     #[inline(always)]
///     fn run(self) {
///         self.0.iter_mut().for_each(|value| *value *= 2.0);
///     }
/// }
/// let mut values = [1.0, 2.0];
/// kymograph_linalg::widest(Double(&mut values));
/// assert_eq!(values, [2.0, 4.0]);
/// ```
pub fn widest<W: Wide>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl") {
            // SAFETY: the features were detected just above.
            return unsafe { with_avx512(work) };
        }
        if has!("avx2") {
            // SAFETY: AVX2 was detected just above.
            return unsafe { with_avx2(work) };
        }
    }
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn with_avx512<W: Wide>(work: W) -> W::Output {
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<W: Wide>(work: W) -> W::Output {
    work.run()
}
