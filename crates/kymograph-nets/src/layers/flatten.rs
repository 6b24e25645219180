//! Between numbers as stored and PyTorch's order, which differ for images: stored pixel by pixel, shown channel by channel.

use kymograph_linalg::Real;

use super::Shape;

/// From the stored order to PyTorch's, example by example.
pub(crate) fn outward<T: Real>(shape: Shape, input: &[T], output: &mut [T]) {
    match shape {
        Shape::Image { channels, height, width } if !stored_alike(shape) => {
            transpose(height * width, channels, input, output);
        }
        _ => output.copy_from_slice(input),
    }
}

/// Are examples stored in PyTorch's order?
pub(crate) fn stored_alike(shape: Shape) -> bool {
    !matches!(shape, Shape::Image { channels, height, width } if channels > 1 && height * width > 1)
}

/// From PyTorch's order to the stored one, example by example.
pub(crate) fn inward<T: Real>(shape: Shape, input: &[T], output: &mut [T]) {
    match shape {
        Shape::Image { channels, height, width } if !stored_alike(shape) => {
            transpose(channels, height * width, input, output);
        }
        _ => output.copy_from_slice(input),
    }
}

fn transpose<T: Real>(rows: usize, columns: usize, input: &[T], output: &mut [T]) {
    let length = rows * columns;
    for (from, to) in input.chunks_exact(length).zip(output.chunks_exact_mut(length)) {
        for (column, to) in to.chunks_exact_mut(rows).enumerate() {
            for (to, &value) in to.iter_mut().zip(from[column..].iter().step_by(columns)) {
                *to = value;
            }
        }
    }
}
