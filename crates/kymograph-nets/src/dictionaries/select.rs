//! The largest positive numbers of a row, or of a whole batch.

use std::cmp::Ordering;

use kymograph_linalg::{Real, Wide, widest};

use super::codes::Codes;

/// A pre-activation and the latent it is of.
pub(super) type Candidate<T> = (T, u32);

/// Larger values first, lower latents first among equals.
fn order<T: Real>(a: &Candidate<T>, b: &Candidate<T>) -> Ordering {
    b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal).then(a.1.cmp(&b.1))
}

/// Collects the numbers of a row that are above a bound.
struct Above<'a, T> {
    row: &'a [T],
    bound: T,
    found: &'a mut Vec<Candidate<T>>,
}

impl<T: Real> Wide for Above<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        const BLOCK: usize = 64;
        for (block, values) in self.row.chunks(BLOCK).enumerate() {
            // Most blocks hold nothing, which a maximum tells without a branch a number.
            let largest = values.iter().fold(self.bound, |largest, &v| if v > largest { v } else { largest });
            if largest > self.bound {
                for (at, &value) in values.iter().enumerate() {
                    if value > self.bound {
                        self.found.push((value, (block * BLOCK + at) as u32));
                    }
                }
            }
        }
    }
}

/// All numbers of a row above `bound`, by latent.
pub(super) fn above<T: Real>(row: &[T], bound: T, found: &mut Vec<Candidate<T>>) {
    found.clear();
    widest(Above { row, bound, found });
}

/// Finds the `k` largest of row after row; what one row took bounds the search in the next, and changes no result.
pub(super) struct TopK<T> {
    k: usize,
    bound: T,
    found: Vec<Candidate<T>>,
}

impl<T: Real> TopK<T> {
    pub(super) fn new(k: usize) -> Self {
        Self { k, bound: T::ZERO, found: Vec::new() }
    }

    /// Appends the `k` largest positive numbers of `row`, fewer where there are fewer, as the next example.
    pub(super) fn row(&mut self, row: &[T], codes: &mut Codes<T>) {
        above(row, self.bound, &mut self.found);
        if self.found.len() < self.k && self.bound > T::ZERO {
            above(row, T::ZERO, &mut self.found);
        }
        if self.found.len() > self.k {
            self.found.select_nth_unstable_by(self.k - 1, order);
            self.found.truncate(self.k);
        }
        let least = self.found.iter().fold(T::MAX, |least, (value, _)| least.min(*value));
        // Somewhat below the last row's, so that one search is mostly enough.
        self.bound = if self.found.len() == self.k { least * T::from_f64(0.8) } else { T::ZERO };
        self.found.sort_unstable_by_key(|(_, latent)| *latent);
        for &(value, latent) in &self.found {
            codes.push(latent as usize, value);
        }
        codes.end_row();
    }
}

/// Of the candidates of all examples, the `count` largest; earlier examples and lower latents first among equals.
pub(super) fn largest_of_batch<T: Real>(rows: &[Vec<Candidate<T>>], count: usize, width: usize) -> Codes<T> {
    let mut values: Vec<T> = rows.iter().flatten().map(|(value, _)| *value).collect();
    let mut codes = Codes::new(width);
    let (mut bound, mut at_bound) = (T::ZERO, usize::MAX);
    if values.len() > count {
        let descending = |a: &T, b: &T| b.partial_cmp(a).unwrap_or(Ordering::Equal);
        bound = *values.select_nth_unstable_by(count - 1, descending).1;
        at_bound = count - values.iter().filter(|value| **value > bound).count();
    }
    for row in rows {
        for &(value, latent) in row {
            if value == bound {
                if at_bound == 0 {
                    continue;
                }
                at_bound -= 1;
            }
            if value >= bound {
                codes.push(latent as usize, value);
            }
        }
        codes.end_row();
    }
    codes
}
