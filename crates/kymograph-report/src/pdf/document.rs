//! The frame of a PDF file of one page: objects, the table of where they lie, and the trailer.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::content::{Content, number};

/// An object: its dictionary's entries, and its stream where it has one.
type Object = (String, Option<Vec<u8>>);

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing into memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// A text as PDF writes it outside Latin alphabets: UTF-16 in hexadecimal.
fn text(content: &str) -> String {
    let mut out = String::from("<FEFF");
    for unit in content.encode_utf16() {
        let _ = write!(out, "{unit:04X}");
    }
    out.push('>');
    out
}

/// The whole file. Objects 1 to 5 are catalog, pages, page, content and information; the images follow.
pub(super) fn of(page: &Content, (width, height): (f32, f32), title: &str) -> Vec<u8> {
    let images: String = (0..page.images.len()).map(|i| format!("/I{i} {} 0 R ", 6 + i)).collect();
    let states: String = page
        .opacities
        .iter()
        .enumerate()
        .map(|(i, opacity)| format!("/G{i} << /ca {0} /CA {0} >> ", number(*opacity)))
        .collect();
    let producer = concat!("kymograph ", env!("CARGO_PKG_VERSION"));
    let mut objects: Vec<Object> = vec![
        ("/Type /Catalog /Pages 2 0 R".into(), None),
        ("/Type /Pages /Kids [3 0 R] /Count 1".into(), None),
        (
            format!(
                "/Type /Page /Parent 2 0 R /MediaBox [0 0 {} {}] /Contents 4 0 R /Resources << /ExtGState << {states}>> \
                 /XObject << {images}>> >>",
                number(width),
                number(height)
            ),
            None,
        ),
        ("/Filter /FlateDecode".into(), Some(deflated(page.drawn.as_bytes()))),
        (format!("/Title {} /Producer ({producer})", text(title)), None),
    ];
    for image in &page.images {
        let entries = format!(
            "/Type /XObject /Subtype /Image /Width {} /Height {} /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter \
             /FlateDecode",
            image.width, image.height
        );
        objects.push((entries, Some(deflated(&image.rgb))));
    }
    let mut out = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut places = Vec::new();
    for (i, (entries, stream)) in objects.iter().enumerate() {
        places.push(out.len());
        let length = stream.as_ref().map(|s| format!(" /Length {}", s.len())).unwrap_or_default();
        out.extend(format!("{} 0 obj\n<< {entries}{length} >>\n", i + 1).bytes());
        if let Some(stream) = stream {
            out.extend(b"stream\n");
            out.extend(stream);
            out.extend(b"\nendstream\n");
        }
        out.extend(b"endobj\n");
    }
    let table = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for place in places {
        out.extend(format!("{place:010} 00000 n \n").bytes());
    }
    let size = objects.len() + 1;
    out.extend(format!("trailer\n<< /Size {size} /Root 1 0 R /Info 5 0 R >>\nstartxref\n{table}\n%%EOF\n").bytes());
    out
}
