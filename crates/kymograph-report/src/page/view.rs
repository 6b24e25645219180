//! What the template sees: every number already written, every choice of words already made.

use kymograph_findings::{JudgedPrediction, Judgement, Null, Outcome, Stated, Verdict};
use serde::Serialize;

use super::SummaryTable;
use super::evidence::{self, Evidence, EvidenceRow};
use crate::figure::{Axis, DotInterval, DotPanel, DotRow, Figure, FigureKind, Width};
use crate::number::{format_value, format_with_interval};
use crate::{ReportError, to_svg};

#[derive(Serialize)]
pub(super) struct VerdictView {
    id: String,
    title: String,
    hypotheses: Vec<(String, String)>,
    badge: String,
    outcome_class: &'static str,
    sentence: String,
    certainty: String,
    stated: &'static str,
    rule: String,
    remedy: Option<String>,
    tally: Vec<(String, &'static str, usize)>,
    predictions: Vec<PredictionView>,
}

#[derive(Serialize)]
struct PredictionView {
    id: String,
    name: String,
    hypothesis: String,
    text: String,
    source: String,
    quantity: String,
    value: String,
    interval: String,
    seeds: String,
    null: String,
    decision: String,
    judgement: &'static str,
    class: &'static str,
    symbol: &'static str,
    reason: String,
    picture: Option<String>,
    picture_alt: String,
    rows: Vec<EvidenceRow>,
    more_rows: usize,
    repeat: String,
}

#[derive(Serialize)]
pub(super) struct TableView {
    id: String,
    title: String,
    caption: String,
    columns: Vec<(String, bool)>,
    rows: Vec<Vec<(String, bool)>>,
}

/// How many predictions came out how.
pub(crate) struct Counted {
    pub(crate) held: usize,
    pub(crate) refuted: usize,
    pub(crate) undecided: usize,
    pub(crate) not_measured: usize,
}

impl Counted {
    pub(crate) fn of<'a>(predictions: impl Iterator<Item = &'a JudgedPrediction>) -> Counted {
        let mut counted = Counted { held: 0, refuted: 0, undecided: 0, not_measured: 0 };
        for prediction in predictions {
            match prediction.judgement {
                Judgement::Held => counted.held += 1,
                Judgement::Refuted => counted.refuted += 1,
                Judgement::Undecided => counted.undecided += 1,
                Judgement::NotMeasured => counted.not_measured += 1,
            }
        }
        counted
    }
}

/// The outcome in one word.
pub(crate) fn badge(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Hypothesis(name) => name.clone(),
        Outcome::Neither => "neither".into(),
        Outcome::Undecided => "undecided".into(),
    }
}

/// The judgement in words.
pub(crate) fn judgement_word(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Held => "held",
        Judgement::Refuted => "refuted",
        Judgement::Undecided => "undecided",
        Judgement::NotMeasured => "not measured",
    }
}

/// With which certainty a verdict speaks: how many seeds it rests on, and how many it needs.
pub(crate) fn certainty(verdict: &Verdict) -> String {
    let measured: Vec<_> = verdict.predictions.iter().filter(|p| p.judgement != Judgement::NotMeasured).collect();
    let Some(fewest) = measured.iter().map(|p| p.n_seeds).min() else {
        return "Nothing that was predicted has been measured.".into();
    };
    let most = measured.iter().map(|p| p.n_seeds).max().unwrap_or(fewest);
    let needed = measured.iter().map(|p| p.min_seeds).max().unwrap_or(0);
    let seeds = match (fewest, most) {
        (1, 1) => "1 seed".to_string(),
        (a, b) if a == b => format!("{a} seeds"),
        (a, b) => format!("{a} to {b} seeds"),
    };
    let intervals = measured.iter().filter(|p| p.interval.is_some()).count();
    let with_null = measured.iter().filter(|p| p.null.is_some()).count();
    let enough = if fewest < needed {
        format!("at least {needed} are needed before anything is decided")
    } else {
        format!("{needed} needed")
    };
    format!(
        "Rests on {seeds} ({enough}); {intervals} of {total} measured predictions have a 95 % interval over seeds, \
         {with_null} a null beside them.",
        total = measured.len()
    )
}

/// The decision rule, with its thresholds where the words do not name them.
pub(crate) fn threshold_words(prediction: &JudgedPrediction) -> String {
    prediction.decision.clone()
}

/// A null in words: its kind, mean and central interval.
pub(super) fn null_words(null: &Null) -> String {
    null_words_adjusted(null, None)
}

/// The same with the p-value that is left when the whole list of findings is looked at.
pub(super) fn null_words_adjusted(null: &Null, adjusted: Option<f64>) -> String {
    let adjusted = adjusted.map(|p| format!(", adjusted {}", p_words(p))).unwrap_or_default();
    let p = null.p.map(|p| format!(", p = {}{adjusted}", p_words(p))).unwrap_or_default();
    let (mean, interval) = format_with_interval(null.mean, null.interval, 2);
    format!("{mean} {interval} ({}, {} draws{p})", null.kind.replace('_', " "), null.n)
}

/// A p-value to four decimals, or as a power of ten below.
fn p_words(p: f64) -> String {
    if p < 1e-4 { format_value(p, 2) } else { format!("{}", (p * 1e4).round() / 1e4) }
}

pub(super) fn verdict(evidence: &Evidence<'_>, index: usize) -> Result<VerdictView, ReportError> {
    let verdict = &evidence.page.verdicts[index];
    let mut predictions = Vec::new();
    for (i, prediction) in verdict.predictions.iter().enumerate() {
        predictions.push(prediction_view(evidence, prediction, &format!("p{index}-{i}"))?);
    }
    let mut hypotheses: Vec<(String, String)> =
        verdict.hypotheses.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    for prediction in &verdict.predictions {
        if !hypotheses.iter().any(|(name, _)| *name == prediction.hypothesis) {
            hypotheses.push((prediction.hypothesis.clone(), String::new()));
        }
    }
    let counted = Counted::of(verdict.predictions.iter());
    let tally = [
        (Judgement::Held, counted.held),
        (Judgement::Refuted, counted.refuted),
        (Judgement::Undecided, counted.undecided),
        (Judgement::NotMeasured, counted.not_measured),
    ];
    Ok(VerdictView {
        id: format!("verdict-{index}"),
        title: verdict.title.clone(),
        hypotheses,
        badge: badge(&verdict.outcome),
        outcome_class: match verdict.outcome {
            Outcome::Hypothesis(_) => "decided",
            Outcome::Neither => "neither",
            Outcome::Undecided => "undecided",
        },
        sentence: verdict.sentence.clone(),
        certainty: certainty(verdict),
        stated: match verdict.stated {
            Stated::Beforehand => "Predictions fixed before the run.",
            Stated::Afterwards => "Predictions stated after the run was made.",
        },
        rule: verdict.rule.clone(),
        remedy: verdict.remedy.clone(),
        tally: tally
            .into_iter()
            .filter(|(_, n)| *n > 0)
            .map(|(j, n)| (judgement_word(j).to_string(), class_of(j).0, n))
            .collect(),
        predictions,
    })
}

fn class_of(judgement: Judgement) -> (&'static str, &'static str) {
    match judgement {
        Judgement::Held => ("held", "✓"),
        Judgement::Refuted => ("refuted", "✗"),
        Judgement::Undecided => ("undecided", "?"),
        Judgement::NotMeasured => ("missing", "–"),
    }
}

/// Rows of evidence shown under one prediction.
const ROWS_PER_PREDICTION: usize = 60;

fn prediction_view(
    evidence: &Evidence<'_>,
    prediction: &JudgedPrediction,
    id: &str,
) -> Result<PredictionView, ReportError> {
    let page = evidence.page;
    let mut rows = Vec::new();
    for row in prediction.rows.iter().copied() {
        let finding = page.findings.get(row).ok_or_else(|| ReportError::NoSuchFinding {
            prediction: prediction.name.clone(),
            row,
            findings: page.findings.len(),
        })?;
        if rows.len() < ROWS_PER_PREDICTION {
            rows.push(evidence::row(evidence, row, finding));
        }
    }
    let (class, symbol) = class_of(prediction.judgement);
    let picture = picture(prediction, id)?;
    let seeds = match prediction.n_seeds {
        1 => "1 seed".to_string(),
        n => format!("{n} seeds"),
    };
    let (value, interval) = match (prediction.estimate, prediction.interval) {
        (Some(value), Some(interval)) => format_with_interval(value, interval, 3),
        (Some(value), None) => (format_value(value, 3), String::new()),
        (None, _) => Default::default(),
    };
    let picture_alt = format!(
        "Estimate {value} {interval}; decision: {}; {}.",
        prediction.decision,
        judgement_word(prediction.judgement)
    );
    Ok(PredictionView {
        id: id.to_string(),
        name: prediction.name.clone(),
        hypothesis: prediction.hypothesis.clone(),
        text: prediction.text.clone(),
        source: prediction.source.clone(),
        quantity: prediction.quantity.clone(),
        value,
        interval,
        seeds: format!("{seeds}, {} needed", prediction.min_seeds),
        null: prediction.null.as_ref().map(null_words).unwrap_or_default(),
        decision: threshold_words(prediction),
        judgement: judgement_word(prediction.judgement),
        class,
        symbol,
        reason: prediction.reason.clone(),
        picture,
        picture_alt,
        more_rows: prediction.rows.len() - rows.len(),
        rows,
        repeat: prediction.repeat.clone(),
    })
}

/// The prediction's estimate, interval, null and thresholds as a small drawing; nothing when there is no estimate.
fn picture(prediction: &JudgedPrediction, id: &str) -> Result<Option<String>, ReportError> {
    if prediction.estimate.is_none() {
        return Ok(None);
    }
    let row = DotRow {
        label: String::new(),
        estimate: prediction.estimate,
        interval: prediction.interval,
        null: prediction.null.as_ref().map(|n| n.interval),
        values: prediction.per_seed.clone(),
        thresholds: prediction.thresholds.clone(),
        status: String::new(),
    };
    let panel = DotPanel { x: Axis::linear(""), rows: vec![row], ..DotPanel::default() };
    let figure = Figure {
        title: String::new(),
        note: String::new(),
        width: Width::Single,
        kind: FigureKind::DotInterval(DotInterval { panels: vec![panel], ..DotInterval::default() }),
    };
    to_svg(&figure, id).map(Some)
}

pub(super) fn table(table: &SummaryTable, index: usize) -> TableView {
    // A column of numbers hangs on its right edge.
    let looks_like_number = |cell: &str| cell.starts_with(|c: char| c.is_ascii_digit() || "−-+[.±".contains(c));
    let numeric: Vec<bool> = (0..table.columns.len())
        .map(|c| {
            let cells = || table.rows.iter().filter_map(|r| r.get(c)).filter(|t| !t.is_empty() && *t != "–");
            cells().count() > 0 && cells().all(|t| looks_like_number(t))
        })
        .collect();
    let row = |cells: &Vec<String>| {
        let cell = |c: usize| (cells.get(c).cloned().unwrap_or_default(), numeric[c]);
        (0..table.columns.len()).map(cell).collect()
    };
    TableView {
        id: format!("table-{index}"),
        title: table.title.clone(),
        caption: table.caption.clone(),
        columns: table.columns.iter().cloned().zip(numeric.iter().copied()).collect(),
        rows: table.rows.iter().map(row).collect(),
    }
}
