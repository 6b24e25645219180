//! What can be wrong with a group that is asked for.

/// Why there is no such group, or nothing to say about it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// The name is none that is known.
    #[error(
        "there is no group `{name}`; write C113 (cyclic), D59 (dihedral, 118 elements), S5 (symmetric), A5 (alternating) or \
         a product such as C2xC3"
    )]
    UnknownName {
        /// The name as given.
        name: String,
    },
    /// A family of groups has no member of this index here.
    #[error("there is no {family} group of index {index} here; the index must be {lowest} to {highest}")]
    Index {
        /// The family.
        family: &'static str,
        /// The index as given.
        index: usize,
        /// The lowest that will do.
        lowest: usize,
        /// The highest that will do.
        highest: usize,
    },
    /// The group has too many elements.
    #[error("{what} has {order} elements, and {why} takes at most {limit}; choose a smaller group")]
    TooBig {
        /// The group.
        what: String,
        /// Its elements.
        order: usize,
        /// The largest order that will do.
        limit: usize,
        /// What has the limit.
        why: &'static str,
    },
    /// The group has more subgroups than can be listed.
    #[error("{group} has more than {limit} subgroups; choose a group with fewer")]
    TooManySubgroups {
        /// The group.
        group: String,
        /// The most that are listed.
        limit: usize,
    },
    /// The table is not square, or has no rows.
    #[error(
        "the table of {name} has {rows} rows and {columns} columns; it needs one row and one column for each element"
    )]
    NotSquare {
        /// The group.
        name: String,
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
    },
    /// An entry of the table is no element.
    #[error("the table of {name} holds {value} at row {row}, column {column}; the elements are 0 to {}", order - 1)]
    NoElement {
        /// The group.
        name: String,
        /// The row, counted from 0.
        row: usize,
        /// The column, counted from 0.
        column: usize,
        /// The entry.
        value: i64,
        /// Number of elements.
        order: usize,
    },
    /// No element leaves all others as they are.
    #[error("the table of {name} is no group: no element e has e·g = g·e = g for every g")]
    NoIdentity {
        /// The group.
        name: String,
    },
    /// An element has no inverse.
    #[error("the table of {name} is no group: no element undoes {element} on both sides")]
    NoInverse {
        /// The group.
        name: String,
        /// The element.
        element: usize,
    },
    /// The product depends on the brackets.
    #[error("the table of {name} is no group: ({a}·{b})·{c} is {left}, and {a}·({b}·{c}) is {right}")]
    NotAssociative {
        /// The group.
        name: String,
        /// First element.
        a: usize,
        /// Second element.
        b: usize,
        /// Third element.
        c: usize,
        /// The product with the first bracket.
        left: usize,
        /// The product with the second bracket.
        right: usize,
    },
    /// A function asks for one particular group.
    #[error(
        "{what} belongs to {expected} in its published order, and {found} came; use `Group::named(\"{expected}\")`"
    )]
    OtherGroup {
        /// What was asked for.
        what: &'static str,
        /// The group it belongs to.
        expected: &'static str,
        /// The group that came.
        found: String,
    },
    /// An element or a set of elements does not fit the group.
    #[error("{what}: {found} came, and {group} has {expected}")]
    Misfit {
        /// What does not fit.
        what: &'static str,
        /// What came.
        found: usize,
        /// The group.
        group: String,
        /// What would fit.
        expected: usize,
    },
    /// The function that was to be split is constant.
    #[error("the subgroup is all of {group}, so its centred indicator is zero and has no shares")]
    WholeGroup {
        /// The group.
        group: String,
    },
    /// The arithmetic of the representations failed.
    #[error("the representations of {group} were not found: {message}")]
    Representations {
        /// The group.
        group: String,
        /// What failed.
        message: String,
    },
}
