//! Text widths by the metrics of the font the PNGs are drawn with, and line breaking.

use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

/// Families for a browser, nearest in width to the one the PNGs use first.
pub(crate) const FAMILY: &str = "'Noto Sans', 'Open Sans', 'Helvetica Neue', Helvetica, Arial, sans-serif";

/// Width of a text in pixels.
pub(crate) fn width(content: &str, size: f64, bold: bool) -> f64 {
    let bytes = if bold { notosans::BOLD_TTF } else { notosans::REGULAR_TTF };
    let Ok(font) = FontRef::new(bytes) else {
        // The font is a constant; were it broken, a mean width still lays the figure out.
        return content.chars().count() as f64 * size * 0.56;
    };
    let metrics = font.glyph_metrics(Size::new(size as f32), LocationRef::default());
    let charmap = font.charmap();
    content
        .chars()
        .map(|c| {
            let advance = charmap.map(c).and_then(|glyph| metrics.advance_width(glyph));
            advance.map_or(size * if c == '⁻' { 0.41 } else { 0.6 }, f64::from)
        })
        .sum()
}

/// Breaks a text into lines no wider than `room`; a word wider than that is cut.
pub(crate) fn wrap(content: &str, size: f64, bold: bool, room: f64) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in content.split_whitespace() {
        let candidate = if line.is_empty() { word.to_string() } else { format!("{line} {word}") };
        if width(&candidate, size, bold) <= room {
            line = candidate;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        line = fit(word, size, bold, room);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// The text, or as much of it as fits with `…` in the middle, since names differ at both ends.
pub(crate) fn fit(content: &str, size: f64, bold: bool, room: f64) -> String {
    if width(content, size, bold) <= room {
        return content.to_string();
    }
    let chars: Vec<char> = content.chars().take(2000).collect();
    let mut keep = chars.len().min(400);
    while keep > 1 {
        keep -= 1;
        let head: String = chars[..keep.div_ceil(2)].iter().collect();
        let tail: String = chars[chars.len() - keep / 2..].iter().collect();
        let candidate = format!("{head}…{tail}");
        if width(&candidate, size, bold) <= room {
            return candidate;
        }
    }
    "…".into()
}

/// Names shortened to fit and still told apart: parts that all share at either end (cut at `.`, `_`, `/`, `-` or a
/// space) give way first.
pub(crate) fn fit_all(names: &[String], size: f64, bold: bool, room: f64) -> Vec<String> {
    if names.iter().all(|n| width(n, size, bold) <= room) {
        return names.to_vec();
    }
    let shared = |a: &str, b: &str| a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
    let backwards = |n: &String| n.chars().rev().collect::<String>();
    let boundary = |c: &char| "._/- ".contains(*c);
    let common = |texts: Vec<String>| -> usize {
        let Some(first) = texts.first() else { return 0 };
        let length = texts.iter().map(|t| shared(first, t)).min().unwrap_or(0);
        let chars: Vec<char> = first.chars().take(length).collect();
        chars.iter().rposition(boundary).map_or(0, |at| at + 1)
    };
    let several = names.iter().any(|n| *n != names[0]);
    let (head, tail) =
        if several { (common(names.to_vec()), common(names.iter().map(backwards).collect())) } else { (0, 0) };
    let cut = |name: &String, head: usize, tail: usize| {
        let chars: Vec<char> = name.chars().collect();
        if head + tail >= chars.len() {
            return name.clone();
        }
        let middle: String = chars[head..chars.len() - tail].iter().collect();
        let (before, after) = (if head > 0 { "…" } else { "" }, if tail > 0 { "…" } else { "" });
        format!("{before}{middle}{after}")
    };
    // As little as possible is cut: what is shared in front, else behind, else both.
    for (head, tail) in [(head, 0), (0, tail), (head, tail)] {
        let shorter: Vec<String> = names.iter().map(|n| cut(n, head, tail)).collect();
        if shorter.iter().all(|n| width(n, size, bold) <= room) {
            return shorter;
        }
    }
    names.iter().map(|n| fit(&cut(n, head, tail), size, bold, room)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_add_up_and_scale() {
        let one = width("n", 10.0, false);
        assert!(one > 3.0 && one < 9.0);
        assert!((width("nn", 10.0, false) - 2.0 * one).abs() < 1e-6);
        assert!((width("n", 20.0, false) - 2.0 * one).abs() < 0.1);
        assert!(width("n", 10.0, true) > one);
    }

    #[test]
    fn the_font_has_every_character_the_labels_use() {
        let font = FontRef::new(notosans::REGULAR_TTF).unwrap();
        for c in "−×·≥≤λ°–—…⁰¹²³⁴⁵⁶⁷⁸⁹±“”’%".chars() {
            assert!(font.charmap().map(c).is_some(), "{c} is missing");
        }
    }

    #[test]
    fn wrapped_lines_fit_and_keep_all_words() {
        let text = "band: 95 % t-interval over 3 seeds; grey: permuted units, central 95 % of 200 draws";
        let lines = wrap(text, 9.5, false, 120.0);
        assert!(lines.len() > 2);
        assert!(lines.iter().all(|l| width(l, 9.5, false) <= 120.0));
        assert_eq!(lines.join(" "), text);
    }

    #[test]
    fn too_long_names_keep_both_ends() {
        let cut = fit("transformer.encoder.layers.0.self_attn.in_proj_weight", 9.5, false, 100.0);
        assert!(cut.starts_with("tran") && cut.ends_with("ight") && cut.contains('…'));
        assert!(width(&cut, 9.5, false) <= 100.0);
        assert_eq!(fit("abc", 9.5, false, 0.0), "…");
    }

    #[test]
    fn names_that_do_not_fit_lose_what_they_share() {
        let name = |i: usize| format!("transformer.encoder.layers.{i}.self_attention.weight");
        let names = [name(0), name(1), name(12)];
        assert_eq!(fit_all(&names, 9.5, false, 100.0), ["…0…", "…1…", "…12…"]);
        assert_eq!(fit_all(&names, 9.5, false, 140.0)[2], "…12.self_attention.weight");
        assert_eq!(fit_all(&["a.x_long".into(), "b.x_long".into()], 9.5, false, 30.0), ["a…", "b…"]);
        assert_eq!(fit_all(&names, 9.5, false, 1000.0), names);
        let same = [name(0), name(0)];
        let cut = fit_all(&same, 9.5, false, 100.0);
        assert!(cut[0].starts_with("trans") && cut[0] == cut[1]);
        assert!(fit_all(&[], 9.5, false, 1.0).is_empty());
    }
}
