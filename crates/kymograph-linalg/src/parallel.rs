//! Parallel loops cut by the size of the work and never by the number of threads, so that bits do not depend on it.

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

/// `0..length` cut into at most `pieces` consecutive ranges whose lengths differ by one at most; none is empty.
///
/// ```
/// assert_eq!(kymograph_linalg::parallel::ranges(7, 3), vec![0..3, 3..5, 5..7]);
/// ```
pub fn ranges(length: usize, pieces: usize) -> Vec<Range<usize>> {
    let pieces = pieces.min(length);
    let mut start = 0;
    (0..pieces)
        .map(|piece| {
            let size = length / pieces + usize::from(piece < length % pieces);
            start += size;
            start - size..start
        })
        .collect()
}

/// `0..length` cut into consecutive ranges of `size`, the last one shorter.
///
/// # Panics
/// When `size` is zero.
pub fn blocks(length: usize, size: usize) -> Vec<Range<usize>> {
    assert!(size > 0, "a block must hold something");
    (0..length)
        .step_by(size)
        .map(|start| start..(start + size).min(length))
        .collect()
}

/// `work` on each range of [`blocks`], in parallel; the results in order.
pub fn map_blocks<R: Send>(
    length: usize,
    size: usize,
    work: impl Fn(Range<usize>) -> R + Sync + Send,
) -> Vec<R> {
    blocks(length, size)
        .into_par_iter()
        .with_max_len(1)
        .map(work)
        .collect()
}

/// `work` on each index below `length`, in parallel; the results in order. One unit of work per index: use it where
/// each is heavy (a factorisation, a resample), [`map_blocks`] where it is light.
pub fn map_indices<R: Send>(length: usize, work: impl Fn(usize) -> R + Sync + Send) -> Vec<R> {
    (0..length)
        .into_par_iter()
        .with_max_len(1)
        .map(work)
        .collect()
}

/// The sum of `work` over the ranges of [`blocks`], each computed in parallel, added from first to last.
pub fn sum_blocks(
    length: usize,
    size: usize,
    work: impl Fn(Range<usize>) -> f64 + Sync + Send,
) -> f64 {
    map_blocks(length, size, work).into_iter().sum()
}

/// `work` on each block of `rows` rows of `array`, in parallel, with the index of the block's first row.
///
/// # Panics
/// When `rows` is zero.
pub fn for_row_blocks_mut<T: Send + Sync>(
    mut array: ArrayViewMut2<'_, T>,
    rows: usize,
    work: impl Fn(usize, ArrayViewMut2<'_, T>) + Sync + Send,
) {
    assert!(rows > 0, "a block must hold something");
    array
        .axis_chunks_iter_mut(Axis(0), rows)
        .into_par_iter()
        .enumerate()
        .with_max_len(1)
        .for_each(|(block, view)| work(block * rows, view));
}

/// `work` on each block of `rows` rows of `array`, in parallel; the results in order.
///
/// # Panics
/// When `rows` is zero.
pub fn map_row_blocks<T: Send + Sync, R: Send>(
    array: ArrayView2<'_, T>,
    rows: usize,
    work: impl Fn(usize, ArrayView2<'_, T>) -> R + Sync + Send,
) -> Vec<R> {
    assert!(rows > 0, "a block must hold something");
    array
        .axis_chunks_iter(Axis(0), rows)
        .into_par_iter()
        .enumerate()
        .with_max_len(1)
        .map(|(block, view)| work(block * rows, view))
        .collect()
}
