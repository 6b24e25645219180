//! Changes of the input that a measure declares to ignore, or to see.

/// A change of an array that leaves its shape alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Reorder the rows (examples, units of a weight, steps of a series).
    PermuteRows,
    /// Reorder the columns (features, or inputs of a weight).
    PermuteColumns,
    /// Multiply from the right by an orthogonal matrix.
    RotateColumns,
    /// Multiply everything by one positive number.
    Scale,
    /// Multiply every row by a positive number of its own.
    ScaleRows,
    /// Multiply every column by a positive number of its own.
    ScaleColumns,
    /// Add one vector to every row.
    Translate,
    /// Multiply everything by −1.
    FlipSign,
    /// Multiply some rows by −1.
    FlipRowSigns,
    /// Rename the labels one to one.
    RenameLabels,
    /// Reorder the heads of an attention pattern.
    PermuteHeads,
    /// Reorder the queries of an attention pattern.
    PermuteQueries,
    /// Reorder the keys of an attention pattern, for all heads and queries alike.
    PermuteKeys,
    /// Reorder the keys of an attention pattern, for each head in another way.
    PermuteKeysByHead,
}

/// To which inputs the change is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The very same change to every input (the same permutation, rotation, factor …).
    Joint,
    /// The first input only; the others stay.
    First,
}

/// A change and where it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transform {
    /// What is changed.
    pub change: Change,
    /// Where.
    pub side: Side,
}

impl Transform {
    /// The same change to every input.
    pub const fn joint(change: Change) -> Self {
        Self { change, side: Side::Joint }
    }

    /// The change to the first input only.
    pub const fn first(change: Change) -> Self {
        Self { change, side: Side::First }
    }

    /// In words, for the documentation.
    pub fn words(self) -> String {
        let change = match self.change {
            Change::PermuteRows => "reordering the rows",
            Change::PermuteColumns => "reordering the columns",
            Change::RotateColumns => "an orthogonal rotation of the columns",
            Change::Scale => "a positive factor",
            Change::ScaleRows => "a positive factor per row",
            Change::ScaleColumns => "a positive factor per column",
            Change::Translate => "a vector added to every row",
            Change::FlipSign => "the sign",
            Change::FlipRowSigns => "the signs of single rows",
            Change::RenameLabels => "renaming the labels",
            Change::PermuteHeads => "reordering the heads",
            Change::PermuteQueries => "reordering the queries",
            Change::PermuteKeys => "reordering the keys",
            Change::PermuteKeysByHead => "reordering the keys of every head in another way",
        };
        match self.side {
            Side::Joint => change.to_string(),
            Side::First => format!("{change} of one side"),
        }
    }
}
