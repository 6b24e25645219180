//! Stochastic descent in rounds, so that the result does not depend on threads.

use rayon::prelude::*;

use super::curve::Slopes;
use super::graph::Graph;

/// Rows that one piece of work moves.
const BLOCK: usize = 256;
/// An epoch's pairs are dealt to so many rounds. Within a round a row sees the others where they were at its beginning.
const ROUNDS: usize = 8;
/// No coordinate moves farther than this by one pair.
const LONGEST: f32 = 4.0;

/// What the descent is told.
pub(super) struct Descent {
    pub(super) epochs: usize,
    pub(super) learning_rate: f64,
    pub(super) negative_samples: usize,
    pub(super) key: u64,
}

/// A pair in the row that it moves.
struct Pair {
    row: u32,
    other: u32,
    /// Epochs from one time that it pulls to the next.
    every: f32,
    next: f32,
}

/// Every pair of the graph pulls as often as its membership is of the largest, and its row is pushed from rows drawn at
/// random. A pair stands in both rows, and each of the two pulls on both in umap-learn: here each row is pulled twice by its
/// own entry, before and after the pushes.
pub(super) fn descend(graph: &Graph, start: Vec<[f32; 2]>, slopes: &Slopes, descent: &Descent) -> Vec<[f32; 2]> {
    let n = start.len();
    let mut blocks = deal(graph, descent.epochs);
    let mut places = start;
    let mut next = places.clone();
    for epoch in 0..descent.epochs {
        let alpha = (descent.learning_rate * (1.0 - epoch as f64 / descent.epochs as f64)) as f32;
        for round in 0..ROUNDS {
            let seen = &places;
            blocks.par_iter_mut().zip(next.par_chunks_mut(BLOCK)).enumerate().with_max_len(1).for_each(
                |(block, (rounds, moved))| {
                    let first = block * BLOCK;
                    moved.copy_from_slice(&seen[first..first + moved.len()]);
                    for (place, pair) in rounds[round].iter_mut().enumerate() {
                        if pair.next > epoch as f32 {
                            continue;
                        }
                        pair.next += pair.every;
                        let at = &mut moved[pair.row as usize - first];
                        let other = seen[pair.other as usize];
                        pull(at, other, slopes, alpha);
                        let mut draws = Draws::of(descent.key, epoch, round, pair.row, place);
                        for _ in 0..descent.negative_samples {
                            let away = draws.below(n as u32);
                            if away != pair.row {
                                push(at, seen[away as usize], slopes, alpha);
                            }
                        }
                        pull(at, other, slopes, alpha);
                    }
                },
            );
            std::mem::swap(&mut places, &mut next);
        }
    }
    places
}

/// The pairs that will pull at least once, by block of rows and by round.
fn deal(graph: &Graph, epochs: usize) -> Vec<Vec<Vec<Pair>>> {
    let largest = graph.largest();
    let least = largest / epochs.max(1) as f32;
    let rows: Vec<(usize, &Vec<(u32, f32)>)> = graph.rows.iter().enumerate().collect();
    rows.chunks(BLOCK)
        .map(|rows| {
            let mut rounds: Vec<Vec<Pair>> = (0..ROUNDS).map(|_| Vec::new()).collect();
            for &(row, pairs) in rows {
                let often = pairs.iter().filter(|(_, membership)| *membership >= least);
                for (place, &(other, membership)) in often.enumerate() {
                    let every = largest / membership;
                    // Where a row begins in the rounds goes by its number, so that rounds are equally full.
                    rounds[(place + row) % ROUNDS].push(Pair { row: row as u32, other, every, next: every });
                }
            }
            rounds
        })
        .collect()
}

#[inline]
fn pull(at: &mut [f32; 2], other: [f32; 2], slopes: &Slopes, alpha: f32) {
    let (dx, dy) = (at[0] - other[0], at[1] - other[1]);
    let squared = dx * dx + dy * dy;
    if squared > 0.0 {
        let slope = slopes.at(squared)[0];
        at[0] += (slope * dx).clamp(-LONGEST, LONGEST) * alpha;
        at[1] += (slope * dy).clamp(-LONGEST, LONGEST) * alpha;
    }
}

#[inline]
fn push(at: &mut [f32; 2], other: [f32; 2], slopes: &Slopes, alpha: f32) {
    let (dx, dy) = (at[0] - other[0], at[1] - other[1]);
    let squared = dx * dx + dy * dy;
    if squared > 0.0 {
        let slope = slopes.at(squared)[1];
        at[0] += (slope * dx).clamp(-LONGEST, LONGEST) * alpha;
        at[1] += (slope * dy).clamp(-LONGEST, LONGEST) * alpha;
    }
}

/// Numbers drawn by place, not in turn (SplitMix64: Steele, Lea & Flood 2014), from a key that comes of the seed's stream:
/// every pair in every epoch draws its own, whoever else draws.
struct Draws {
    state: u64,
    left: u64,
    half: bool,
}

impl Draws {
    #[inline]
    fn of(key: u64, epoch: usize, round: usize, row: u32, place: usize) -> Self {
        let time = (epoch * ROUNDS + round) as u64;
        let where_ = (u64::from(row) << 32) | place as u64;
        let state =
            mix(key ^ mix(time.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ where_.wrapping_mul(0xd1b5_4a32_d192_ed03)));
        Self { state, left: 0, half: false }
    }

    /// Below `bound`, by multiplication of 32 bits: off by less than bound/2³² from uniform.
    #[inline]
    fn below(&mut self, bound: u32) -> u32 {
        if self.half {
            self.left >>= 32;
        } else {
            self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            self.left = mix(self.state);
        }
        self.half = !self.half;
        (((self.left & 0xffff_ffff) * u64::from(bound)) >> 32) as u32
    }
}

#[inline]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_and_differ_from_pair_to_pair() {
        let mut counts = [0usize; 10];
        for row in 0..200 {
            for place in 0..20 {
                let mut draws = Draws::of(7, 3, row as usize % ROUNDS, row, place);
                (0..5).for_each(|_| counts[draws.below(10) as usize] += 1);
            }
        }
        // 20,000 draws: each count is 2,000 with a standard deviation of 42; the band is five of those.
        assert!(counts.iter().all(|count| count.abs_diff(2000) < 212), "{counts:?}");
        let first = |epoch, row, place| Draws::of(7, epoch, 0, row, place).below(u32::MAX);
        assert!(
            first(0, 0, 0) != first(1, 0, 0) && first(0, 0, 0) != first(0, 1, 0) && first(0, 0, 0) != first(0, 0, 1)
        );
    }

    #[test]
    fn pairs_pull_as_often_as_their_membership_says() {
        let graph = Graph { rows: vec![vec![(1, 1.0), (2, 0.25)], vec![(0, 1.0)], vec![(0, 0.25), (1, 0.001)]] };
        let blocks = deal(&graph, 100);
        let pairs: Vec<&Pair> = blocks[0].iter().flatten().collect();
        assert_eq!(pairs.len(), 4, "a pair that would pull less than once is left out");
        assert!(pairs.iter().any(|pair| (pair.row, pair.other, pair.every) == (2, 0, 4.0)));
    }
}
