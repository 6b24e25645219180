//! The report page: what it is given, and rendering it into one self-contained file.

mod chart;
mod evidence;
mod frames;
mod leaf;
mod render;
mod script;
mod view;

use std::collections::BTreeMap;

use kymograph_findings::{Finding, Verdict};

use crate::figure::Figure;

pub use frames::{Frame, Frames};
pub use leaf::{LeafPage, Link, LinkedTable, render_leaf, write_leaf};
pub use render::render_page;
pub(crate) use view::{Counted, badge, certainty, judgement_word, threshold_words};

/// What kind of report the page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PageKind {
    /// A study run here, from training to verdict.
    #[default]
    Study,
    /// An analysis of checkpoints or runs made elsewhere.
    Analysis,
}

/// Everything on the page, in its order.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Page {
    /// Title.
    pub title: String,
    /// A sentence under the title: what was run, on what.
    pub subtitle: String,
    /// Study or analysis.
    pub kind: PageKind,
    /// Verdicts, shown first; may be empty when nothing was predicted.
    pub verdicts: Vec<Verdict>,
    /// All findings; predictions point into this list.
    pub findings: Vec<Finding>,
    /// Figures with their text.
    pub sections: Vec<Section>,
    /// Short tables of key numbers.
    pub tables: Vec<SummaryTable>,
    /// Data, seeds, versions, CPU features, options: name and value.
    pub facts: Vec<(String, String)>,
    /// What a reader must know before trusting anything: one seed, a missing control …
    pub warnings: Vec<String>,
    /// The command that makes the whole report again.
    pub repeat: String,
    /// Commands that take single findings again, by the finding's number; findings without one are left out.
    pub commands: BTreeMap<usize, String>,
}

/// A heading with text and figures.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// Paragraphs, separated by empty lines.
    pub text: String,
    /// Links to files beside the page, behind the text.
    pub links: Vec<Link>,
    /// Figures, in order.
    pub figures: Vec<PlacedFigure>,
}

/// A figure in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedFigure {
    /// Name of the figure's files and anchor, its own [`crate::slug`]; unique on the page.
    pub name: String,
    /// The figure.
    pub figure: Figure,
    /// What is shown, what a careful reader should say, and what the null is.
    pub caption: String,
    /// The figure in words, for readers who do not see it.
    pub alt: String,
    /// A further remark in small print; may be empty.
    pub note: String,
    /// The same at every step, for a slider in place of the figure; the figure itself is what prints.
    pub frames: Option<Frames>,
}

/// A table of few numbers.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SummaryTable {
    /// Heading.
    pub title: String,
    /// Text under the heading.
    pub caption: String,
    /// Column heads.
    pub columns: Vec<String>,
    /// Cells as text; a row shorter than the heads is filled with empty cells.
    pub rows: Vec<Vec<String>>,
}
