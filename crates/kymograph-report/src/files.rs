//! Writes figures and report folders. Every file is written under a temporary name and then renamed, so that a reader
//! never sees half a file.

use std::fs;
use std::path::{Path, PathBuf};

use crate::figure::Figure;
use crate::page::{Page, render_page};
use crate::pdf::to_pdf;
use crate::raster::to_png;
use crate::{ReportError, csv::to_csv, summary::summary, to_svg};

/// The files of one figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FigureFiles {
    /// The drawing.
    pub svg: PathBuf,
    /// The same as pixels, 288 to the inch at print size.
    pub png: PathBuf,
    /// The numbers drawn.
    pub csv: PathBuf,
}

/// The files of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFiles {
    /// The self-contained page.
    pub page: PathBuf,
    /// The verdict and the predictions as text.
    pub summary: PathBuf,
    /// All findings.
    pub findings: PathBuf,
    /// The figures, in the page's order.
    pub figures: Vec<FigureFiles>,
}

/// A name made safe for files and ids: lower-case letters, digits, `-` and `_`, at most 80 of them.
///
/// Different names may give the same slug; callers that write several files check for that.
#[must_use]
pub fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            out.push(c.to_ascii_lowercase());
        } else if !out.ends_with('-') {
            out.push('-');
        }
    }
    out.truncate(80);
    let out = out.trim_matches('-').to_string();
    if out.is_empty() { "figure".into() } else { out }
}

/// Draws a figure into `<dir>/<name>.svg`, `.png` and `.csv`, creating the folder and replacing older files.
///
/// # Errors
/// [`ReportError::FileName`] for a name that is not its own [`slug`], those of [`Figure::check`], and
/// [`ReportError::Io`] naming the file.
pub fn write_figure(dir: &Path, name: &str, figure: &Figure) -> Result<FigureFiles, ReportError> {
    if slug(name) != name {
        return Err(ReportError::FileName { name: name.into() });
    }
    let svg = to_svg(figure, name)?;
    let png = to_png(&svg, &figure.title)?;
    let csv = to_csv(figure)?;
    let path = |extension: &str| dir.join(format!("{name}.{extension}"));
    let files = FigureFiles { svg: path("svg"), png: path("png"), csv: path("csv") };
    write(&files.svg, svg.as_bytes())?;
    write(&files.png, &png)?;
    write(&files.csv, csv.as_bytes())?;
    Ok(files)
}

/// Draws a figure's SVG file again as a PDF beside it, and returns where that lies.
///
/// # Errors
/// [`ReportError::Io`] naming the file, and those of [`to_pdf`].
pub fn write_pdf(svg: &Path) -> Result<PathBuf, ReportError> {
    let text = fs::read_to_string(svg).map_err(|source| ReportError::Io { path: svg.to_path_buf(), source })?;
    let name = svg.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let path = svg.with_extension("pdf");
    write(&path, &to_pdf(&text, &name)?)?;
    Ok(path)
}

/// Writes `report.html`, `summary.md`, `findings.json` and `figures/` into `dir`, replacing what an earlier report left
/// under these names.
///
/// Figures that cannot be drawn are an error, never left out in silence.
///
/// # Errors
/// Those of [`render_page`] and [`write_figure`].
pub fn write_report(dir: &Path, page: &Page) -> Result<ReportFiles, ReportError> {
    let html = render_page(page)?;
    let mut figures = Vec::new();
    for placed in page.sections.iter().flat_map(|s| &s.figures) {
        figures.push(write_figure(&dir.join("figures"), &placed.name, &placed.figure)?);
    }
    let files = ReportFiles {
        page: dir.join("report.html"),
        summary: dir.join("summary.md"),
        findings: dir.join("findings.json"),
        figures,
    };
    let mut json = serde_json::to_string_pretty(&page.findings)?;
    json.push('\n');
    write(&files.findings, json.as_bytes())?;
    write(&files.summary, summary(page).as_bytes())?;
    write(&files.page, html.as_bytes())?;
    Ok(files)
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    let fail = |source| ReportError::Io { path: path.to_path_buf(), source };
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(fail)?;
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    fs::write(&temporary, bytes).map_err(fail)?;
    fs::rename(&temporary, path).map_err(fail)
}
