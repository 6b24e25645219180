//! The report as a page of plain text (Markdown): verdict, predictions, key numbers with their nulls, commands.

use std::fmt::Write as _;

use kymograph_findings::Stated;

use crate::number::{format_value, format_with_interval};
use crate::page::{Counted, Page, badge, certainty, judgement_word, threshold_words};

/// Text that cannot end a table cell, open a tag or start markup.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '|' | '[' | ']' | '#' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c if c.is_control() => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

/// A number and its interval.
fn pair(value: f64, interval: [f64; 2], digits: usize) -> String {
    let (value, interval) = format_with_interval(value, interval, digits);
    format!("{value} {}", plain(&interval))
}

/// A command in a fence longer than any run of backticks in it.
fn command(out: &mut String, text: &str) {
    let mut longest = 0;
    let mut current = 0;
    for c in text.chars() {
        current = if c == '`' { current + 1 } else { 0 };
        longest = longest.max(current);
    }
    let fence = "`".repeat((longest + 1).max(3));
    let _ = writeln!(out, "{fence}\n{text}\n{fence}\n");
}

/// `summary.md` of a page.
#[must_use]
pub fn summary(page: &Page) -> String {
    let mut out = format!("# {}\n\n", plain(&page.title));
    if !page.subtitle.is_empty() {
        let _ = writeln!(out, "{}\n", plain(&page.subtitle));
    }
    if page.verdicts.is_empty() {
        out.push_str("No prediction was judged.\n\n");
    }
    for verdict in &page.verdicts {
        let _ = writeln!(out, "## {}: {}\n", plain(&verdict.title), plain(&badge(&verdict.outcome)));
        let _ = writeln!(out, "{}\n", plain(&verdict.sentence));
        let counted = Counted::of(verdict.predictions.iter());
        let stated = match verdict.stated {
            Stated::Beforehand => "fixed before the run",
            Stated::Afterwards => "stated afterwards",
        };
        let _ = writeln!(
            out,
            "Predictions {stated}: {} held, {} refuted, {} undecided, {} not measured. {}\n",
            counted.held,
            counted.refuted,
            counted.undecided,
            counted.not_measured,
            plain(&certainty(verdict))
        );
        for (name, sentence) in &verdict.hypotheses {
            let _ = writeln!(out, "* **{}**: {}", plain(name), plain(sentence));
        }
        out.push_str(
            "\n| prediction | of | decision | estimate | null | seeds | judgement |\n|---|---|---|---|---|---|---|\n",
        );
        for p in &verdict.predictions {
            let value = match (p.estimate, p.interval) {
                (Some(value), Some(interval)) => pair(value, interval, 3),
                (Some(value), None) => format_value(value, 3),
                (None, _) => "–".into(),
            };
            let null = p.null.as_ref().map_or("–".into(), |n| pair(n.mean, n.interval, 2));
            let _ = writeln!(
                out,
                "| {} | {} | {} | {value} | {null} | {} of {} | {} |",
                plain(&p.text),
                plain(&p.hypothesis),
                plain(&threshold_words(p)),
                p.n_seeds,
                p.min_seeds,
                judgement_word(p.judgement)
            );
        }
        out.push('\n');
        if let Some(remedy) = &verdict.remedy {
            out.push_str("This would decide it:\n\n");
            command(&mut out, remedy);
        }
    }
    for warning in &page.warnings {
        let _ = writeln!(out, "> {}\n", plain(warning));
    }
    for table in &page.tables {
        let _ = writeln!(out, "## {}\n", plain(&table.title));
        if !table.caption.is_empty() {
            let _ = writeln!(out, "{}\n", plain(&table.caption));
        }
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        out.push_str(&line(table.columns.iter().map(|c| plain(c)).collect()));
        out.push_str(&line(vec!["---".into(); table.columns.len()]));
        for row in &table.rows {
            let cells = (0..table.columns.len()).map(|c| row.get(c).map(|t| plain(t)).unwrap_or_default());
            out.push_str(&line(cells.collect()));
        }
        out.push('\n');
    }
    if !page.repeat.is_empty() {
        out.push_str("## To make this again\n\n");
        command(&mut out, &page.repeat);
    }
    out
}
