//! Max-pooling, example by example.

use kymograph_linalg::Real;

use crate::kernels::{Kernels, Windows};

/// A max-pooling layer.
#[derive(Clone)]
pub(crate) struct Pool {
    pub(crate) windows: Windows,
}

impl Pool {
    pub(crate) fn in_length(&self) -> usize {
        self.windows.height * self.windows.width * self.windows.channels
    }

    pub(crate) fn out_length(&self) -> usize {
        self.windows.out_height * self.windows.out_width * self.windows.channels
    }

    /// A chunk's output; `places` keeps where each maximum stood.
    pub(crate) fn forward<T: Real>(&self, kernels: &Kernels<T>, input: &[T], output: &mut [T], places: &mut [T]) {
        let images = input.chunks_exact(self.in_length());
        let outputs = output.chunks_exact_mut(self.out_length());
        let places = places.chunks_exact_mut(self.out_length());
        for ((image, output), places) in images.zip(outputs).zip(places) {
            kernels.pool(&self.windows, image, output, places);
        }
    }

    /// A chunk's input gradient. With `outputs`, the pooled values had passed a ReLU.
    pub(crate) fn backward<T: Real>(
        &self,
        kernels: &Kernels<T>,
        places: &[T],
        slopes: &[T],
        outputs: Option<&[T]>,
        input_slopes: &mut [T],
    ) {
        let length = self.out_length();
        for (example, image) in input_slopes.chunks_exact_mut(self.in_length()).enumerate() {
            let range = example * length..(example + 1) * length;
            kernels.unpool(
                &self.windows,
                &places[range.clone()],
                &slopes[range.clone()],
                outputs.map(|outputs| &outputs[range]),
                image,
            );
        }
    }
}
