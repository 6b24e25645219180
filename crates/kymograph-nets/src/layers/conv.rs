//! Convolution as products of the padded image's windows with the packed filters; no window is ever copied out.

use std::ops::Range;

use kymograph_linalg::Real;

use crate::kernels::{Aligned, Columns, Examples, Kernels, Rows};

/// Gradients of the output are unpacked for at most so many numbers at a time, so that they stay in the cache.
const GROUP_NUMBERS: usize = 56 * 1024;

/// A convolution's sizes, the places of its parameters, and its packed filters.
#[derive(Clone)]
pub(crate) struct Conv<T> {
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) out_channels: usize,
    pub(crate) out_height: usize,
    pub(crate) out_width: usize,
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
    pub(crate) weight: Range<usize>,
    pub(crate) bias: Option<Range<usize>>,
    pub(crate) forward_filters: Aligned<T>,
    pub(crate) backward_filters: Aligned<T>,
}

impl<T: Real> Conv<T> {
    pub(crate) fn pack(&mut self, kernels: &Kernels<T>, parameters: &[T]) {
        let weight = &parameters[self.weight.clone()];
        let (c, out) = (self.channels, self.out_channels);
        let [kh, kw] = self.kernel;
        kernels.pack(kh * kw * c, out, &mut self.forward_filters, |row, first, numbers| {
            let at = row * out + first;
            numbers.copy_from_slice(&weight[at..at + numbers.len()]);
        });
        // Turned by half a turn, with inputs and outputs exchanged.
        kernels.pack(kh * kw * out, c, &mut self.backward_filters, |row, first, numbers| {
            let (place, o) = (row / out, row % out);
            let turned = kh * kw - 1 - place;
            let from = &weight[(turned * c + first) * out + o..];
            for (number, &value) in numbers.iter_mut().zip(from.iter().step_by(out)) {
                *number = value;
            }
        });
    }

    pub(crate) fn needs_padding(&self) -> bool {
        self.padding != [0, 0]
    }

    fn padded_size(&self) -> [usize; 2] {
        [self.height + 2 * self.padding[0], self.width + 2 * self.padding[1]]
    }

    /// Numbers of one padded image.
    pub(crate) fn padded_length(&self) -> usize {
        let [h, w] = self.padded_size();
        h * w * self.channels
    }

    pub(crate) fn in_length(&self) -> usize {
        self.height * self.width * self.channels
    }

    pub(crate) fn out_length(&self) -> usize {
        self.out_height * self.out_width * self.out_channels
    }

    /// Copies an image into the middle of a buffer whose border is zero and stays so.
    pub(crate) fn pad(&self, image: &[T], padded: &mut [T]) {
        let line = self.width * self.channels;
        let padded_line = self.padded_size()[1] * self.channels;
        let corner = self.padding[0] * padded_line + self.padding[1] * self.channels;
        for (y, from) in image.chunks_exact(line).enumerate() {
            padded[corner + y * padded_line..][..line].copy_from_slice(from);
        }
    }

    fn windows(&self) -> Rows {
        let line = self.padded_size()[1] * self.channels;
        Rows {
            height: self.out_height,
            width: self.out_width,
            outer: self.stride[0] * line,
            inner: self.stride[1] * self.channels,
            segments: self.kernel[0],
            segment_length: self.kernel[1] * self.channels,
            segment_stride: line,
        }
    }

    /// One example's output from its padded image.
    pub(crate) fn forward(
        &self,
        kernels: &Kernels<T>,
        parameters: &[T],
        padded: &[T],
        rectify: bool,
        output: &mut [T],
    ) {
        let bias = self.bias.clone().map(|range| &parameters[range]);
        let columns = Columns { packed: &self.forward_filters, count: self.out_channels, bias, rectify };
        kernels.product(padded, &self.windows(), &columns, output);
    }

    /// How many examples [`Conv::weight_gradient`] is best given at a time.
    pub(crate) fn group(&self) -> usize {
        (GROUP_NUMBERS / self.out_length().max(1)).max(1)
    }

    /// Gradients of filters and bias from a group of padded images and output gradients, into `gradients` (all
    /// parameters of the network), added to what is there unless the group is the `first`.
    pub(crate) fn weight_gradient(
        &self,
        kernels: &Kernels<T>,
        padded: &[T],
        slopes: &[T],
        first: bool,
        gradients: &mut [T],
    ) {
        let count = slopes.len() / self.out_length();
        let examples = Examples { values: padded, count, stride: self.padded_length() };
        let out = &mut gradients[self.weight.clone()];
        kernels.weight_gradient(&examples, &self.windows(), slopes, self.out_channels, out, !first);
        if let Some(range) = self.bias.clone() {
            let sums = &mut gradients[range];
            if first {
                sums.fill(T::ZERO);
            }
            kernels.add_columns(slopes, sums);
        }
    }

    fn spread_size(&self) -> [usize; 2] {
        [self.height + self.kernel[0] - 1, self.width + self.kernel[1] - 1]
    }

    /// Length of the scratch buffer of [`Conv::input_gradient`]; it must be zero at a layer's first example.
    pub(crate) fn spread_length(&self) -> usize {
        let [h, w] = self.spread_size();
        h * w * self.out_channels
    }

    /// One example's input gradient: the output gradients, spread out by the stride, convolved with the turned filters.
    pub(crate) fn input_gradient(&self, kernels: &Kernels<T>, slopes: &[T], spread: &mut [T], input_slopes: &mut [T]) {
        let [rows, columns] = self.spread_size();
        let out = self.out_channels;
        // Output (y, x) stands at stride·(y, x) + kernel − 1 − padding; what falls outside touched only padding.
        let place = |at: usize, axis: usize, size: usize| {
            (at * self.stride[axis] + self.kernel[axis] - 1)
                .checked_sub(self.padding[axis])
                .filter(|&place| place < size)
        };
        for y in 0..self.out_height {
            let Some(row) = place(y, 0, rows) else { continue };
            let from = &slopes[y * self.out_width * out..][..self.out_width * out];
            match (self.stride[1], place(0, 1, columns), place(self.out_width - 1, 1, columns)) {
                (1, Some(column), Some(_)) => {
                    spread[(row * columns + column) * out..][..from.len()].copy_from_slice(from);
                }
                _ => {
                    for (x, pixel) in from.chunks_exact(out).enumerate() {
                        if let Some(column) = place(x, 1, columns) {
                            spread[(row * columns + column) * out..][..out].copy_from_slice(pixel);
                        }
                    }
                }
            }
        }
        let windows = Rows {
            height: self.height,
            width: self.width,
            outer: columns * out,
            inner: out,
            segments: self.kernel[0],
            segment_length: self.kernel[1] * out,
            segment_stride: columns * out,
        };
        let columns = Columns { packed: &self.backward_filters, count: self.channels, bias: None, rectify: false };
        kernels.product(spread, &windows, &columns, input_slopes);
    }
}
