//! The description of a measure, and the number it gives.

use super::{Array, Input, Kind, OptionSpec, Options, Transform};
use crate::MeasureError;
use ndarray::Axis;

/// What a group of measures is about; each is a folder of this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Family {
    /// How alike two arrays are.
    Similarity,
    /// How far rows fall into groups.
    Clusters,
    /// The weights of one layer.
    Filters,
    /// The units of one layer on a probe.
    Neurons,
    /// Singular values.
    Spectra,
    /// What can be read out of a representation.
    Probes,
    /// What two networks say about the same examples.
    Predictions,
    /// Where the heads of a layer look.
    Attention,
    /// Whether a series jumps.
    Changepoints,
    /// How far a layout keeps neighbours, and how many dimensions there are.
    Embeddings,
    /// What a dictionary of directions found.
    Dictionaries,
}

impl Family {
    /// Its name, which is also its folder's.
    pub fn name(self) -> &'static str {
        match self {
            Self::Similarity => "similarity",
            Self::Clusters => "clusters",
            Self::Filters => "filters",
            Self::Neurons => "neurons",
            Self::Spectra => "spectra",
            Self::Probes => "probes",
            Self::Predictions => "predictions",
            Self::Attention => "attention",
            Self::Changepoints => "changepoints",
            Self::Embeddings => "embeddings",
            Self::Dictionaries => "dictionaries",
        }
    }
}

/// What a higher value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The two arrays are more alike.
    MoreAlike,
    /// The two arrays are farther apart.
    FartherApart,
    /// There is more of what the name says.
    More,
}

impl Direction {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::MoreAlike => "higher is more alike",
            Self::FartherApart => "higher is farther apart",
            Self::More => "higher is more",
        }
    }
}

/// Several numbers behind a reading, under one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What they are. `per_unit` and `per_row` hold one number per unit or row whose mean is the reading's value.
    pub name: &'static str,
    /// The numbers.
    pub values: Vec<f64>,
}

/// What a measure gives: one number, the parts it is made of, and what a reader must know about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The number.
    pub value: f64,
    /// What it is made of.
    pub parts: Vec<Part>,
    /// What was left out, assumed, or makes the number weak here.
    pub notes: Vec<String>,
}

impl Reading {
    /// A number with nothing behind it.
    pub fn of(value: f64) -> Self {
        Self { value, parts: Vec::new(), notes: Vec::new() }
    }

    /// The values of a part.
    pub fn part(&self, name: &str) -> Option<&[f64]> {
        self.parts.iter().find(|part| part.name == name).map(|part| part.values.as_slice())
    }

    pub(crate) fn with_part(mut self, name: &'static str, values: Vec<f64>) -> Self {
        self.parts.push(Part { name, values });
        self
    }

    pub(crate) fn with_notes(self, notes: impl IntoIterator<Item = String>) -> Self {
        notes.into_iter().fold(self, Self::with_note)
    }

    pub(crate) fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// One measure: what it asks, what it takes, what its number means, and the function that gives it.
#[derive(Debug)]
pub struct Measure {
    /// The same string in file, function, registry, command line and stored results.
    pub name: &'static str,
    /// Its family.
    pub family: Family,
    /// The question it answers, in a sentence.
    pub summary: &'static str,
    /// The arrays it takes.
    pub inputs: &'static [Input],
    /// The options it takes.
    pub options: &'static [OptionSpec],
    /// The smallest and largest value it can give.
    pub range: (f64, f64),
    /// What the two ends of the range mean.
    pub ends: &'static str,
    /// The unit of the value (`""` for a pure number).
    pub unit: &'static str,
    /// What a higher value means.
    pub direction: Direction,
    /// Whether swapping the first two inputs leaves the value alone.
    pub symmetric: bool,
    /// What leaves the value alone.
    pub unchanged_by: &'static [Transform],
    /// What changes the value, for arrays in general position.
    pub changed_by: &'static [Transform],
    /// How the work grows.
    pub cost: &'static str,
    /// When not to trust it.
    pub misleads: &'static str,
    /// Papers and equations.
    pub references: &'static [&'static str],
    /// Raised whenever the number for the same arrays and options changes; part of cache keys.
    pub version: u32,
    /// The function itself; [`Measure::apply`] calls it and checks what comes out.
    pub evaluate: fn(&[Array<'_>], &Options) -> Result<Reading, MeasureError>,
}

impl Measure {
    /// The number for these arrays.
    ///
    /// # Errors
    /// Everything that [`MeasureError`] lists: wrong number, kind or shape of arrays, entries that are not finite,
    /// or a quantity that is not defined for these arrays. Never NaN.
    pub fn apply(&self, arrays: &[Array<'_>], options: &Options) -> Result<Reading, MeasureError> {
        let reading = (self.evaluate)(arrays, options)?;
        let mut numbers = reading.parts.iter().flat_map(|part| &part.values).chain([&reading.value]);
        let broken = numbers.find(|value| !value.is_finite()).copied();
        drop(numbers);
        match broken {
            Some(value) => Err(MeasureError::Overflow { measure: self.name, value }),
            None => Ok(reading),
        }
    }

    /// The numbers for two arrays with row i of the first beside row `order[i]` of the second: one for each order, as
    /// permutation nulls need them. The same as [`Measure::apply`] to the second array with its rows selected, but for
    /// rounding: what does not depend on the order is worked out once where the measure allows that.
    ///
    /// # Errors
    /// Those of [`Measure::apply`].
    ///
    /// # Panics
    /// When an order names a row that is not there.
    pub fn apply_in_orders(
        &self,
        arrays: [Array<'_>; 2],
        options: &Options,
        orders: &[Vec<usize>],
    ) -> Result<Vec<f64>, MeasureError> {
        if let Some(values) = crate::similarity::in_orders(self, &arrays, orders)? {
            return Ok(values);
        }
        let [first, second] = arrays;
        let value = |order: &Vec<usize>| {
            let reading = match &second {
                Array::F32(y) => self.apply(&[first.view(), Array::F32(y.select(Axis(0), order).view())], options),
                Array::F64(y) => self.apply(&[first.view(), Array::F64(y.select(Axis(0), order).view())], options),
                Array::Labels(y) => {
                    self.apply(&[first.view(), Array::Labels(y.select(Axis(0), order).view())], options)
                }
            };
            reading.map(|reading| reading.value)
        };
        orders.iter().map(value).collect()
    }

    /// Its options: the defaults, and `key`, `value` pairs of text set on top.
    ///
    /// # Errors
    /// Those of [`Options::set`].
    pub fn options<'t>(&self, pairs: impl IntoIterator<Item = (&'t str, &'t str)>) -> Result<Options, MeasureError> {
        let mut options = Options::defaults(self);
        for (name, text) in pairs {
            options.set(name, text)?;
        }
        Ok(options)
    }

    /// Whether the arrays are of the number and kinds the measure takes.
    ///
    /// # Errors
    /// [`MeasureError::WrongInputCount`] and [`MeasureError::WrongKind`].
    pub fn check_inputs(&self, arrays: &[Array<'_>]) -> Result<(), MeasureError> {
        if arrays.len() != self.inputs.len() {
            return Err(MeasureError::WrongInputCount {
                measure: self.name,
                expected: self.inputs.iter().map(|input| input.name).collect(),
                given: arrays.len(),
            });
        }
        match (0..arrays.len()).find(|&place| arrays[place].kind() != self.inputs[place].kind) {
            Some(place) => Err(self.wrong_kind(place, arrays)),
            None => Ok(()),
        }
    }

    pub(crate) fn wrong_kind(&self, place: usize, arrays: &[Array<'_>]) -> MeasureError {
        let kind: Kind = self.inputs[place].kind;
        MeasureError::WrongKind {
            measure: self.name,
            input: self.inputs[place].name,
            expected: kind.words(),
            given: arrays[place].kind().words(),
        }
    }
}
