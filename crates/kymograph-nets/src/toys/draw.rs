//! Sparse features, drawn example by example from an instance's own stream.

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::error::NetsError;
use crate::kernels::{COLUMNS, TILE};

/// Below this probability the gaps between active features are drawn, above it every feature.
const SPARSE: f64 = 0.15;
/// Numbers taken from the stream at a time where gaps are drawn.
const BUFFER: usize = 512;

/// How neighbouring features 2j and 2j + 1 go together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pairing {
    /// Each by itself.
    #[default]
    Independent,
    /// Both active or neither; their values are independent.
    Correlated,
    /// Never both active: the second with probability p / (1 − p) where the first is not, so that each is with p ≤ 1/2.
    Anticorrelated,
}

/// What the features of an instance are like.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToyFeatures {
    /// Probability p with which a feature is active, one minus the sparsity S. Active features are uniform in [0, 1).
    pub probability: f64,
    /// Are active features uniform in [−1, 1) instead?
    #[serde(default)]
    pub signed: bool,
    /// How neighbours go together.
    #[serde(default)]
    pub pairing: Pairing,
}

impl ToyFeatures {
    /// Independent features in [0, 1).
    #[must_use]
    pub fn independent(probability: f64) -> Self {
        Self { probability, signed: false, pairing: Pairing::Independent }
    }

    pub(crate) fn check(&self, features: usize) -> Result<(), NetsError> {
        let most = if self.pairing == Pairing::Anticorrelated { 0.5 } else { 1.0 };
        if !(self.probability > 0.0 && self.probability <= most) {
            let (option, range) =
                ("toy feature option `probability`".to_owned(), format!("above 0 and at most {most}"));
            return Err(NetsError::Value { option, value: self.probability, range });
        }
        if self.pairing != Pairing::Independent && !features.is_multiple_of(2) {
            let (option, range) =
                ("toy model option `features`".to_owned(), "even where features come in pairs".to_owned());
            return Err(NetsError::Value { option, value: features as f64, range });
        }
        Ok(())
    }
}

/// A batch in tiles of `feature × TILE`. Examples without an active feature are all alike and stand in one column, which
/// counts as often as there are such examples.
#[derive(Default)]
pub(crate) struct Batch {
    /// Tile after tile.
    pub(crate) values: Vec<f32>,
    /// How many examples each column stands for.
    pub(crate) share: Vec<f32>,
    /// Columns in all, a multiple of [`COLUMNS`].
    pub(crate) columns: usize,
    features: usize,
    numbers: Vec<u32>,
}

impl Batch {
    /// Draws `examples` of `features` features.
    pub(crate) fn draw<R: Rng>(&mut self, rng: &mut R, law: &ToyFeatures, features: usize, examples: usize) {
        self.begin(features);
        // A pair is drawn as one: with p where both go together, with 2p where one excludes the other.
        let (units, chance) = match law.pairing {
            Pairing::Independent => (features, law.probability),
            Pairing::Correlated => (features / 2, law.probability),
            Pairing::Anticorrelated => (features / 2, (2.0 * law.probability).min(1.0)),
        };
        let used = match chance < SPARSE {
            true => self.gaps(rng, law, units, chance, examples),
            false => self.all(rng, law, units, chance as f32, examples),
        };
        self.close(used, examples);
    }

    /// Examples as they are given.
    pub(crate) fn fill<'a>(&mut self, features: usize, rows: impl ExactSizeIterator<Item = &'a [f32]>) {
        self.begin(features);
        let examples = rows.len();
        for (column, row) in rows.enumerate() {
            self.column(column);
            for (feature, &value) in row.iter().enumerate() {
                self.set(feature, column, value);
            }
        }
        self.close(examples, examples);
    }

    fn begin(&mut self, features: usize) {
        self.features = features;
        self.columns = 0;
        self.share.clear();
    }

    /// Makes room for a column, with zeros.
    fn column(&mut self, column: usize) {
        if column.is_multiple_of(TILE) {
            let (tile, size) = (column / TILE, self.features * TILE);
            if self.values.len() < (tile + 1) * size {
                self.values.resize((tile + 1) * size, 0.0);
            }
            self.values[tile * size..][..size].fill(0.0);
        }
    }

    fn set(&mut self, feature: usize, column: usize, value: f32) {
        self.values[((column / TILE) * self.features + feature) * TILE + column % TILE] = value;
    }

    /// Gives every column its share; where fewer columns are used than there are examples, one more stands for the rest.
    fn close(&mut self, used: usize, examples: usize) {
        self.share.resize(used, 1.0);
        if used < examples {
            self.column(used);
            self.share.push((examples - used) as f32);
        }
        self.columns = self.share.len().next_multiple_of(COLUMNS);
        self.share.resize(self.columns.next_multiple_of(TILE), 0.0);
    }

    /// Every feature of every example: one number u tells both whether it is active (u < p) and its value (u / p).
    fn all<R: Rng>(&mut self, rng: &mut R, law: &ToyFeatures, units: usize, chance: f32, examples: usize) -> usize {
        (0..examples).step_by(TILE).for_each(|first| self.column(first));
        let mut numbers = std::mem::take(&mut self.numbers);
        numbers.resize(examples, 0);
        let (features, inverse) = (self.features, 1.0 / chance);
        let sign = |value: f32| if law.signed { value + value - 1.0 } else { value };
        for unit in 0..units {
            fill(rng, &mut numbers);
            for (tile, numbers) in numbers.chunks(TILE).enumerate() {
                let from = tile * features * TILE;
                let (first, second) = match law.pairing {
                    Pairing::Independent => (unit, unit),
                    _ => (2 * unit, 2 * unit + 1),
                };
                if law.pairing == Pairing::Anticorrelated {
                    let pair = &mut self.values[from + first * TILE..from + (second + 1) * TILE];
                    let (left, right) = pair.split_at_mut(TILE);
                    for ((left, right), &number) in left.iter_mut().zip(right).zip(numbers) {
                        let u = unit_interval(number);
                        let twice = (u * inverse) * 2.0;
                        *left = if u < chance && twice < 1.0 { sign(twice) } else { 0.0 };
                        *right = if u < chance && twice >= 1.0 { sign(twice - 1.0) } else { 0.0 };
                    }
                } else {
                    for (value, &number) in self.values[from + first * TILE..][..TILE].iter_mut().zip(numbers) {
                        let u = unit_interval(number);
                        *value = if u < chance { sign(u * inverse) } else { 0.0 };
                    }
                }
            }
            if law.pairing == Pairing::Correlated {
                // Which examples are active was told by the first of the pair; the second has values of its own.
                let active: Vec<bool> = numbers.iter().map(|&number| unit_interval(number) < chance).collect();
                fill(rng, &mut numbers);
                for (example, (&number, active)) in numbers.iter().zip(active).enumerate() {
                    let value = if active { sign(unit_interval(number)) } else { 0.0 };
                    self.set(2 * unit + 1, example, value);
                }
            }
        }
        self.numbers = numbers;
        examples
    }

    /// The gaps between active units, example after example; examples without one get no column. Returns the columns.
    fn gaps<R: Rng>(&mut self, rng: &mut R, law: &ToyFeatures, units: usize, chance: f64, examples: usize) -> usize {
        let mut stream = Numbers { rng, buffer: std::mem::take(&mut self.numbers), at: BUFFER };
        stream.buffer.resize(BUFFER.max(stream.buffer.len()), 0);
        let rate = 1.0 / (1.0 - chance).ln();
        let (total, sign) = (units * examples, |value: f32| if law.signed { value + value - 1.0 } else { value });
        let (mut columns, mut last, mut place) = (0, usize::MAX, 0);
        loop {
            let u = (f64::from(stream.next()) + 0.5) * (1.0 / 4_294_967_296.0);
            place += (u.ln() * rate) as usize;
            if place >= total {
                break;
            }
            let (example, unit) = (place / units, place % units);
            if example != last {
                self.column(columns);
                columns += 1;
                last = example;
            }
            let value = unit_interval(stream.next());
            match law.pairing {
                Pairing::Independent => self.set(unit, columns - 1, sign(value)),
                Pairing::Correlated => {
                    self.set(2 * unit, columns - 1, sign(value));
                    self.set(2 * unit + 1, columns - 1, sign(unit_interval(stream.next())));
                }
                Pairing::Anticorrelated if value < 0.5 => self.set(2 * unit, columns - 1, sign(2.0 * value)),
                Pairing::Anticorrelated => self.set(2 * unit + 1, columns - 1, sign(2.0 * value - 1.0)),
            }
            place += 1;
        }
        self.numbers = stream.buffer;
        columns
    }
}

/// Uniform in [0, 1): the top 24 bits.
fn unit_interval(number: u32) -> f32 {
    (number >> 8) as i32 as f32 * (1.0 / 16_777_216.0)
}

fn fill<R: Rng>(rng: &mut R, numbers: &mut [u32]) {
    numbers.iter_mut().for_each(|number| *number = rng.next_u32());
}

/// Numbers of a stream, taken from it many at a time.
struct Numbers<'a, R> {
    rng: &'a mut R,
    buffer: Vec<u32>,
    at: usize,
}

impl<R: Rng> Numbers<'_, R> {
    fn next(&mut self) -> u32 {
        if self.at == BUFFER {
            fill(self.rng, &mut self.buffer[..BUFFER]);
            self.at = 0;
        }
        self.at += 1;
        self.buffer[self.at - 1]
    }
}
