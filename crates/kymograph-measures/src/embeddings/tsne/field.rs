//! Repulsion of many rows through a grid: sources are spread by cubic splines, convolved by Fourier transforms, and read
//! back by the same splines.

use kymograph_linalg::{Fourier, LANES, Lanes, fourier_length, parallel};
use rayon::prelude::*;

use super::exact;
use super::kernel::Kernel;

/// Distance of two nodes once the layout is large; the kernels change over a length of about one.
const SPACING: f64 = 1.0 / 3.0;
/// While the layout is small, about so many nodes lie across it.
const FEWEST: f64 = 40.0;
/// Nodes around the layout that splines and rounding need.
const MARGIN: usize = 6;
/// A grid is made this much larger than the layout, which grows.
const SLACK: f64 = 1.1;
/// With more nodes on a side than this, all pairs are summed instead.
const LARGEST: usize = 2048;
/// Rows that read the grid in one piece of work.
const BLOCK: usize = 512;

/// The grid and all that is kept from one iteration to the next.
#[derive(Default)]
pub(super) struct Field {
    grid: Option<Grid>,
}

struct Grid {
    /// Nodes on a side of the part that holds sources: half of the transforms' length.
    side: usize,
    kernel: Kernel,
    plan: Fourier,
    /// The sources, `[x][y]`.
    sources: Vec<f32>,
    /// Transformed along x, `[y][frequency]`, real and imaginary.
    along_x: [Vec<f32>; 2],
    /// Both forces transformed back along y, `[frequency][y]`, real and imaginary.
    back: [[Vec<f32>; 2]; 2],
    /// The force, `[y][x]`.
    force: Vec<[f32; 2]>,
}

impl Field {
    /// As [`exact::repulsion`], approximately.
    pub(super) fn repulsion(&mut self, places: &[[f64; 2]], forces: &mut [[f64; 2]]) -> f64 {
        let ends = |axis: usize| {
            places.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), place| {
                (low.min(place[axis]), high.max(place[axis]))
            })
        };
        let ((left, right), (bottom, top)) = (ends(0), ends(1));
        // Rows at one place push each other nowhere, on whatever grid.
        let span = (right - left).max(top - bottom).max(1e-30);
        // Layouts that overflowed are left to the exact sums, whose caller says so.
        if span.is_nan() || span / SPACING >= LARGEST as f64 {
            return exact::repulsion(places, forces);
        }
        let grid = self.grid.take().filter(|grid| grid.fits(span)).or_else(|| Grid::new(span));
        let Some(mut grid) = grid else { return exact::repulsion(places, forces) };
        let sum = grid.convolve(places, [left, bottom], forces);
        self.grid = Some(grid);
        sum
    }
}

/// The distance of nodes for a layout of this extent.
fn spacing(span: f64) -> f64 {
    let finer = (4.0 * (SPACING * FEWEST / span).log2()).ceil().max(0.0);
    SPACING * (-finer / 4.0).exp2()
}

fn nodes(span: f64, spacing: f64) -> usize {
    (span / spacing).ceil() as usize + MARGIN
}

impl Grid {
    fn new(span: f64) -> Option<Self> {
        let spacing = spacing(span);
        let length = fourier_length(2 * nodes(SLACK * span, spacing));
        let plan = Fourier::new(length)?;
        let side = length / 2;
        let kernel = Kernel::new(&plan, length, spacing);
        let plane = |size: usize| vec![0.0; size];
        let (rows, columns) = (side * kernel.padded, kernel.padded * side);
        Some(Self {
            side,
            plan,
            sources: plane(side * side),
            along_x: [plane(rows), plane(rows)],
            back: [[plane(columns), plane(columns)], [plane(columns), plane(columns)]],
            force: vec![[0.0; 2]; side * side],
            kernel,
        })
    }

    fn fits(&self, span: f64) -> bool {
        let wanted = spacing(span);
        let needed = nodes(span, self.kernel.spacing);
        self.kernel.spacing <= wanted && needed <= self.side && self.side <= 2 * nodes(SLACK * span, wanted)
    }

    fn convolve(&mut self, places: &[[f64; 2]], corner: [f64; 2], forces: &mut [[f64; 2]]) -> f64 {
        self.spread(places, corner);
        self.transform_x();
        let sum = self.transform_y();
        self.transform_back();
        self.read(places, corner, forces);
        sum - places.len() as f64
    }

    /// The first of the four nodes along each axis that a place has to do with, and their weights.
    #[inline]
    fn weights(&self, place: f64, corner: f64) -> (usize, [f32; 4]) {
        let at = (place - corner) / self.kernel.spacing + 2.0;
        let node = at.floor();
        let t = (at - node) as f32;
        let (s, sixth) = (1.0 - t, 1.0 / 6.0);
        let weights = [
            s * s * s * sixth,
            ((3.0 * t - 6.0) * t * t + 4.0) * sixth,
            ((3.0 * s - 6.0) * s * s + 4.0) * sixth,
            t * t * t * sixth,
        ];
        (node as usize - 1, weights)
    }

    fn spread(&mut self, places: &[[f64; 2]], corner: [f64; 2]) {
        let side = self.side;
        let mut sources = std::mem::take(&mut self.sources);
        sources.fill(0.0);
        for place in places {
            let ((x, across), (y, along)) = (self.weights(place[0], corner[0]), self.weights(place[1], corner[1]));
            for (step, weight) in across.into_iter().enumerate() {
                let from = (x + step) * side + y;
                for (node, along) in sources[from..from + 4].iter_mut().zip(along) {
                    *node += weight * along;
                }
            }
        }
        self.sources = sources;
    }

    /// Two real columns at a time, as the real and imaginary part of one.
    fn transform_x(&mut self) {
        let (side, padded) = (self.side, self.kernel.padded);
        let (half, length) = (side / 2, 2 * side);
        let (plan, sources) = (&self.plan, &self.sources);
        let [re, im] = &mut self.along_x;
        let ((top_re, bottom_re), (top_im, bottom_im)) =
            (re.split_at_mut(half * padded), im.split_at_mut(half * padded));
        let chunk = LANES * padded;
        let top = top_re.par_chunks_mut(chunk).zip(top_im.par_chunks_mut(chunk));
        let bottom = bottom_re.par_chunks_mut(chunk).zip(bottom_im.par_chunks_mut(chunk));
        top.zip(bottom).enumerate().for_each_init(
            || Work::new(length),
            |work, (block, ((top_re, top_im), (bottom_re, bottom_im)))| {
                let first = block * LANES;
                let count = LANES.min(half - first);
                for x in 0..side {
                    work.re[x] = lanes(&sources[x * side + first..][..count]);
                    work.im[x] = lanes(&sources[x * side + half + first..][..count]);
                }
                work.re[side..].fill(Lanes::default());
                work.im[side..].fill(Lanes::default());
                plan.transform(&mut work.re, &mut work.im, &mut work.space);
                for frequency in 0..=side {
                    let mirrored = (length - frequency) % length;
                    let (a, b) = (work.re[frequency], work.im[frequency]);
                    let (c, d) = (work.re[mirrored], work.im[mirrored]);
                    for lane in 0..count {
                        let at = lane * padded + frequency;
                        top_re[at] = 0.5 * (a.0[lane] + c.0[lane]);
                        top_im[at] = 0.5 * (b.0[lane] - d.0[lane]);
                        bottom_re[at] = 0.5 * (b.0[lane] + d.0[lane]);
                        bottom_im[at] = 0.5 * (c.0[lane] - a.0[lane]);
                    }
                }
            },
        );
    }

    /// Along y, times the kernels, and back along y; gives the sum of the potential over the sources.
    fn transform_y(&mut self) -> f64 {
        let (side, padded) = (self.side, self.kernel.padded);
        let length = 2 * side;
        let (plan, kernel, [re, im]) = (&self.plan, &self.kernel, &self.along_x);
        let [[x_re, x_im], [y_re, y_im]] = &mut self.back;
        let chunk = LANES * side;
        let of_x = x_re.par_chunks_mut(chunk).zip(x_im.par_chunks_mut(chunk));
        let of_y = y_re.par_chunks_mut(chunk).zip(y_im.par_chunks_mut(chunk));
        let sums: Vec<f64> = of_x
            .zip(of_y)
            .enumerate()
            .map_init(
                || (Work::new(length), Work::new(length)),
                |(work, other), (block, ((x_re, x_im), (y_re, y_im)))| {
                    let first = block * LANES;
                    for y in 0..side {
                        work.re[y] = lanes(&re[y * padded + first..][..LANES]);
                        work.im[y] = lanes(&im[y * padded + first..][..LANES]);
                    }
                    work.re[side..].fill(Lanes::default());
                    work.im[side..].fill(Lanes::default());
                    plan.transform(&mut work.re, &mut work.im, &mut work.space);
                    let mut sums = [0.0; LANES];
                    for frequency in 0..length {
                        let at = frequency * padded + first;
                        let (a, b) = (work.re[frequency].0, work.im[frequency].0);
                        let potential = &kernel.potential[at..at + LANES];
                        let (along_x, along_y) = (&kernel.along_x[at..at + LANES], &kernel.along_y[at..at + LANES]);
                        for lane in 0..LANES {
                            sums[lane] += f64::from(potential[lane] * (a[lane] * a[lane] + b[lane] * b[lane]));
                            // The kernels of the forces are odd, so their transforms are imaginary.
                            other.re[frequency].0[lane] = -along_y[lane] * b[lane];
                            other.im[frequency].0[lane] = along_y[lane] * a[lane];
                            work.re[frequency].0[lane] = -along_x[lane] * b[lane];
                            work.im[frequency].0[lane] = along_x[lane] * a[lane];
                        }
                    }
                    for (work, re, im) in [(work, x_re, x_im), (other, y_re, y_im)] {
                        plan.transform(&mut work.im, &mut work.re, &mut work.space);
                        for y in 0..side {
                            for lane in 0..LANES {
                                re[lane * side + y] = work.re[y].0[lane];
                                im[lane * side + y] = work.im[y].0[lane];
                            }
                        }
                    }
                    sums.iter().sum::<f64>()
                },
            )
            .collect();
        sums.iter().sum::<f64>()
    }

    /// Back along x, the two forces as the real and imaginary part of one.
    fn transform_back(&mut self) {
        let side = self.side;
        let length = 2 * side;
        let (plan, [[x_re, x_im], [y_re, y_im]]) = (&self.plan, &self.back);
        self.force.par_chunks_mut(LANES * side).enumerate().for_each_init(
            || Work::new(length),
            |work, (block, force)| {
                let first = block * LANES;
                let count = force.len() / side;
                for frequency in 0..=side {
                    let range = frequency * side + first..frequency * side + first + count;
                    let (a, b) = (lanes(&x_re[range.clone()]), lanes(&x_im[range.clone()]));
                    let (c, d) = (lanes(&y_re[range.clone()]), lanes(&y_im[range]));
                    if frequency == 0 || frequency == side {
                        (work.re[frequency], work.im[frequency]) = (a, c);
                    } else {
                        (work.re[frequency], work.im[frequency]) = (a - d, b + c);
                        (work.re[length - frequency], work.im[length - frequency]) = (a + d, c - b);
                    }
                }
                plan.transform(&mut work.im, &mut work.re, &mut work.space);
                for lane in 0..count {
                    for (x, force) in force[lane * side..(lane + 1) * side].iter_mut().enumerate() {
                        *force = [work.re[x].0[lane], work.im[x].0[lane]];
                    }
                }
            },
        );
    }

    fn read(&self, places: &[[f64; 2]], corner: [f64; 2], forces: &mut [[f64; 2]]) {
        let read = |place: &[f64; 2]| {
            let ((x, across), (y, along)) = (self.weights(place[0], corner[0]), self.weights(place[1], corner[1]));
            let mut force = [0.0f32; 2];
            for (step, weight) in along.into_iter().enumerate() {
                let from = (y + step) * self.side + x;
                for (node, across) in self.force[from..from + 4].iter().zip(across) {
                    force[0] += weight * across * node[0];
                    force[1] += weight * across * node[1];
                }
            }
            force.map(f64::from)
        };
        let blocks =
            parallel::map_blocks(places.len(), BLOCK, |rows| places[rows].iter().map(read).collect::<Vec<_>>());
        forces.iter_mut().zip(blocks.into_iter().flatten()).for_each(|(to, force)| *to = force);
    }
}

/// What one piece of work transforms in.
pub(super) struct Work {
    pub(super) re: Vec<Lanes>,
    pub(super) im: Vec<Lanes>,
    pub(super) space: Vec<Lanes>,
}

impl Work {
    pub(super) fn new(length: usize) -> Self {
        let lanes = |length| vec![Lanes::default(); length];
        Self { re: lanes(length), im: lanes(length), space: lanes(2 * length) }
    }
}

/// At most [`LANES`] values, the rest 0.
#[inline]
pub(super) fn lanes(values: &[f32]) -> Lanes {
    let mut lanes = Lanes::default();
    lanes.0[..values.len()].copy_from_slice(values);
    lanes
}

#[cfg(test)]
mod tests {
    use kymograph_linalg::random;

    use super::*;

    /// How far force and normaliser are from those over all pairs, relative to the root mean square force.
    fn error(places: &[[f64; 2]]) -> (f64, f64) {
        let (mut exact, mut found) = (vec![[0.0; 2]; places.len()], vec![[0.0; 2]; places.len()]);
        let sum = exact::repulsion(places, &mut exact);
        let approximate = Field::default().repulsion(places, &mut found);
        let square = |forces: &[[f64; 2]]| forces.iter().flatten().map(|force| force * force).sum::<f64>();
        let apart: Vec<[f64; 2]> = exact.iter().zip(&found).map(|(a, b)| [a[0] - b[0], a[1] - b[1]]).collect();
        ((square(&apart) / square(&exact)).sqrt(), (approximate / sum - 1.0).abs())
    }

    #[test]
    fn force_and_normaliser_are_those_over_all_pairs_to_less_than_a_hundredth() {
        let mut rng = random::stream(1, "test");
        for (n, spread, groups) in [(400, 1e-4, 1), (700, 0.3, 1), (1500, 8.0, 7), (2500, 25.0, 1), (2500, 25.0, 12)] {
            let centres: Vec<[f64; 2]> =
                (0..groups).map(|_| [spread * random::normal(&mut rng), spread * random::normal(&mut rng)]).collect();
            let within = if groups == 1 { spread } else { 0.1 * spread };
            let places: Vec<[f64; 2]> = (0..n)
                .map(|row| centres[row % groups].map(|centre| centre + within * random::normal(&mut rng)))
                .collect();
            let (force, sum) = error(&places);
            assert!(force < 8e-3 && sum < 1e-3, "{n} rows over {spread} in {groups}: {force:e}, {sum:e}");
        }
    }

    #[test]
    fn grids_change_with_the_layout_and_not_the_answer() {
        let mut rng = random::stream(2, "test");
        let base: Vec<[f64; 2]> = (0..300).map(|_| [random::normal(&mut rng), random::normal(&mut rng)]).collect();
        let mut field = Field::default();
        for scale in [1e-4, 1e-4, 1.3e-4, 1e-2, 5.0, 5.2, 60.0, 3.0, 400.0, 1e4, 1.0] {
            let places: Vec<[f64; 2]> = base.iter().map(|place| place.map(|value| value * scale)).collect();
            let (mut exact, mut found) = (vec![[0.0; 2]; 300], vec![[0.0; 2]; 300]);
            let sum = exact::repulsion(&places, &mut exact);
            let approximate = field.repulsion(&places, &mut found);
            // What a row gives to itself is known to half a hundredth only, which matters where nothing else is near.
            assert!((approximate - sum).abs() < 5e-3 * (sum + 300.0), "{scale}: {approximate} {sum}");
            let largest = exact.iter().flatten().fold(0.0, |most: f64, force| most.max(force.abs()));
            for (a, b) in exact.iter().flatten().zip(found.iter().flatten()) {
                assert!((a - b).abs() < 2e-2 * largest, "{scale}: {a} {b} of {largest}");
            }
        }
        let mut found = vec![[1.0; 2]; 5];
        assert!((field.repulsion(&[[3.0, -1.0]; 5], &mut found) - 20.0).abs() < 0.1);
        assert!(found.iter().flatten().all(|force| force.abs() < 1e-6));
    }

    #[test]
    fn the_same_bits_for_any_number_of_threads() {
        let mut rng = random::stream(3, "test");
        let places: Vec<[f64; 2]> =
            (0..2000).map(|_| [12.0 * random::normal(&mut rng), 4.0 * random::normal(&mut rng)]).collect();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let mut forces = vec![[0.0; 2]; places.len()];
            let sum = pool.install(|| Field::default().repulsion(&places, &mut forces));
            (sum, forces)
        };
        let one = run(1);
        assert!(one == run(2) && one == run(5));
    }
}
