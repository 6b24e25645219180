//! Between an image stored pixel by pixel and PyTorch's channel-major vector.

use kymograph_linalg::Real;

/// (position, channel) to (channel, position), example by example.
pub(crate) fn flatten<T: Real>(channels: usize, positions: usize, input: &[T], output: &mut [T]) {
    transpose(positions, channels, input, output);
}

/// (channel, position) to (position, channel), example by example.
pub(crate) fn unflatten<T: Real>(channels: usize, positions: usize, input: &[T], output: &mut [T]) {
    transpose(channels, positions, input, output);
}

fn transpose<T: Real>(rows: usize, columns: usize, input: &[T], output: &mut [T]) {
    if rows == 1 || columns == 1 {
        output.copy_from_slice(input);
        return;
    }
    let length = rows * columns;
    for (from, to) in input.chunks_exact(length).zip(output.chunks_exact_mut(length)) {
        for (column, to) in to.chunks_exact_mut(rows).enumerate() {
            for (to, &value) in to.iter_mut().zip(from[column..].iter().step_by(columns)) {
                *to = value;
            }
        }
    }
}
