//! Text as XML: escaped, with raised exponents, and coordinates kept short.

use std::fmt::Write as _;

/// A coordinate with at most two decimals.
pub(crate) fn num(v: f64) -> String {
    let mut s = format!("{v:.2}");
    if s.contains('.') {
        s.truncate(s.trim_end_matches('0').trim_end_matches('.').len());
    }
    if s == "-0" { "0".into() } else { s }
}

/// Escapes text for XML content and attributes, and drops characters XML forbids.
pub(crate) fn escape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            // Control characters, direction overrides and non-characters: invalid in XML, or able to disguise a name.
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {}
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            _ => out.push(c),
        }
    }
    out
}

/// Text content with powers set as raised small digits: the font has no superscript minus.
pub(crate) fn raised(content: &str, size: f64) -> String {
    const SUPERSCRIPTS: [char; 11] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹', '⁻'];
    if !content.contains('⁻') {
        return escape(content);
    }
    let (up, small) = (num(size * 0.36), num(size * 0.72));
    let mut out = String::new();
    let mut lowered = false;
    for piece in
        content.chars().collect::<Vec<_>>().chunk_by(|a, b| SUPERSCRIPTS.contains(a) == SUPERSCRIPTS.contains(b))
    {
        let digit = |c: &char| SUPERSCRIPTS.iter().position(|s| s == c);
        if digit(&piece[0]).is_some() {
            let power = piece.iter().filter_map(digit);
            let power: String = power.map(|d| if d == 10 { '−' } else { char::from(b'0' + d as u8) }).collect();
            let _ = write!(out, r#"<tspan dy="-{up}" font-size="{small}">{power}</tspan>"#);
            lowered = true;
        } else if lowered {
            // What follows a power stands on the line again.
            let text: String = piece.iter().collect();
            let _ = write!(out, r#"<tspan dy="{up}">{}</tspan>"#, escape(&text));
        } else {
            out.push_str(&escape(&piece.iter().collect::<String>()));
        }
    }
    out
}
