//! Turns a drawn figure into a PDF page of the figure's size: shapes as vectors, text as the outlines of the one font the
//! binary carries, so that it looks alike everywhere, and the same bytes on every machine.

mod content;
mod document;

use resvg::usvg;

use crate::ReportError;
use crate::raster::parse;

/// PDF points (72 to the inch) per CSS pixel (96 to the inch).
const POINTS: f32 = 0.75;

/// The PDF of an SVG made by [`crate::to_svg`].
///
/// Text is drawn as outlines: it scales, but cannot be searched.
///
/// # Errors
/// [`ReportError::Raster`] when the SVG cannot be read, or holds what figures never hold (gradients, masks, filters).
pub fn to_pdf(svg: &str, title: &str) -> Result<Vec<u8>, ReportError> {
    let fail = |reason: String| ReportError::Raster { figure: title.into(), reason };
    let tree: usvg::Tree = parse(svg).map_err(fail)?;
    let size = (tree.size().width() * POINTS, tree.size().height() * POINTS);
    let page = content::of(&tree, POINTS).map_err(fail)?;
    Ok(document::of(&page, size, title))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document's content stream, inflated.
    fn stream(pdf: &[u8]) -> String {
        let find = |from: usize, what: &[u8]| from + pdf[from..].windows(what.len()).position(|w| w == what).unwrap();
        let from = find(0, b"stream\n") + 7;
        let mut out = String::new();
        let mut reader = flate2::read::ZlibDecoder::new(&pdf[from..find(from, b"\nendstream")]);
        std::io::Read::read_to_string(&mut reader, &mut out).unwrap();
        out
    }

    const HEAD: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="100" height="40" viewBox="0 0 100 40">"#;

    #[test]
    fn a_rectangle_by_hand() {
        let pdf = to_pdf(&format!(r##"{HEAD}<rect x="10" y="20" width="30" height="5" fill="#ff0000"/></svg>"##), "t")
            .unwrap();
        let text = String::from_utf8_lossy(&pdf).into_owned();
        assert!(text.starts_with("%PDF-1.4\n") && text.ends_with("%%EOF\n"));
        assert!(text.contains("/MediaBox [0 0 75 30]"), "{text}");
        let drawn = stream(&pdf);
        // PDF counts upwards: y = 30 − 0.75 · y.
        assert!(drawn.starts_with("0.75 0 0 -0.75 0 30 cm\n"), "{drawn}");
        assert!(drawn.contains("1 0 0 rg\n10 20 m\n40 20 l\n40 25 l\n10 25 l\nh\nf\n"), "{drawn}");
    }

    #[test]
    fn every_object_lies_where_the_table_says() {
        let svg = format!(
            r##"{HEAD}<path d="M0,0 Q10,0 10,10" stroke="#000" stroke-dasharray="4 2" fill="none" stroke-opacity="0.5"/></svg>"##
        );
        let pdf = to_pdf(&svg, "Übung (1)").unwrap();
        let text: String = pdf.iter().map(|b| char::from(*b)).collect();
        let start: usize = text.rsplit("startxref\n").next().unwrap().lines().next().unwrap().parse().unwrap();
        let table = String::from_utf8_lossy(&pdf[start..]);
        assert!(table.starts_with("xref\n0 6\n"));
        for (i, line) in table.lines().skip(3).take_while(|l| l.ends_with(" n ")).enumerate() {
            let at: usize = line[..10].parse().unwrap();
            assert!(pdf[at..].starts_with(format!("{} 0 obj", i + 1).as_bytes()), "{line}");
        }
        assert!(text.contains("/Title <FEFF00DC00620075006E00670020002800310029>"));
        let drawn = stream(&pdf);
        assert!(drawn.contains("[4 2] 0 d") && drawn.contains("/G0 gs") && text.contains("/CA 0.5"), "{drawn}");
    }

    #[test]
    fn what_figures_never_hold_is_refused() {
        let gradient = r##"<defs><linearGradient id="g"><stop offset="0" stop-color="#000"/><stop offset="1" stop-color="#fff"/></linearGradient></defs><rect width="9" height="9" fill="url(#g)"/>"##;
        assert!(matches!(to_pdf(&format!("{HEAD}{gradient}</svg>"), "t"), Err(ReportError::Raster { .. })));
        assert!(to_pdf("no drawing", "t").is_err());
    }
}
