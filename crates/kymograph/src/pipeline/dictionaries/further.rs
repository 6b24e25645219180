//! Figures and tables about what lies beside the sweep: two trainings of one dictionary, codes with the true features given,
//! features of other lengths or laid out by a toy model.

use kymograph_findings::Finding;
use kymograph_report::{
    Axis, AxisScale, CurvePanel, Curves, Figure, FigureKind, Scatter, ScatterPanel, Series, SummaryTable, Threshold,
    Width,
};
use kymograph_studies::dictionaries::{AGAIN, Settings, penalty_member, sweep_network};

use super::figures::{band, dot_figure, dots, figure, mean, seeds_note, values, word};
use super::given::ORACLES;
use super::rows::UNLEARNED;
use super::tables::{cell, null, table};

/// Two trainings with each other and with the truth, against the penalty.
pub(super) fn between_trainings(findings: &[Finding], settings: &Settings, seeds: usize) -> Option<Figure> {
    let truth = format!("n{}", settings.again_size);
    let series = |label: &str, of: &dyn Fn(f64) -> Vec<f64>| {
        let all: Vec<Vec<f64>> = settings.alphas.iter().map(|&alpha| of(alpha)).collect();
        Series {
            label: label.to_owned(),
            x: settings.alphas.clone(),
            y: all.iter().map(|v| mean(v)).collect(),
            band: if seeds > 1 { all.iter().map(|v| band(v)).collect() } else { Vec::new() },
            runs: Vec::new(),
        }
    };
    let again = |measure: &'static str| move |alpha: f64| values(findings, AGAIN, measure, &penalty_member(alpha));
    let sweep = |measure: &'static str| {
        let truth = truth.clone();
        move |alpha: f64| values(findings, &sweep_network(alpha), measure, &truth)
    };
    let random = |measure: &str| {
        let of = |f: &&Finding| f.run.network == AGAIN && f.measure == measure;
        findings.iter().find(of).and_then(|f| f.nulls.first()).map(|null| null.mean)
    };
    let level = |measure: &str| -> Vec<Threshold> {
        random(measure).map(|value| Threshold { value, label: "random directions".into() }).into_iter().collect()
    };
    let cosines = CurvePanel {
        title: "cosine after one-to-one matching".into(),
        series: vec![
            series("of two trainings", &again("agreement_of_seeds")),
            series("absolute: PW-MCC", &again("pw_mcc_of_seeds")),
            series("with the true features", &sweep("hungarian_cosine")),
        ],
        null: None,
        thresholds: level("agreement_of_seeds"),
    };
    let shares = CurvePanel {
        title: "share at cosine .9 or more".into(),
        series: vec![
            series("matched in the other training", &again("share_agreed_of_seeds")),
            series("true features recovered", &sweep("recall")),
        ],
        null: None,
        thresholds: Vec::new(),
    };
    if cosines.series[0].y.iter().all(Option::is_none) || settings.alphas[0] <= 0.0 {
        return None;
    }
    let kind = FigureKind::Curves(Curves {
        x: Axis { label: "penalty α".into(), scale: AxisScale::Log, range: None },
        y: Axis { range: Some([0.0, 1.0]), ..Axis::default() },
        shared_y: true,
        panels: vec![cosines, shares],
    });
    let note = if seeds > 1 { format!("Mean over {seeds} seeds, 95 % t-interval.") } else { seeds_note(seeds) };
    Some(figure("Two trainings of one dictionary", note, Width::Double, kind))
}

/// The true features with codes found by search, beside trained dictionaries.
pub(super) fn with_truth_given(
    findings: &[Finding],
    best: &[(String, String, String)],
    seeds: usize,
) -> Option<Figure> {
    let oracle = ORACLES.map(|(array, method)| (format!("true features, {method}"), UNLEARNED.into(), array.into()));
    let rows: Vec<_> = oracle.into_iter().chain(best.iter().cloned()).collect();
    let panels = vec![
        dots(findings, "fvu", "variance unexplained", &rows, true),
        dots(findings, "l0", "latents used an example", &rows, false),
        dots(findings, "code_correlation", "correlation with the true codes", &rows, true),
    ];
    dot_figure("What the true features would give", seeds, panels)
}

/// Features of one length, of lengths of their own, and as a toy model lays them out.
pub(super) fn other_features(findings: &[Finding], settings: &Settings, seeds: usize) -> Option<Figure> {
    if settings.further.is_empty() {
        return None;
    }
    let kinds = kinds(settings);
    let rows: Vec<_> = settings
        .ratio_alphas
        .iter()
        .flat_map(|&alpha| {
            kinds.iter().map(move |(label, network)| {
                (format!("{label}, α = {}", word(alpha)), network.clone(), penalty_member(alpha))
            })
        })
        .collect();
    let panels = vec![
        dots(findings, "mmcs", "MMCS", &rows, true),
        dots(findings, "recall", "recall at cosine .9", &rows, true),
        dots(findings, "fvu", "variance unexplained", &rows, true),
    ];
    dot_figure("Other features", seeds, panels)
}

/// What the data are called, and their networks; random directions of one length first.
fn kinds(settings: &Settings) -> Vec<(&'static str, String)> {
    let mut kinds = vec![("one length", format!("ratio-{}", word(settings.further_ratio)))];
    for name in &settings.further {
        kinds.push((if name == "toy_model" { "toy model" } else { "own lengths" }, name.clone()));
    }
    kinds
}

/// Recovery of each feature against its length.
pub(super) fn by_length(findings: &[Finding], settings: &Settings, network: &str) -> Option<Figure> {
    let panel = |&alpha: &f64| {
        let array = penalty_member(alpha);
        let row = findings.iter().find(|f| f.run.network == network && f.measure == "mmcs" && f.array == array)?;
        let (cosines, lengths) = (row.parts.get("per_feature")?, row.parts.get("length")?);
        let points: Vec<[f64; 2]> = lengths.iter().zip(cosines).map(|(length, cosine)| [*length, *cosine]).collect();
        Some(ScatterPanel {
            title: format!("α = {}", word(alpha)),
            x_label: "length of the feature".into(),
            y_label: "cosine with the nearest latent".into(),
            classes: vec![0; points.len()],
            points,
            ..ScatterPanel::default()
        })
    };
    let panels: Vec<ScatterPanel> = settings.ratio_alphas.iter().filter_map(panel).collect();
    if panels.is_empty() {
        return None;
    }
    let kind = FigureKind::Scatter(Scatter { classes: vec![String::new()], panels, ..Scatter::default() });
    Some(figure("Recovery and length of each feature", "First seed; a point a feature.".into(), Width::Double, kind))
}

/// The oracle on every kind of data, beside its best dictionary.
pub(super) fn given_table(
    findings: &[Finding],
    best: &[(String, String, String)],
    settings: &Settings,
) -> SummaryTable {
    let mut rows = Vec::new();
    let mut line = |data: &str, codes: String, network: &str, array: &str| {
        if values(findings, network, "fvu", array).is_empty() {
            return;
        }
        let of = |measure: &str, digits| cell(findings, network, measure, array, digits);
        rows.push(vec![
            data.to_owned(),
            codes,
            of("fvu", 3),
            of("l0", 2),
            null(findings, network, "l0", array, "true_codes"),
            of("code_correlation", 3),
            of("shrinkage_slope", 3),
        ]);
    };
    let mut data = vec![("the sweep's".to_owned(), UNLEARNED.to_owned())];
    data.extend(
        settings
            .ratios
            .iter()
            .map(|ratio| (format!("{ratio} features a dimension"), format!("ratio-{}", word(*ratio)))),
    );
    data.extend(settings.actives.iter().map(|n| (format!("{n} present"), format!("active-{}", word(*n)))));
    data.extend(kinds(settings).into_iter().skip(1).map(|(label, network)| (label.to_owned(), network)));
    for (label, network) in &data {
        for (array, method) in ORACLES {
            line(label, format!("true features, {method}"), network, array);
        }
        if network == UNLEARNED {
            best.iter().for_each(|(name, network, array)| line(label, name.clone(), network, array));
            continue;
        }
        let at = |alpha: &f64| Some((*alpha, mean(&values(findings, network, "mmcs", &penalty_member(*alpha)))?));
        let found = settings.ratio_alphas.iter().filter_map(at).max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((alpha, _)) = found {
            line(label, format!("best dictionary, α = {}", word(alpha)), network, &penalty_member(alpha));
        }
    }
    table(
        "With the true features given",
        "Codes of up to 512 held-out examples by search on the true features: non-negative least squares, which does not know how \
         many are present, and non-negative orthogonal matching pursuit, which does. No codes for these features rebuild better than the former. Beside them \
         the dictionary of the best MMCS, on all held-out examples; its correlation and slope are medians over recovered features, \
         the oracle's over all that are present.",
        &["data", "codes", "FVU", "L0", "true L0", "code correlation", "slope"],
        rows,
    )
}

/// The toy model's features, and dictionaries on its hidden layer.
pub(super) fn toy_table(findings: &[Finding], settings: &Settings) -> SummaryTable {
    let random = format!("ratio-{}", word(settings.further_ratio));
    let rows = settings.ratio_alphas.iter().filter_map(|&alpha| {
        let array = penalty_member(alpha);
        let of = |network: &str, measure: &str| cell(findings, network, measure, &array, 3);
        (!values(findings, "toy_model", "mmcs", &array).is_empty()).then(|| {
            vec![
                word(alpha),
                of("toy_model", "mmcs"),
                of(&random, "mmcs"),
                of("toy_model", "recall"),
                of(&random, "recall"),
                of("toy_model", "fvu"),
                of("toy_model", "toy_loss_recovered"),
                null(findings, "toy_model", "toy_loss_recovered", &array, "mean_activation"),
            ]
        })
    });
    let about = |measure: &str, digits| cell(findings, "toy_model", measure, super::toy::FEATURES, digits);
    let caption = format!(
        "Features of one importance at the study's own frequencies, laid out by ReLU(WᵀWx + b). It leaves {} features out (columns of W \
         shorter than .1), which are no part of recovery. Cosine of a feature with the nearest other: {} on average, {} for \
         random directions. Loss recovered: how much of the rise in the model's own loss that zeros in its hidden layer cause is \
         avoided when the layer is rebuilt by the dictionary; the mean activation in its place has the last column.",
        about("unrepresented_features", 1),
        about("nearest_feature", 3),
        null(findings, "toy_model", "nearest_feature", super::toy::FEATURES, "random_directions"),
    );
    table(
        "Superposition that was learned",
        &caption,
        &["α", "MMCS", "random directions", "recall", "random directions", "FVU", "loss recovered", "mean activation"],
        rows.collect(),
    )
}
