//! Pages beside the report: few figures, tables whose rows may be links, and no script.

use std::path::Path;

use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;

use super::render::{check_names, paragraphs};
use super::{Section, SummaryTable, script, view};
use crate::figure::Width;
use crate::{ReportError, to_svg};

/// A link to a file of the same report.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
pub struct Link {
    /// Where it leads, relative to the page: `latents/index.html`.
    pub href: String,
    /// What is read.
    pub text: String,
}

impl Link {
    /// A link.
    #[must_use]
    pub fn new(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self { href: href.into(), text: text.into() }
    }
}

/// A page of its own beside the report.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LeafPage {
    /// Title.
    pub title: String,
    /// A sentence under the title.
    pub subtitle: String,
    /// The small word above the title.
    pub kind: String,
    /// Where to go from here.
    pub links: Vec<Link>,
    /// Name and value.
    pub facts: Vec<(String, String)>,
    /// Figures with their text.
    pub sections: Vec<Section>,
    /// Tables.
    pub tables: Vec<LinkedTable>,
}

/// A table whose rows may lead somewhere.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LinkedTable {
    /// The table.
    pub table: SummaryTable,
    /// Where the first cell of each row leads; shorter than the rows where the last ones lead nowhere.
    pub hrefs: Vec<Option<String>>,
}

#[derive(Serialize)]
struct FigureView {
    name: String,
    svg: String,
    single: bool,
    caption: String,
    alt: String,
}

#[derive(Serialize)]
struct SectionView {
    id: String,
    title: String,
    paragraphs: Vec<String>,
    figures: Vec<FigureView>,
}

#[derive(Serialize)]
struct LinkedView<'a> {
    table: view::TableView,
    hrefs: Vec<Option<&'a String>>,
}

#[derive(Serialize)]
struct WholeLeaf<'a> {
    title: &'a str,
    subtitle: &'a str,
    kind: &'a str,
    links: &'a [Link],
    facts: &'a [(String, String)],
    sections: &'a [SectionView],
    tables: &'a [LinkedView<'a>],
    version: &'a str,
    policy: String,
    style: &'a str,
}

/// The page as HTML.
///
/// # Errors
/// Those of [`crate::Figure::check`]; [`ReportError::FileName`] and [`ReportError::DuplicateName`] for figure names;
/// [`ReportError::NotRelative`] for a link that leaves the report.
pub fn render_leaf(page: &LeafPage) -> Result<String, ReportError> {
    check_names(&page.sections)?;
    page.links
        .iter()
        .map(|link| &link.href)
        .chain(page.tables.iter().flat_map(|t| t.hrefs.iter().flatten()))
        .try_for_each(|href| relative(href))?;
    let mut sections = Vec::new();
    for (index, section) in page.sections.iter().enumerate() {
        let mut figures = Vec::new();
        for placed in &section.figures {
            figures.push(FigureView {
                name: placed.name.clone(),
                svg: to_svg(&placed.figure, &placed.name)?,
                single: placed.figure.width == Width::Single,
                caption: placed.caption.clone(),
                alt: if placed.alt.is_empty() { placed.figure.title.clone() } else { placed.alt.clone() },
            });
        }
        let id = format!("section-{index}");
        sections.push(SectionView { id, title: section.title.clone(), paragraphs: paragraphs(&section.text), figures });
    }
    let tables: Vec<LinkedView<'_>> = page
        .tables
        .iter()
        .enumerate()
        .map(|(index, table)| {
            let href = |row: usize| table.hrefs.get(row).and_then(Option::as_ref);
            let hrefs = (0..table.table.rows.len()).map(href).collect();
            LinkedView { table: view::table(&table.table, index), hrefs }
        })
        .collect();
    let fail = |e: minijinja::Error| ReportError::Template { reason: format!("{e:#}") };
    let mut environment = Environment::new();
    environment.add_template("leaf.html", include_str!("leaf.html")).map_err(fail)?;
    let whole = WholeLeaf {
        title: &page.title,
        subtitle: &page.subtitle,
        kind: &page.kind,
        links: &page.links,
        facts: &page.facts,
        sections: &sections,
        tables: &tables,
        version: env!("CARGO_PKG_VERSION"),
        policy: script::policy(&[]),
        style: include_str!("style.css"),
    };
    environment.get_template("leaf.html").and_then(|template| template.render(Serde(&whole))).map_err(fail)
}

/// Writes the page, creating its folder and replacing an older one.
///
/// # Errors
/// Those of [`render_leaf`], and [`ReportError::Io`] naming the file.
pub fn write_leaf(path: &Path, page: &LeafPage) -> Result<(), ReportError> {
    crate::files::write(path, render_leaf(page)?.as_bytes())
}

/// A link stays within the report: no scheme, no host, no absolute path.
pub(super) fn relative(href: &str) -> Result<(), ReportError> {
    let first = href.split('/').next().unwrap_or_default();
    if href.is_empty() || href.starts_with('/') || href.contains('\\') || first.contains(':') {
        return Err(ReportError::NotRelative { href: href.to_owned() });
    }
    Ok(())
}
