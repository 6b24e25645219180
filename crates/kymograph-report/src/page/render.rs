//! Fills the template. The page holds its style, script, figures and data in itself and asks the network for nothing.

use std::collections::BTreeSet;

use base64::Engine as _;
use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;

use super::{Link, Page, PageKind, PlacedFigure, Section, chart, evidence, script, view};
use crate::figure::Width;
use crate::files::slug;
use crate::number::grouped;
use crate::{ReportError, to_csv, to_png, to_svg};

/// A page stays under 20 MB.
const LARGEST_PAGE: usize = 20_000_000;
/// Drawings above this are embedded as PNG.
const LARGEST_SVG: usize = 600_000;
/// Data above this is not embedded; it lies beside the page.
const LARGEST_CSV: usize = 200_000;
/// Share of the page kept for figures before all further ones become PNGs.
const FIGURE_BUDGET: usize = 9_000_000;
/// Share of the page kept for figures altogether; further ones lie beside the page, which names their files.
const FIGURES_HELD: usize = 13_000_000;
/// Share of the page kept for the data of live charts before all further figures stay as printed.
const CHART_BUDGET: usize = 5_000_000;

/// Bytes of the page that figures have taken so far.
#[derive(Default)]
struct Spent {
    figures: usize,
    charts: usize,
}

#[derive(Serialize)]
struct FigureView {
    name: String,
    number: usize,
    /// Drawing or pixels; neither where the page is full.
    svg: Option<String>,
    png: Option<String>,
    single: bool,
    caption: String,
    alt: String,
    note: String,
    csv: Option<String>,
    chart: Option<String>,
}

#[derive(Serialize)]
struct SectionView {
    id: String,
    title: String,
    paragraphs: Vec<String>,
    links: Vec<Link>,
    figures: Vec<FigureView>,
}

/// What the template is filled with.
#[derive(Serialize)]
struct WholePage<'a> {
    title: &'a str,
    subtitle: &'a str,
    kind: &'a str,
    verdicts: &'a [view::VerdictView],
    sections: &'a [SectionView],
    tables: &'a [view::TableView],
    facts: &'a [(String, String)],
    warnings: &'a [String],
    repeat: &'a str,
    rows: Vec<evidence::EvidenceRow>,
    shown: String,
    total: String,
    cut: bool,
    version: &'a str,
    policy: String,
    style: &'a str,
    scripts: &'a [&'a str],
}

/// The whole page as HTML.
///
/// # Errors
/// Those of [`crate::Figure::check`]; [`ReportError::FileName`] and [`ReportError::DuplicateName`] for figure names;
/// [`ReportError::NotRelative`] for a link that leaves the report; [`ReportError::NoSuchFinding`] when a prediction cites a row that is not there; [`ReportError::PageTooLarge`].
pub fn render_page(page: &Page) -> Result<String, ReportError> {
    check_names(&page.sections)?;
    page.sections.iter().flat_map(|s| &s.links).try_for_each(|link| super::leaf::relative(&link.href))?;
    let evidence = evidence::Evidence::of(page);
    let mut verdicts = Vec::new();
    for index in 0..page.verdicts.len() {
        verdicts.push(view::verdict(&evidence, index)?);
    }
    let (mut number, mut spent) = (0, Spent::default());
    let mut sections = Vec::new();
    for (i, section) in page.sections.iter().enumerate() {
        sections.push(section_view(section, i, &mut number, &mut spent)?);
    }
    let tables: Vec<_> = page.tables.iter().enumerate().map(|(i, t)| view::table(t, i)).collect();
    let scripts: &[&str] = if spent.charts > 0 { &[script::CHARTS, script::OWN] } else { &[script::OWN] };
    let fail = |e: minijinja::Error| ReportError::Template { reason: format!("{e:#}") };
    let mut environment = Environment::new();
    environment.add_template("report.html", include_str!("report.html")).map_err(fail)?;
    let template = environment.get_template("report.html").map_err(fail)?;
    // Evidence gives way first when the page grows too large.
    let mut limit = evidence::MOST_ROWS;
    loop {
        let rows = evidence::rows(&evidence, limit);
        let shown = rows.len();
        let whole = WholePage {
            title: &page.title,
            subtitle: &page.subtitle,
            kind: if page.kind == PageKind::Study { "Study" } else { "Analysis" },
            verdicts: &verdicts,
            sections: &sections,
            tables: &tables,
            facts: &page.facts,
            warnings: &page.warnings,
            repeat: &page.repeat,
            rows,
            shown: grouped(shown as u64),
            total: grouped(page.findings.len() as u64),
            cut: shown < page.findings.len(),
            version: env!("CARGO_PKG_VERSION"),
            policy: script::policy(scripts),
            style: include_str!("style.css"),
            scripts,
        };
        let html = template.render(Serde(&whole)).map_err(fail)?;
        if html.len() < LARGEST_PAGE {
            return Ok(html);
        }
        if limit == 0 {
            return Err(ReportError::PageTooLarge { bytes: html.len(), limit: LARGEST_PAGE });
        }
        limit = if limit > 100 { limit / 4 } else { 0 };
    }
}

pub(super) fn check_names(sections: &[Section]) -> Result<(), ReportError> {
    let mut names = BTreeSet::new();
    for placed in sections.iter().flat_map(|s| &s.figures) {
        if slug(&placed.name) != placed.name {
            return Err(ReportError::FileName { name: placed.name.clone() });
        }
        if !names.insert(&placed.name) {
            return Err(ReportError::DuplicateName { name: placed.name.clone() });
        }
    }
    Ok(())
}

fn section_view(
    section: &Section,
    index: usize,
    number: &mut usize,
    spent: &mut Spent,
) -> Result<SectionView, ReportError> {
    let mut figures = Vec::new();
    for placed in &section.figures {
        *number += 1;
        figures.push(figure_view(placed, *number, spent)?);
    }
    Ok(SectionView {
        id: format!("section-{index}"),
        title: section.title.clone(),
        paragraphs: paragraphs(&section.text),
        links: section.links.clone(),
        figures,
    })
}

fn figure_view(placed: &PlacedFigure, number: usize, spent: &mut Spent) -> Result<FigureView, ReportError> {
    let drawing = to_svg(&placed.figure, &placed.name)?;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let (svg, png) = if spent.figures > FIGURES_HELD {
        (None, None)
    } else if drawing.len() > LARGEST_SVG || spent.figures + drawing.len() > FIGURE_BUDGET {
        (None, Some(encode(&to_png(&drawing, &placed.figure.title)?)))
    } else {
        (Some(drawing), None)
    };
    let csv = to_csv(&placed.figure)?;
    let csv = (csv.len() <= LARGEST_CSV && spent.figures < FIGURE_BUDGET).then(|| encode(csv.as_bytes()));
    spent.figures += [&svg, &png, &csv].into_iter().flatten().map(String::len).sum::<usize>();
    let shown = svg.is_some() || png.is_some();
    let chart = chart_data(placed)?.filter(|data| shown && spent.charts + data.len() <= CHART_BUDGET);
    spent.charts += chart.as_ref().map_or(0, String::len);
    Ok(FigureView {
        name: placed.name.clone(),
        number,
        svg,
        png,
        single: placed.figure.width == Width::Single,
        caption: placed.caption.clone(),
        alt: if placed.alt.is_empty() { placed.figure.title.clone() } else { placed.alt.clone() },
        note: placed.note.clone(),
        csv,
        chart,
    })
}

/// What the page's script draws in place of the figure: its frames if it has some, else itself.
fn chart_data(placed: &PlacedFigure) -> Result<Option<String>, ReportError> {
    let frames = placed.frames.as_ref().map(super::Frames::data).transpose()?.flatten();
    Ok(frames.or_else(|| chart::chart(&placed.figure)).map(|data| chart::embedded(&data)))
}

pub(super) fn paragraphs(text: &str) -> Vec<String> {
    text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()).map(String::from).collect()
}
