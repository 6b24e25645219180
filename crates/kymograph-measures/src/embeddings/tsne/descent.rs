//! Gradient descent with momentum and a gain for every coordinate.

use kymograph_linalg::parallel;
use rayon::prelude::*;

use super::affinities::Affinities;
use super::exact;
use super::field::Field;

/// Rows in one piece of work.
const BLOCK: usize = 128;
/// Pairs taken side by side.
const LANES: usize = 4;
/// No row moves farther than this in one iteration.
const LONGEST_STEP: f64 = 5.0;
const SMALLEST_GAIN: f64 = 0.01;

/// How rows push each other apart.
pub(super) enum Repulsion {
    /// Over all pairs.
    Exact,
    /// Through a grid.
    Interpolated(Box<Field>),
}

impl Repulsion {
    pub(super) fn of(&mut self, places: &[[f64; 2]], forces: &mut [[f64; 2]]) -> f64 {
        match self {
            Self::Exact => exact::repulsion(places, forces),
            Self::Interpolated(field) => field.repulsion(places, forces),
        }
    }
}

/// What stays the same for some iterations.
#[derive(Clone, Copy)]
pub(super) struct Phase {
    pub(super) iterations: usize,
    pub(super) exaggeration: f64,
    pub(super) learning_rate: f64,
    pub(super) momentum: f64,
}

/// Where the rows are and how they move.
pub(super) struct Layout {
    pub(super) places: Vec<[f64; 2]>,
    moves: Vec<[f64; 2]>,
    gains: Vec<[f64; 2]>,
}

impl Layout {
    pub(super) fn at(places: Vec<[f64; 2]>) -> Self {
        let n = places.len();
        Self { places, moves: vec![[0.0; 2]; n], gains: vec![[1.0; 2]; n] }
    }

    pub(super) fn descend(&mut self, affinities: &Affinities, repulsion: &mut Repulsion, phase: Phase) {
        let n = self.places.len();
        let mut forces = vec![[0.0; 2]; n];
        let mut next = self.places.clone();
        for _ in 0..phase.iterations {
            let normaliser = repulsion.of(&self.places, &mut forces);
            let places = &self.places;
            let states = self.moves.par_chunks_mut(BLOCK).zip(self.gains.par_chunks_mut(BLOCK));
            next.par_chunks_mut(BLOCK).zip(states).enumerate().with_max_len(1).for_each(
                |(block, (next, (moves, gains)))| {
                    for (place, next) in next.iter_mut().enumerate() {
                        let row = block * BLOCK + place;
                        let gradient = gradient(affinities, places, row, forces[row], normaliser, phase.exaggeration);
                        step(&mut moves[place], &mut gains[place], gradient, phase);
                        *next = [places[row][0] + moves[place][0], places[row][1] + moves[place][1]];
                    }
                },
            );
            std::mem::swap(&mut self.places, &mut next);
            let mean = [0, 1].map(|axis| {
                parallel::sum_blocks(n, 4096, |rows| self.places[rows].iter().map(|place| place[axis]).sum()) / n as f64
            });
            for place in &mut self.places {
                *place = [place[0] - mean[0], place[1] - mean[1]];
            }
        }
    }
}

/// A quarter of the derivative of the divergence in the place of one row, as van der Maaten's code has it: attraction less
/// repulsion.
pub(super) fn gradient(
    affinities: &Affinities,
    places: &[[f64; 2]],
    row: usize,
    repulsion: [f64; 2],
    normaliser: f64,
    exaggeration: f64,
) -> [f64; 2] {
    let [x, y] = places[row];
    let (others, values) = affinities.row(row);
    let (mut fx, mut fy) = ([0.0; LANES], [0.0; LANES]);
    let (whole, rest) = others.as_chunks::<LANES>();
    let (whole_values, rest_values) = values.as_chunks::<LANES>();
    for (others, values) in whole.iter().zip(whole_values) {
        let there = others.map(|other| places[other as usize]);
        for lane in 0..LANES {
            let (dx, dy) = (x - there[lane][0], y - there[lane][1]);
            let pull = f64::from(values[lane]) / (1.0 + dx * dx + dy * dy);
            fx[lane] += pull * dx;
            fy[lane] += pull * dy;
        }
    }
    for (&other, &p) in rest.iter().zip(rest_values) {
        let (dx, dy) = (x - places[other as usize][0], y - places[other as usize][1]);
        let pull = f64::from(p) / (1.0 + dx * dx + dy * dy);
        fx[0] += pull * dx;
        fy[0] += pull * dy;
    }
    let attraction = [fx.iter().sum::<f64>(), fy.iter().sum::<f64>()];
    [0, 1].map(|axis| exaggeration * attraction[axis] - repulsion[axis] / normaliser)
}

/// Coordinates that keep their direction gain speed, those that turn lose it (Jacobs 1988).
fn step(moves: &mut [f64; 2], gains: &mut [f64; 2], gradient: [f64; 2], phase: Phase) {
    for axis in 0..2 {
        // Downhill is against the gradient: where the last move and the gradient differ in sign, the direction is kept.
        let sign = |value: f64| i8::from(value > 0.0) - i8::from(value < 0.0);
        let kept = sign(moves[axis]) != sign(gradient[axis]);
        gains[axis] = if kept { gains[axis] + 0.2 } else { gains[axis] * 0.8 + SMALLEST_GAIN };
        moves[axis] = phase.momentum * moves[axis] - phase.learning_rate * gains[axis] * gradient[axis];
    }
    let length = moves[0].hypot(moves[1]);
    if length > LONGEST_STEP {
        moves.iter_mut().for_each(|value| *value *= LONGEST_STEP / length);
    }
}

#[cfg(test)]
mod tests {
    use kymograph_linalg::{nearest_neighbours, random};
    use ndarray::Array2;

    use super::*;

    fn case(n: usize) -> (Affinities, Vec<[f64; 2]>) {
        let mut rng = random::stream(5, "test");
        let x: Array2<f64> = random::normal_matrix(&mut rng, n, 4);
        let affinities = Affinities::of(&nearest_neighbours(x.view(), n / 3).unwrap(), n as f64 / 10.0);
        let places = (0..n).map(|_| [random::normal(&mut rng), 0.5 * random::normal(&mut rng)]).collect();
        (affinities, places)
    }

    fn gradients(affinities: &Affinities, places: &[[f64; 2]], repulsion: &mut Repulsion) -> Vec<[f64; 2]> {
        let mut forces = vec![[0.0; 2]; places.len()];
        let normaliser = repulsion.of(places, &mut forces);
        (0..places.len()).map(|row| gradient(affinities, places, row, forces[row], normaliser, 1.0)).collect()
    }

    #[test]
    fn the_gradient_is_a_quarter_of_the_divergences_derivative() {
        let (affinities, places) = case(50);
        let found = gradients(&affinities, &places, &mut Repulsion::Exact);
        for row in [0, 7, 49] {
            for axis in 0..2 {
                let moved = |by: f64| {
                    let mut places = places.clone();
                    places[row][axis] += by;
                    exact::divergence(&affinities, &places)
                };
                let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                // The affinities sum to 1 to the precision of f32 only.
                let apart = (4.0 * found[row][axis] - slope).abs();
                assert!(apart < 1e-7, "{row} {axis}: {} {slope}", 4.0 * found[row][axis]);
            }
        }
    }

    #[test]
    fn the_gradient_through_the_grid_is_near_the_exact_one() {
        let (affinities, places) = case(600);
        for scale in [1e-4, 1.0, 6.0, 20.0] {
            let places: Vec<[f64; 2]> = places.iter().map(|place| place.map(|value| value * scale)).collect();
            let exact = gradients(&affinities, &places, &mut Repulsion::Exact);
            let found = gradients(&affinities, &places, &mut Repulsion::Interpolated(Box::default()));
            // Attraction and repulsion cancel, so the error is told from the size of either.
            let mut forces = vec![[0.0; 2]; places.len()];
            let normaliser = Repulsion::Exact.of(&places, &mut forces);
            let square = |sum: f64, value: f64| sum + value * value;
            let size = forces.iter().flatten().map(|force| force / normaliser).fold(0.0, square).sqrt();
            let apart = exact.iter().flatten().zip(found.iter().flatten()).map(|(a, b)| a - b).fold(0.0, square).sqrt();
            assert!(apart < 3e-3 * size, "{scale}: {:e}", apart / size);
        }
    }

    #[test]
    fn descent_lowers_the_divergence_and_keeps_the_mean_at_zero() {
        let (affinities, places) = case(80);
        let before = exact::divergence(&affinities, &places);
        let mut layout = Layout::at(places);
        let phase = Phase { iterations: 200, exaggeration: 1.0, learning_rate: 80.0, momentum: 0.8 };
        layout.descend(&affinities, &mut Repulsion::Exact, phase);
        assert!(exact::divergence(&affinities, &layout.places) < 0.7 * before);
        for axis in 0..2 {
            assert!(layout.places.iter().map(|place| place[axis]).sum::<f64>().abs() < 1e-9);
        }
    }
}
