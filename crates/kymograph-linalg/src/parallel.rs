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
    (0..length).step_by(size).map(|start| start..(start + size).min(length)).collect()
}

/// `work` on each range of [`blocks`], in parallel; the results in order.
pub fn map_blocks<R: Send>(length: usize, size: usize, work: impl Fn(Range<usize>) -> R + Sync + Send) -> Vec<R> {
    blocks(length, size).into_par_iter().with_max_len(1).map(work).collect()
}

/// `work` on each index below `length`, in parallel; the results in order. One unit of work per index: use it where
/// each is heavy (a factorisation, a resample), [`map_blocks`] where it is light.
pub fn map_indices<R: Send>(length: usize, work: impl Fn(usize) -> R + Sync + Send) -> Vec<R> {
    (0..length).into_par_iter().with_max_len(1).map(work).collect()
}

/// The sum of `work` over the ranges of [`blocks`], each computed in parallel, added from first to last.
pub fn sum_blocks(length: usize, size: usize, work: impl Fn(Range<usize>) -> f64 + Sync + Send) -> f64 {
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

#[cfg(test)]
mod tests {
    use ndarray::{Array2, s};

    use super::*;

    #[test]
    fn ranges_and_blocks_cover_everything_once() {
        for length in 0..60 {
            for pieces in 1..20 {
                let found = ranges(length, pieces);
                assert!(found.iter().cloned().flatten().eq(0..length));
                assert_eq!(found.len(), pieces.min(length));
                let sizes = found.iter().map(Range::len);
                let (low, high) = (sizes.clone().min(), sizes.max());
                assert!(high.unwrap_or(0) - low.unwrap_or(0) <= 1 && low != Some(0));
                let found = blocks(length, pieces);
                assert!(found.iter().cloned().flatten().eq(0..length));
                assert!(found.iter().rev().skip(1).all(|block| block.len() == pieces));
            }
        }
        assert!(ranges(5, 0).is_empty());
    }

    #[test]
    fn results_come_in_order() {
        assert_eq!(map_indices(100, |i| i * i), (0..100).map(|i| i * i).collect::<Vec<_>>());
        assert_eq!(map_blocks(7, 3, |r| r), vec![0..3, 3..6, 6..7]);
        assert_eq!(sum_blocks(1000, 7, |r| r.map(|i| i as f64).sum()), 499_500.0);
        assert_eq!(sum_blocks(0, 7, |_| 1.0), 0.0);
    }

    #[test]
    fn row_blocks_carry_the_index_of_their_first_row() {
        let mut array = Array2::<usize>::zeros((10, 3));
        for_row_blocks_mut(array.view_mut(), 4, |first, mut block| {
            for (row, mut values) in block.outer_iter_mut().enumerate() {
                values.fill(first + row);
            }
        });
        assert!(array.outer_iter().enumerate().all(|(i, row)| row.iter().all(|&v| v == i)));
        let sums = map_row_blocks(array.slice(s![..;2, ..]), 2, |first, block| (first, block.sum()));
        assert_eq!(sums, vec![(0, 6), (2, 30), (4, 24)]);
    }
}
