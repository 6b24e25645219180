//! What can go wrong while drawing or writing.

use std::path::PathBuf;

/// Errors of figures and pages.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The figure holds nothing that could be drawn.
    #[error("the figure '{figure}' has nothing to draw ({what}); give it at least one value, or leave the figure out")]
    Empty {
        /// Title of the figure.
        figure: String,
        /// What is empty.
        what: String,
    },
    /// A number is NaN or infinite.
    #[error("the figure '{figure}' holds {value} in {place}; a missing value is written as None, never as NaN")]
    NotFinite {
        /// Title of the figure.
        figure: String,
        /// Where in the figure.
        place: String,
        /// The offending number.
        value: f64,
    },
    /// Two lists that belong together have different lengths.
    #[error("the figure '{figure}' has {found} {what} where {expected} are needed ({place})")]
    Shape {
        /// Title of the figure.
        figure: String,
        /// Which list.
        what: String,
        /// Length needed.
        expected: usize,
        /// Length found.
        found: usize,
        /// Where in the figure.
        place: String,
    },
    /// A number cannot be drawn on the scale asked for.
    #[error(
        "the figure '{figure}' holds {value} in {place}, which a {scale} scale cannot show; use a linear scale or drop the value"
    )]
    OutsideScale {
        /// Title of the figure.
        figure: String,
        /// Where in the figure.
        place: String,
        /// The offending number.
        value: f64,
        /// The scale's name.
        scale: &'static str,
    },
    /// A link leads out of the report.
    #[error("the link '{href}' leaves the report; give a path relative to the page")]
    NotRelative {
        /// The link as given.
        href: String,
    },
    /// A figure's name cannot be a file name.
    #[error("'{name}' cannot name a figure's files: use letters, digits, '-' and '_' (see `slug`)")]
    FileName {
        /// The name as given.
        name: String,
    },
    /// Two figures of a page share a name, so one would overwrite the other.
    #[error("two figures are called '{name}'; give each figure of a page its own name")]
    DuplicateName {
        /// The shared name.
        name: String,
    },
    /// Rasterising failed.
    #[error("the figure '{figure}' could not be turned into a PNG: {reason}")]
    Raster {
        /// Title of the figure.
        figure: String,
        /// What the rasteriser said.
        reason: String,
    },
    /// The page would be larger than a page should be.
    #[error("the page would take {bytes} bytes and the limit is {limit}; place fewer figures on it")]
    PageTooLarge {
        /// Size reached.
        bytes: usize,
        /// Size allowed.
        limit: usize,
    },
    /// The page template failed.
    #[error("the report page could not be rendered: {reason}")]
    Template {
        /// What the template engine said.
        reason: String,
    },
    /// A prediction points at a finding that does not exist.
    #[error(
        "prediction '{prediction}' cites finding {row}, but there are only {findings}; judge and report from the same findings"
    )]
    NoSuchFinding {
        /// The prediction's name.
        prediction: String,
        /// The index cited.
        row: usize,
        /// Number of findings.
        findings: usize,
    },
    /// A file could not be written.
    #[error("could not write {}: {source}; is there room, and may you write there?", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The findings could not be turned into JSON.
    #[error("the findings could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
