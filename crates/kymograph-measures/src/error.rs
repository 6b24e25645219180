//! What can be wrong with the arrays, names and options a measure is given.

/// Why a measure gave no number.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// No measure has this name.
    #[error("there is no measure `{name}`; {}", suggestion(nearest))]
    UnknownMeasure {
        /// The name that was asked for.
        name: String,
        /// Registered names that look like it, nearest first.
        nearest: Vec<&'static str>,
    },
    /// The measure has no option of this name.
    #[error("`{measure}` has no option `{option}`; {}", known_options(known))]
    UnknownOption {
        /// The measure.
        measure: &'static str,
        /// The option that was asked for.
        option: String,
        /// The options it has.
        known: Vec<&'static str>,
    },
    /// An option's value cannot be used.
    #[error("option `{option}` of `{measure}` is `{value}`, but it must be {expected}")]
    BadOption {
        /// The measure.
        measure: &'static str,
        /// The option.
        option: &'static str,
        /// The value as given.
        value: String,
        /// What values are allowed.
        expected: String,
    },
    /// The measure takes another number of arrays.
    #[error("`{measure}` takes {} ({}), and {given} were given", count(expected.len()), expected.join(", "))]
    WrongInputCount {
        /// The measure.
        measure: &'static str,
        /// The names of its inputs.
        expected: Vec<&'static str>,
        /// How many arrays came.
        given: usize,
    },
    /// Labels came where numbers belong, or the reverse.
    #[error("input `{input}` of `{measure}` must hold {expected}, and {given} came")]
    WrongKind {
        /// The measure.
        measure: &'static str,
        /// The input.
        input: &'static str,
        /// What it must hold.
        expected: &'static str,
        /// What it holds.
        given: &'static str,
    },
    /// An array has the wrong number of axes.
    #[error("input `{input}` has shape {shape:?}, and {} needed{}", needed_axes(axes), axes_remedy(axes, shape))]
    WrongAxes {
        /// The input.
        input: &'static str,
        /// Its shape.
        shape: Vec<usize>,
        /// The axes wanted.
        axes: Vec<&'static str>,
    },
    /// An array has no rows or no columns.
    #[error("input `{input}` is empty (shape {rows} × {columns})")]
    Empty {
        /// The input.
        input: &'static str,
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
    },
    /// An entry is NaN or infinite.
    #[error("input `{input}` holds {value} at row {row}, column {column}; every entry must be finite")]
    NotFinite {
        /// The input.
        input: &'static str,
        /// The row, counted from 0.
        row: usize,
        /// The column, counted from 0.
        column: usize,
        /// The entry.
        value: f64,
    },
    /// An entry is below zero where nothing may be.
    #[error("input `{input}` holds {value} at row {row}, column {column}; every entry must be at least 0; {remedy}")]
    Negative {
        /// The input.
        input: &'static str,
        /// The row, counted from 0.
        row: usize,
        /// The column, counted from 0.
        column: usize,
        /// The entry.
        value: f64,
        /// What to do.
        remedy: &'static str,
    },
    /// An entry of an array of more or fewer than two axes is NaN or infinite.
    #[error("input `{input}` holds {value} at {place:?}; every entry must be finite")]
    NotFiniteAt {
        /// The input.
        input: &'static str,
        /// The place along every axis, counted from 0.
        place: Vec<usize>,
        /// The entry.
        value: f64,
    },
    /// The attention that a query gives to the keys is not a distribution.
    #[error(
        "input `{input}`, example {example}, head {head}, query {query}: {what} {value}; give the attention after its softmax"
    )]
    NotAttention {
        /// The input.
        input: &'static str,
        /// The example, counted from 0.
        example: usize,
        /// The head, counted from 0.
        head: usize,
        /// The query, counted from 0.
        query: usize,
        /// What is wrong.
        what: &'static str,
        /// The number that is wrong.
        value: f64,
    },
    /// Too few of something for the quantity to be defined.
    #[error("input `{input}` has {found} {what}, and {why} needs at least {needed}")]
    TooFew {
        /// The input.
        input: &'static str,
        /// Of what, in the plural.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// The smallest number that will do.
        needed: usize,
        /// What needs them.
        why: &'static str,
    },
    /// Too few rows for the quantity to be defined.
    #[error("input `{input}` has {rows} {}, and {why} needs at least {needed}", plural_rows(*rows))]
    TooFewRows {
        /// The input.
        input: &'static str,
        /// Its rows.
        rows: usize,
        /// The smallest number that will do.
        needed: usize,
        /// What needs them.
        why: &'static str,
    },
    /// Two arrays that must agree in an axis do not.
    #[error("`{first}` has {first_size} {axis} and `{second}` has {second_size}; they must be the same")]
    ShapeMismatch {
        /// The axis, in the plural.
        axis: &'static str,
        /// One input.
        first: &'static str,
        /// Its size along the axis.
        first_size: usize,
        /// The other input.
        second: &'static str,
        /// Its size along the axis.
        second_size: usize,
    },
    /// The array does not vary, so the ratio that the measure is would be 0/0.
    #[error("input `{input}` does not vary: {what}, so the measure is 0/0")]
    NoVariation {
        /// The input.
        input: &'static str,
        /// In which sense it does not vary.
        what: &'static str,
    },
    /// A row that needs a direction is all zero.
    #[error("row {row} of `{input}` is all zero and has no direction; {remedy}")]
    ZeroRow {
        /// The input.
        input: &'static str,
        /// The row, counted from 0.
        row: usize,
        /// What to do.
        remedy: &'static str,
    },
    /// Fewer than the needed number of different rows.
    #[error("`{input}` has {distinct} different rows, and {k} clusters were asked for; lower `k`")]
    TooFewDistinctRows {
        /// The input.
        input: &'static str,
        /// How many different rows there are.
        distinct: usize,
        /// How many clusters were asked for.
        k: usize,
    },
    /// The labels do not allow the quantity.
    #[error("the labels hold {found} {what}, and {needed}")]
    BadLabels {
        /// How many were found.
        found: usize,
        /// Of what.
        what: &'static str,
        /// What is needed.
        needed: &'static str,
    },
    /// The entries are so large or small that the result leaves the range of 64-bit numbers.
    #[error("`{measure}` came out as {value}; the entries are too large or too small, rescale the arrays")]
    Overflow {
        /// The measure.
        measure: &'static str,
        /// What came out.
        value: f64,
    },
    /// A factorisation or another dense kernel gave up.
    #[error("{measure}: {message}")]
    Kernel {
        /// The measure.
        measure: &'static str,
        /// The kernel's own words.
        message: String,
    },
}

fn needed_axes(axes: &[&'static str]) -> String {
    let number = match axes.len() {
        1 => "one axis",
        2 => "two axes",
        _ => return format!("{} axes [{}] are", axes.len(), axes.join(", ")),
    };
    format!("{number} [{}] {}", axes.join(", "), if axes.len() == 1 { "is" } else { "are" })
}

fn axes_remedy(axes: &[&'static str], shape: &[usize]) -> &'static str {
    if axes.len() == 2 && shape.len() > 2 { "; flatten the others into the second" } else { "" }
}

fn suggestion(nearest: &[&'static str]) -> String {
    if nearest.is_empty() {
        "`kymograph list measures` names all".to_string()
    } else {
        format!("did you mean {}?", ticked(nearest, " or "))
    }
}

fn known_options(known: &[&'static str]) -> String {
    if known.is_empty() { "it has none".to_string() } else { format!("it has {}", ticked(known, ", ")) }
}

fn ticked(names: &[&'static str], separator: &str) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(separator)
}

fn count(n: usize) -> String {
    if n == 1 { "1 array".to_string() } else { format!("{n} arrays") }
}

fn plural_rows(rows: usize) -> &'static str {
    if rows == 1 { "row" } else { "rows" }
}
