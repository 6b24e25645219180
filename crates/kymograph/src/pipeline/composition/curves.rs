//! Curves over training: the columns of the published histories, and representation by step.

use kymograph_report::standard::{Trace, training_curves};
use kymograph_report::{
    AxisScale, ColourMap, ColourScale, Figure, FigureKind, HeatMap, HeatPanel, PrintValues, Section, Series, Width,
};
use kymograph_runs::Table;

use super::super::sections::place;

/// The recorded columns of one run: its name, such as `seed 1`, and the table.
pub(super) type History<'a> = (String, &'a Table);

/// Every figure over steps of the runs of one network.
pub(super) fn section(network: &str, histories: &[History<'_>], irreps: &[String]) -> Section {
    let mut section = Section { title: format!("{network}: over training"), ..Section::default() };
    let learned: Vec<&String> = irreps.iter().filter(|name| *name != "trivial").collect();
    let mut put = |name: &str, figure: Option<Figure>, caption: &str| {
        place(&mut section, &format!("{network}-{name}"), figure, caption);
    };
    put(
        "accuracy",
        chosen(
            &format!("{network}: accuracy"),
            histories,
            &[("accuracy", "train", "train_acc"), ("accuracy", "test", "test_acc")],
        ),
        "Share of pairs composed rightly, of those trained on and of all others.",
    );
    put(
        "loss",
        chosen(
            &format!("{network}: loss"),
            histories,
            &[("loss (nats)", "train", "train_loss"), ("loss (nats)", "test", "test_loss")],
        )
        .map(with_log),
        "Cross-entropy on the pairs trained on and on all others.",
    );
    put(
        "kymograph",
        kymograph(network, histories, &learned),
        "Trace similarity of the logits with each representation, by step, in the first run: which representation is learned, \
         and when. Any function with the right answers is similar to every character: d/√(|G| − 1).",
    );
    put(
        "similarity",
        by_irrep(
            &format!("{network}: logits and characters"),
            histories,
            &learned,
            &[("trace similarity", "logit_{}_rep_trace_similarity")],
        ),
        "Cosine between the centred logits and χ(abc⁻¹), for each representation. The published threshold of a key \
         representation is .005 at the end.",
    );
    put(
        "embeddings",
        by_irrep(
            &format!("{network}: embeddings in each representation"),
            histories,
            &learned,
            &[
                ("left embedding", "percent_x_embed_{}_rep"),
                ("right embedding", "percent_y_embed_{}_rep"),
                ("unembedding", "percent_unembed_{}_rep"),
            ],
        ),
        "Share of the squared norm of each table that lies in a representation's matrix entries. Random tables have d²/|G|.",
    );
    put(
        "hidden",
        by_irrep(
            &format!("{network}: hidden layer in each representation"),
            histories,
            &learned,
            &[
                ("ρ(a)", "percent_hidden_x_{}_rep"),
                ("ρ(b)", "percent_hidden_y_{}_rep"),
                ("ρ(ab)", "percent_hidden_xy_{}_rep"),
                ("all three", "total_percent_hidden_{}_rep"),
            ],
        )
        .or_else(|| {
            let title = format!("{network}: hidden layer in each representation");
            by_irrep(&title, histories, &learned, &[("ρ(ab), not centred", "percent_hidden_{}_rep")])
        }),
        "Share of the variance over pairs of the hidden layer that lies in ρ(a), ρ(b) and ρ(ab). That ρ(ab) is small does not \
         make it unimportant: it is what the logits are read from.",
    );
    put(
        "excluded",
        chosen(
            &format!("{network}: what the key representations carry"),
            histories,
            &[
                ("loss (nats)", "excluded: without ρ(ab)", "total_hidden_excluded_loss"),
                ("loss (nats)", "restricted: ρ(ab) alone", "total_hidden_restricted_loss"),
                ("loss (nats)", "train", "train_loss"),
                ("loss (nats)", "test", "test_loss"),
            ],
        )
        .map(with_log),
        "Excluded: on training pairs, after ρ(ab) of the key representations is taken from the hidden layer. Restricted: on \
         all pairs, with nothing else left. The two are over different pairs, as published.",
    );
    put(
        "excluded-by-irrep",
        by_irrep(
            &format!("{network}: losses by representation"),
            histories,
            &learned,
            &[
                ("excluded loss (nats)", "hidden_excluded_loss_{}_rep"),
                ("restricted loss (nats)", "hidden_restricted_loss_{}_rep"),
            ],
        )
        .map(with_log),
        "The same for each representation alone.",
    );
    put(
        "weights",
        chosen(
            &format!("{network}: size of the weights"),
            histories,
            &[("sum of squared weights", "all weights", "sum_of_squared_weights")],
        )
        .map(with_log),
        "Sum of the squares of all weights, which weight decay pulls down once nothing else is to be gained.",
    );
    section
}

/// Named columns, each as panel, label and column.
fn chosen(title: &str, histories: &[History<'_>], columns: &[(&str, &str, &str)]) -> Option<Figure> {
    let mut traces = Vec::new();
    for (panel, label, column) in columns {
        for (run, table) in histories {
            traces.extend(trace(panel, label, run, table, column));
        }
    }
    training_curves(title, &traces)
}

/// A column for each representation, in panels by template.
fn by_irrep(title: &str, histories: &[History<'_>], irreps: &[&String], panels: &[(&str, &str)]) -> Option<Figure> {
    let mut traces = Vec::new();
    for (panel, template) in panels {
        for irrep in most_telling(histories, irreps, template) {
            for (run, table) in histories {
                traces.extend(trace(panel, irrep, run, table, &template.replace("{}", irrep)));
            }
        }
    }
    training_curves(title, &traces).map(without_bands)
}

/// Curves that fit in one panel: all representations where they are few, else those that go highest.
const MOST_CURVES: usize = 8;

fn most_telling<'a>(histories: &[History<'_>], irreps: &[&'a String], template: &str) -> Vec<&'a String> {
    if irreps.len() <= MOST_CURVES {
        return irreps.to_vec();
    }
    let highest = |irrep: &str| {
        let values = histories.iter().filter_map(|(_, table)| table.column(&template.replace("{}", irrep)));
        values.flat_map(|(_, values)| values.into_iter().last()).fold(f64::NEG_INFINITY, f64::max)
    };
    let mut ranked: Vec<(usize, f64)> = irreps.iter().enumerate().map(|(i, irrep)| (i, highest(irrep))).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut kept: Vec<usize> = ranked.into_iter().take(MOST_CURVES).map(|(i, _)| i).collect();
    kept.sort_unstable();
    kept.into_iter().map(|i| irreps[i]).collect()
}

fn trace(panel: &str, label: &str, run: &str, table: &Table, column: &str) -> Option<Trace> {
    let (steps, values) = table.column(column).filter(|(steps, _)| steps.len() > 1)?;
    Some(Trace { panel: panel.into(), label: label.into(), run: run.into(), steps, values })
}

/// Representation by step, coloured by trace similarity.
fn kymograph(network: &str, histories: &[History<'_>], irreps: &[&String]) -> Option<Figure> {
    let (run, table) = histories.first()?;
    let mut rows = Vec::new();
    let mut values = Vec::new();
    let mut steps: Vec<u64> = Vec::new();
    let template = "logit_{}_rep_trace_similarity";
    let most = 24;
    let shown = if irreps.len() > most { most_telling(histories, irreps, template) } else { irreps.to_vec() };
    for irrep in shown {
        let (at, similarity) = table.column(&template.replace("{}", irrep))?;
        rows.push(irrep.clone());
        values.push(similarity.into_iter().map(|v| Some(v).filter(|v| v.is_finite())).collect::<Vec<_>>());
        steps = at;
    }
    if steps.len() < 2 || values.iter().any(|row| row.len() != steps.len()) {
        return None;
    }
    let map = HeatMap {
        row_axis: "representation".into(),
        column_axis: "step".into(),
        colour: ColourScale { label: "trace similarity".into(), range: Some([0.0, 1.0]), map: ColourMap::Sequential },
        panels: vec![HeatPanel {
            title: run.clone(),
            rows,
            columns: steps.iter().map(u64::to_string).collect(),
            values,
        }],
        print: PrintValues::Never,
        decimals: 2,
        square: false,
    };
    Some(Figure {
        title: format!("{network}: representation by step"),
        note: "Columns are checkpoints, half of them spaced by the logarithm of the step.".into(),
        width: Width::Double,
        kind: FigureKind::HeatMap(map),
    })
}

/// The figure without intervals about its means. Runs of one recipe learn different representations, so that their mean is
/// the middle of kinds and not the centre of a scatter; the single runs are drawn.
fn without_bands(mut figure: Figure) -> Figure {
    if let FigureKind::Curves(curves) = &mut figure.kind {
        curves.panels.iter_mut().flat_map(|p| &mut p.series).for_each(|series| series.band.clear());
        figure.note = figure.note.replace(" with its 95 % t-interval", "");
    }
    figure
}

/// The figure with logarithmic heights, where nothing in it is 0 or below.
fn with_log(mut figure: Figure) -> Figure {
    if let FigureKind::Curves(curves) = &mut figure.kind {
        let positive = |v: &Option<f64>| v.is_none_or(|v| v > 0.0);
        let of_runs = |s: &Series| s.runs.iter().all(|(_, run)| run.iter().all(positive));
        let all = curves.panels.iter().flat_map(|p| &p.series).all(|s| s.y.iter().all(positive) && of_runs(s));
        if all {
            curves.y.scale = AxisScale::Log;
        }
    }
    // The interval about a mean of losses that differ by orders of magnitude reaches below 0.
    without_bands(figure)
}
