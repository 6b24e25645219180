//! Max-pooling of an image stored pixel by pixel, and its gradient.
#![allow(unsafe_code)]

use std::ops::Range;

use kymograph_linalg::Real;

use super::elementwise::rectifier_gradient;
use super::lanes::Lanes;

/// A grid of pooling windows over one image stored line by line, `channels` numbers a pixel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) out_height: usize,
    pub(crate) out_width: usize,
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
}

impl Windows {
    /// Which rows (axis 0) or columns (axis 1) of window number `at` lie on the image.
    #[inline(always)]
    pub(crate) fn clipped(&self, at: usize, axis: usize) -> Range<usize> {
        let size = [self.height, self.width][axis];
        let start = at * self.stride[axis];
        let first = self.padding[axis].saturating_sub(start);
        let last = (size + self.padding[axis]).saturating_sub(start).min(self.kernel[axis]);
        first..last
    }

    /// The pixel at place (i, j) of window (y, x).
    #[inline(always)]
    pub(crate) fn pixel(&self, y: usize, x: usize, i: usize, j: usize) -> usize {
        let row = y * self.stride[0] + i - self.padding[0];
        let column = x * self.stride[1] + j - self.padding[1];
        row * self.width + column
    }

    /// Does each pixel belong to exactly one window?
    fn exact(&self) -> bool {
        self.stride == self.kernel
            && self.padding == [0, 0]
            && self.out_height * self.stride[0] == self.height
            && self.out_width * self.stride[1] == self.width
    }

    pub(super) fn in_length(&self) -> usize {
        self.height * self.width * self.channels
    }

    pub(super) fn out_length(&self) -> usize {
        self.out_height * self.out_width * self.channels
    }
}

/// Largest number of each window and channel, and where in the window it stood (the first of equals). NaN wins, as in
/// PyTorch.
///
/// # Safety
/// The lane's instruction set is available; `input` is valid for [`Windows::in_length`] numbers, `output` and `places`
/// for [`Windows::out_length`]; every window has a pixel on the image.
#[inline(always)]
pub(super) unsafe fn pool<L: Lanes>(
    w: &Windows,
    input: *const L::Number,
    output: *mut L::Number,
    places: *mut L::Number,
) {
    let c = w.channels;
    for y in 0..w.out_height {
        let rows = w.clipped(y, 0);
        for x in 0..w.out_width {
            let columns = w.clipped(x, 1);
            let at = (y * w.out_width + x) * c;
            let corner = w.pixel(y, x, rows.start, columns.start) * c;
            let mut channel = 0;
            while channel < c {
                let left = (c - channel).min(L::WIDTH);
                // SAFETY: rows and columns are clipped to the image, channels to `c`; partial registers where fewer
                // channels are left than a register holds.
                unsafe {
                    let load = |from: *const L::Number| match left == L::WIDTH {
                        true => L::load(from),
                        false => L::load_partial(from, left),
                    };
                    let mut line = input.add(corner + channel);
                    let mut best = load(line);
                    let mut place = L::splat(number(rows.start * w.kernel[1] + columns.start));
                    for i in rows.clone() {
                        let mut pixel = line;
                        for j in columns.clone() {
                            let here = L::splat(number(i * w.kernel[1] + j));
                            (best, place) = L::larger(best, place, load(pixel), here);
                            pixel = pixel.wrapping_add(c);
                        }
                        line = line.wrapping_add(w.width * c);
                    }
                    let (output, places) = (output.add(at + channel), places.add(at + channel));
                    if left == L::WIDTH {
                        L::store(output, best);
                        L::store(places, place);
                    } else {
                        L::store_partial(output, best, left);
                        L::store_partial(places, place, left);
                    }
                }
                channel += L::WIDTH;
            }
        }
    }
}

#[inline(always)]
fn number<T: Real>(place: usize) -> T {
    T::from_f64(place as f64)
}

/// The gradient of [`pool`]: each output gradient goes to the place its maximum came from. With `outputs`, gradients
/// of outputs that are not positive are dropped (the pooled values had passed a ReLU).
#[inline(always)]
pub(super) fn unpool<T: Real>(w: &Windows, places: &[T], slopes: &[T], outputs: Option<&[T]>, input_slopes: &mut [T]) {
    let c = w.channels;
    let exact = w.exact();
    if !exact {
        input_slopes.fill(T::ZERO);
    }
    let mut passed = vec![T::ZERO; c];
    for y in 0..w.out_height {
        for x in 0..w.out_width {
            let at = (y * w.out_width + x) * c;
            let places = &places[at..at + c];
            passed.copy_from_slice(&slopes[at..at + c]);
            if let Some(outputs) = outputs {
                rectifier_gradient(&outputs[at..at + c], &mut passed);
            }
            for i in w.clipped(y, 0) {
                for j in w.clipped(x, 1) {
                    let place: T = number(i * w.kernel[1] + j);
                    let pixel = w.pixel(y, x, i, j);
                    let to = &mut input_slopes[pixel * c..(pixel + 1) * c];
                    let values = passed.iter().zip(places);
                    if exact {
                        for (to, (&slope, &here)) in to.iter_mut().zip(values) {
                            *to = if here == place { slope } else { T::ZERO };
                        }
                    } else {
                        for (to, (&slope, &here)) in to.iter_mut().zip(values) {
                            *to += if here == place { slope } else { T::ZERO };
                        }
                    }
                }
            }
        }
    }
}
