//! Which numbers are above zero, as bits.
#![allow(unsafe_code)]

use kymograph_linalg::Real;

use super::lanes::Lanes;
use super::table::Kernels;

/// Sets the bits from `first` on, in each row of `words`, that belong to numbers above zero in the same row of `values`.
///
/// # Safety
/// The lane's instruction set is available.
#[inline(always)]
pub(super) unsafe fn signs<L: Lanes>(values: &[L::Number], each: usize, words: &mut [u64], width: usize, first: usize) {
    for (values, words) in values.chunks_exact(each).zip(words.chunks_exact_mut(width)) {
        for (block, values) in values.chunks(L::WIDTH).enumerate() {
            // SAFETY: a block holds WIDTH numbers, or those that the partial form is told.
            let bits = unsafe {
                if values.len() == L::WIDTH {
                    L::positive(L::load(values.as_ptr()))
                } else {
                    L::positive(L::load_partial(values.as_ptr(), values.len()))
                }
            };
            let at = first + block * L::WIDTH;
            let (word, offset) = (at / 64, at % 64);
            words[word] |= bits << offset;
            if offset + values.len() > 64 {
                words[word + 1] |= bits >> (64 - offset);
            }
        }
    }
}

impl<T: Real> Kernels<T> {
    /// Sets the bits from `first` on, in each row of `width` words, that belong to numbers above zero in the same row of
    /// `each` values.
    pub(crate) fn signs(&self, values: &[T], each: usize, words: &mut [u64], width: usize, first: usize) {
        // SAFETY: slices are indexed within their bounds; the path is supported (`new`).
        unsafe { (self.signs)(values, each, words, width, first) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::path::KernelPath;
    use super::*;

    /// Two rows at every offset within a word and of lengths around those of registers.
    fn agree<T: Real>() {
        for path in KernelPath::ALL.into_iter().filter(|path| path.is_supported()) {
            let kernels = Kernels::<T>::new(path).unwrap();
            for each in [1, 3, 4, 7, 8, 15, 16, 17, 33, 64, 100] {
                for first in 0..70 {
                    let odd = [T::ZERO, -T::ZERO, T::from_f64(f64::NAN), -T::MAX, T::MIN_POSITIVE, T::MAX];
                    let value =
                        |at: usize| odd.get(at % 11).copied().unwrap_or(T::from_f64((at * at % 7) as f64 - 3.0));
                    let values: Vec<T> = (0..2 * each).map(value).collect();
                    let width = (first + each).div_ceil(64);
                    let mut words = vec![0; 2 * width];
                    // What is set already stays.
                    words[0] = u64::from(first > 0);
                    let mut literal = words.clone();
                    kernels.signs(&values, each, &mut words, width, first);
                    for (at, _) in values.iter().enumerate().filter(|(_, value)| **value > T::ZERO) {
                        let bit = first + at % each;
                        literal[at / each * width + bit / 64] |= 1 << (bit % 64);
                    }
                    assert_eq!(words, literal, "{path:?}, {each} values at {first}");
                }
            }
        }
    }

    #[test]
    fn signs_are_those_of_a_literal_loop_on_every_path() {
        agree::<f32>();
        agree::<f64>();
    }

    #[test]
    fn a_number_that_is_not_finite_is_found_wherever_it_lies() {
        for path in KernelPath::ALL.into_iter().filter(|path| path.is_supported()) {
            let kernels = Kernels::<f32>::new(path).unwrap();
            for length in [0, 1, 63, 64, 65, 200] {
                let mut from = vec![f32::MAX; length];
                let mut to = vec![0.0; length];
                assert!(kernels.copy_finite(&from, &mut to) && kernels.all_finite(&from) && from == to);
                for at in 0..length {
                    from[at] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][at % 3];
                    assert!(!kernels.copy_finite(&from, &mut to) && !kernels.all_finite(&from));
                    assert!(from.iter().zip(&to).all(|(a, b)| a.to_bits() == b.to_bits()));
                    from[at] = f32::MIN;
                }
            }
        }
    }
}
