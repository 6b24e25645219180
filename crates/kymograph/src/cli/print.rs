//! Results as text or JSON on standard output.

use std::path::PathBuf;

use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use kymograph::findings::{JudgedPrediction, Judgement, Stated, Verdict};
use kymograph::measures;
use kymograph::{Captured, CapturedArray, Derived, Fitted, FittedSae, Inspected, Judged, Measured};
use serde_json::json;

use super::args::{Common, Listing};

/// Prints a line; ends quietly when nobody reads on (`kymograph list | head`).
macro_rules! say {
    ($($part:tt)*) => { line(&format!($($part)*)) };
}

fn line(text: &str) {
    use std::io::Write;
    if writeln!(std::io::stdout().lock(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Names come from strangers' files: control characters, which a terminal would obey, are spelled out.
fn tame(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

fn show_json(value: &serde_json::Value) {
    say!("{value:#}");
}

fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(heads.iter().copied());
    for row in rows {
        table.add_row(row.iter().map(|cell| tame(cell)));
    }
    say!("{table}");
}

/// Verdicts, and where the report lies.
pub(crate) fn derived(derived: &Derived, common: &Common) {
    if common.json {
        show_json(&json!({ "folder": derived.folder, "page": derived.page, "verdicts": derived.verdicts }));
        return;
    }
    if common.quiet {
        return;
    }
    verdicts(&derived.verdicts);
    let unmeasured = derived.findings.iter().filter(|f| f.value.is_none()).count();
    let missing = if unmeasured > 0 { format!(", {unmeasured} not measured") } else { String::new() };
    say!("{} findings{missing}\nreport: {}", derived.findings.len(), derived.page.display());
}

fn verdicts(verdicts: &[Verdict]) {
    for verdict in verdicts {
        say!("{}\n  {}\n", tame(&verdict.title), tame(&verdict.sentence));
        table(
            &["of", "prediction", "estimate", "95 % interval", "holds when", "judgement"],
            verdict.predictions.iter().map(row),
        );
        if let Some(remedy) = &verdict.remedy {
            say!("  What would decide: {remedy}");
        }
        say!("");
    }
}

/// Verdicts on what was recorded already; as JSON with the findings that their rows count.
pub(crate) fn judged(judged: &Judged, common: &Common) {
    if common.json {
        show_json(&json!({ "verdicts": judged.verdicts, "findings": judged.findings }));
        return;
    }
    if common.quiet {
        return;
    }
    verdicts(&judged.verdicts);
    for prediction in judged.verdicts.iter().flat_map(|v| &v.predictions) {
        if !prediction.reason.is_empty() {
            say!("{}: {}", tame(&prediction.name), tame(&prediction.reason));
        }
    }
    if judged.verdicts.iter().any(|v| v.stated == Stated::Afterwards) {
        say!("These predictions were stated afterwards: they are not those that experiment.json knows by their hash.");
    }
}

/// Where activations were written, and their shapes.
pub(crate) fn captured(captured: &Captured, common: &Common) {
    if common.json {
        let arrays = captured.arrays.iter().map(|a| json!({ "hook": a.hook, "file": a.path, "shape": a.shape }));
        show_json(&json!({ "checkpoint": captured.checkpoint, "arrays": arrays.collect::<Vec<_>>() }));
    } else if !common.quiet {
        say!("with {}", captured.checkpoint.display());
        let shape = |shape: &[usize]| shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
        let row = |a: &CapturedArray| vec![a.hook.clone(), shape(&a.shape), a.path.display().to_string()];
        table(&["hook point", "shape", "file"], captured.arrays.iter().map(row));
    }
}

/// The files written.
pub(crate) fn exported(files: &[PathBuf], common: &Common) {
    if common.json {
        show_json(&json!({ "files": files }));
    } else if !common.quiet {
        files.iter().for_each(|file| say!("{}", file.display()));
    }
}

fn row(p: &JudgedPrediction) -> Vec<String> {
    let judgement = match p.judgement {
        Judgement::Held => "held",
        Judgement::Refuted => "refuted",
        Judgement::Undecided => "undecided",
        Judgement::NotMeasured => "not measured",
    };
    vec![
        p.hypothesis.clone(),
        p.name.clone(),
        p.estimate.map_or_else(String::new, |v| format!("{v:.4}")),
        p.interval.map_or_else(String::new, |[a, b]| format!("{a:.4} to {b:.4}")),
        p.decision.clone(),
        judgement.to_owned(),
    ]
}

/// What a path holds.
pub(crate) fn inspected(inspected: &Inspected, as_json: bool) {
    if as_json {
        show_json(&json!(inspected));
        return;
    }
    match inspected {
        Inspected::Checkpoint { path, format, step, sha256, tensors, others, metadata } => {
            let step = step.map_or_else(|| "unknown".to_owned(), |s| s.to_string());
            say!("{}\n  {format}, step {step}\n  SHA-256 {sha256}", path.display());
            table(
                &["tensor", "shape", "type", "norm", "not finite"],
                tensors.iter().map(|t| {
                    let shape = t.shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
                    let norm = t.norm.map_or_else(String::new, |n| format!("{n:.6}"));
                    let bad = if t.not_finite > 0 { t.not_finite.to_string() } else { String::new() };
                    vec![t.name.clone(), shape, t.dtype.clone(), norm, bad]
                }),
            );
            let entries: usize = tensors.iter().map(|t| t.shape.iter().product::<usize>()).sum();
            say!("{} tensors, {entries} numbers", tensors.len());
            if !others.is_empty() {
                say!("not the network's: {}", tame(&others.join(", ")));
            }
            for (key, value) in metadata {
                say!("{} = {value}", tame(key));
            }
        }
        Inspected::Checkpoints { series } => {
            let rows = series.iter().flat_map(|(network, checkpoints)| {
                checkpoints
                    .iter()
                    .map(move |(step, path)| vec![network.clone(), step.to_string(), path.display().to_string()])
            });
            table(&["network", "step", "file"], rows);
        }
        Inspected::Run { path, manifest, steps, series } => {
            let steps: Vec<String> = steps.iter().map(u64::to_string).collect();
            say!("{}\n  {}, {:?}, begun {}", path.display(), manifest.source, manifest.status, manifest.created);
            say!("  checkpoints at steps {}\n  series {}", steps.join(", "), series.join(", "));
            say!("  settings {}", manifest.settings);
        }
        Inspected::Experiment { path, manifest, runs } => {
            say!("{}\n  study {}, begun {}", path.display(), manifest.study, manifest.created);
            say!("  settings {}", manifest.settings);
            for (run, finished) in runs {
                say!("  {run}  {}", if *finished { "finished" } else { "not finished" });
            }
        }
    }
}

/// One measure's result.
pub(crate) fn measured(measured: &Measured, common: &Common) {
    let Measured { measure, options, reading } = measured;
    if common.json {
        let parts: serde_json::Map<_, _> = reading.parts.iter().map(|p| (p.name.to_owned(), json!(p.values))).collect();
        show_json(&json!({
            "measure": measure.name, "version": measure.version, "options": options, "value": reading.value,
            "parts": parts, "notes": reading.notes,
        }));
        return;
    }
    say!("{} = {}", measure.name, reading.value);
    if common.quiet {
        return;
    }
    say!("  {}", measure.summary);
    let (low, high) = measure.range;
    say!("  range {low} to {high}, unit: {}; {}", measure.unit, measure.ends);
    for (key, value) in options {
        say!("  {key} = {value}");
    }
    for part in &reading.parts {
        let shown: Vec<String> = part.values.iter().take(8).map(|v| format!("{v:.6}")).collect();
        let more = if part.values.len() > 8 { format!(" … ({} in all)", part.values.len()) } else { String::new() };
        say!("  {}: {}{more}", part.name, shown.join(" "));
    }
    for note in &reading.notes {
        say!("  note: {note}");
    }
    say!("  misleads: {}", measure.misleads);
}

/// Where a fit was written, and what it says of itself.
pub(crate) fn fitted(fitted: &Fitted, common: &Common) {
    if common.json {
        let mut summary = json!({
            "method": fitted.method.name(), "file": fitted.path, "shape": fitted.shape, "options": fitted.options,
        });
        for (name, values) in &fitted.numbers {
            summary[*name] = if let [value] = values[..] { json!(value) } else { json!(values) };
        }
        summary["notes"] = json!(fitted.notes);
        show_json(&summary);
        return;
    }
    if common.quiet {
        return;
    }
    let shape: Vec<String> = fitted.shape.iter().map(usize::to_string).collect();
    say!("{} {}  {}", fitted.method.name(), shape.join(" × "), fitted.path.display());
    for (name, values) in &fitted.numbers {
        let shown: Vec<String> = values.iter().take(12).map(|value| format!("{value:.6}")).collect();
        let more = if values.len() > 12 { format!(" … ({} in all)", values.len()) } else { String::new() };
        say!("  {}: {}{more}", name.replace('_', " "), shown.join(" "));
    }
    for (key, value) in &fitted.options {
        say!("  {key} = {}", tame(value));
    }
    for note in &fitted.notes {
        say!("  note: {}", tame(note));
    }
}

/// Where a dictionary was written, and its numbers.
pub(crate) fn fitted_sae(fitted: &FittedSae, common: &Common) {
    if common.json {
        let numbers: serde_json::Map<_, _> =
            fitted.numbers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        show_json(&json!({
            "method": "sae", "folder": fitted.folder, "dictionary": fitted.spec, "numbers": numbers, "notes": fitted.notes,
        }));
        return;
    }
    if common.quiet {
        return;
    }
    let spec = &fitted.spec;
    say!("sae {} × {}  {}", spec.latents, spec.outputs, fitted.folder.display());
    for (name, value) in &fitted.numbers {
        say!("  {}: {value:.6}", name.replace('_', " "));
    }
    for note in &fitted.notes {
        say!("  note: {}", tame(note));
    }
}

/// What there is.
pub(crate) fn list(what: Option<Listing>, as_json: bool) {
    let studies = || kymograph::studies::all().iter().map(|s| (s.name.to_owned(), s.question()));
    let formats = || kymograph::runs::formats().iter().map(|l| (l.name.to_owned(), l.summary.to_owned()));
    let data = || kymograph::runs::datasets().iter().map(|l| (l.name.to_owned(), l.summary.to_owned()));
    let measures = || {
        measures::all().iter().map(|m| {
            let inputs: Vec<String> = m.inputs.iter().map(|i| format!("{}({})", i.name, i.axes.join(", "))).collect();
            (m.name.to_owned(), format!("{} {}", m.summary, inputs.join(" ")))
        })
    };
    let quantities = || {
        let of_groups = measures::groups::quantities().iter().map(|q| (q.name.to_owned(), q.summary.to_owned()));
        let of_dictionaries = measures::dictionaries::quantities().iter();
        of_groups.chain(of_dictionaries.map(|q| (q.name.to_owned(), q.summary.to_owned())))
    };
    let mut all = serde_json::Map::new();
    for (listing, title) in [
        (Listing::Studies, "studies"),
        (Listing::Measures, "measures"),
        (Listing::Quantities, "quantities"),
        (Listing::Formats, "formats"),
        (Listing::Data, "data"),
    ] {
        if what.is_some_and(|w| w != listing) {
            continue;
        }
        let rows: Vec<(String, String)> = match listing {
            Listing::Studies => studies().collect(),
            Listing::Measures => measures().collect(),
            Listing::Quantities => quantities().collect(),
            Listing::Formats => formats().collect(),
            Listing::Data => data().collect(),
        };
        if as_json {
            all.insert(
                title.to_owned(),
                json!(rows.iter().map(|(n, s)| json!({"name": n, "summary": s})).collect::<Vec<_>>()),
            );
        } else {
            table(&[title, ""], rows.into_iter().map(|(name, summary)| vec![name, summary]));
        }
    }
    if as_json {
        show_json(&serde_json::Value::Object(all));
    }
}
