//! Counts and sums over the parameters whose gradient is near zero.

use super::counts::SetCounts;
use super::kernel::{LANES, Lanes, STRETCH, Scratch, as_lanes, in_order};

/// Sums of a set before they are added across lanes: change, change without flips, weight, gradient, chance.
pub(super) type SetLanes = [Lanes; 5];

/// A set's counts and sums, lane by lane until a part is done.
#[derive(Clone, Copy, Default)]
pub(super) struct Within {
    /// Near zero before, now, at both steps.
    sizes: [[u32; LANES]; 3],
    /// Byte by byte what `flags` and `more` hold, of those near zero at both steps.
    bits: [[u32; LANES]; 8],
    sums: SetLanes,
}

impl Within {
    /// Takes in the places of a stretch within `threshold`: one loop for everything, since its arrays come from the first
    /// cache each time, and without a branch, so that it runs in wide registers.
    #[inline(always)]
    pub(super) fn add(&mut self, s: &Scratch, threshold: f32) {
        let (before, now) = (as_lanes(&s.before), as_lanes(&s.now));
        let (flags, more) = (s.flags.as_chunks::<LANES>().0, s.more.as_chunks::<LANES>().0);
        let values = [&s.change, &s.unflipped, &s.weight, &s.gradient, &s.chance].map(|values| as_lanes(values));
        let mut sizes = self.sizes;
        // A byte of a lane takes one in each turn, and a stretch has fewer turns than a byte holds.
        let mut packed = [[0u32; LANES]; 2];
        let mut totals = [[0.0f32; LANES]; 5];
        for k in 0..STRETCH / LANES {
            let mut mask = [0u32; LANES];
            for lane in 0..LANES {
                let (a, b) = (u32::from(before[k][lane] <= threshold), u32::from(now[k][lane] <= threshold));
                sizes[0][lane] += a;
                sizes[1][lane] += b;
                sizes[2][lane] += a & b;
                mask[lane] = 0u32.wrapping_sub(a & b);
            }
            for lane in 0..LANES {
                packed[0][lane] += flags[k][lane] & mask[lane];
                packed[1][lane] += more[k][lane] & mask[lane];
            }
            for which in 0..totals.len() {
                for lane in 0..LANES {
                    totals[which][lane] += f32::from_bits(values[which][k][lane].to_bits() & mask[lane]);
                }
            }
        }
        self.sizes = sizes;
        for (at, bits) in self.bits.iter_mut().enumerate() {
            for lane in 0..LANES {
                bits[lane] += packed[at / 4][lane] >> (at % 4 * 8) & 0xff;
            }
        }
        for (sum, total) in self.sums.iter_mut().zip(&totals) {
            for lane in 0..LANES {
                sum[lane] += f64::from(total[lane]);
            }
        }
    }

    /// Adds the lanes up.
    pub(super) fn finish(&self, out: &mut SetCounts) {
        let [zero_before, zero, retained] = self.sizes.map(count);
        let [flipped, nonzero, minima, maxima, aligned_minima, aligned_maxima, true_minima, true_maxima] =
            self.bits.map(count);
        for (count, found) in [
            (&mut out.zero_before, zero_before),
            (&mut out.zero, zero),
            (&mut out.retained, retained),
            (&mut out.flipped, flipped),
            (&mut out.nonzero, nonzero),
            (&mut out.minima, minima),
            (&mut out.maxima, maxima),
            (&mut out.aligned_minima, aligned_minima),
            (&mut out.aligned_maxima, aligned_maxima),
            (&mut out.true_minima, true_minima),
            (&mut out.true_maxima, true_maxima),
        ] {
            *count += found;
        }
        let [change, unflipped, weight, gradient, chance] = self.sums.map(|lanes| in_order(&lanes));
        out.change += change;
        out.unflipped_change += unflipped;
        out.weight += weight;
        out.gradient += gradient;
        out.chance += chance;
    }
}

fn count(lanes: [u32; LANES]) -> u64 {
    lanes.iter().map(|lane| u64::from(*lane)).sum()
}
