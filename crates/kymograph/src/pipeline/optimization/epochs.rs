//! The published curves, a point an epoch, beside what they leave out.

use kymograph_report::standard::{Trace, training_curves};
use kymograph_report::{Axis, Figure, FigureKind, Section};

use super::super::published::Published;
use super::super::sections::place;
use super::history::{History, Points, sum};
use super::rows::{PUBLISHED, THRESHOLDS, unflipped_change};

/// What a threshold is called in titles.
pub(super) fn words(threshold: &str) -> String {
    match (threshold.strip_prefix("abs"), threshold.strip_prefix("rel")) {
        (Some(size), _) => format!("|g| ≤ {size}"),
        (_, Some(share)) => format!("|g| ≤ {share} of the layer's rms"),
        _ => threshold.to_owned(),
    }
}

/// Traces with a value an epoch; the horizontal axis says so.
#[derive(Default)]
struct Epochs(Vec<Trace>);

impl Epochs {
    fn add(&mut self, panel: &str, label: &str, history: &History, (steps, values): Points) {
        let (panel, label, run) = (panel.to_owned(), label.to_owned(), history.label());
        self.0.push(Trace { panel, label, run, steps, values });
    }

    /// Numbers of a published curve, where they may be held against ours.
    fn published(&mut self, panel: &str, published: &Published, name: &str, histories: &[&History]) {
        if !histories.iter().all(|history| history.is_cifar) {
            return;
        }
        for curve in published.curves.iter().filter(|curve| curve.name == name) {
            let (steps, values) = (curve.epochs.clone(), curve.values.clone());
            let (panel, label, run) = (panel.to_owned(), "published".to_owned(), "published".to_owned());
            self.0.push(Trace { panel, label, run, steps, values });
        }
    }

    fn figure(self, title: &str) -> Option<Figure> {
        let mut figure = training_curves(title, &self.0)?;
        if let FigureKind::Curves(curves) = &mut figure.kind {
            curves.x = Axis::linear("epoch");
        }
        Some(figure)
    }
}

pub(super) fn section(network: &str, histories: &[&History], published: &Published) -> Section {
    let mut section = Section {
        title: format!("{network}: gradients near zero, by epoch"),
        text: "Each point is a mean over the minibatches of an epoch, the first of them 0. Counts are shares of all parameters.".to_owned(),
        ..Section::default()
    };
    place(
        &mut section,
        &format!("{network}-zero-e7"),
        zeros(network, histories, published),
        "Published as zero_e7_grads: gradients within 1e-7 of zero, here as a share of all parameters and taken apart into those \
         that are exactly zero (silent units) and the others; the same at 1e-5 and at thresholds that follow the layer's \
         gradients. The published counts are of another, larger network and stand apart. There is no null for a count: the \
         relative thresholds say what of the fall is the gradients' own scale.",
    );
    place(
        &mut section,
        &format!("{network}-frac-zero-grads-released"),
        released(network, histories, published),
        "Published as frac_zero_grads_released: of the gradients near zero at one minibatch, the share that is not at the next. \
         Where exact zeros are left out by the share that is not near zero at all, independent draws would release one minus the \
         set's own share, drawn as the null.",
    );
    place(
        &mut section,
        &format!("{network}-frac-flip"),
        flips(network, histories, published),
        "Published as frac_flip: of the gradients near zero at two minibatches, the share that changes sign. An exact zero cannot \
         change sign, so the published curve is held down by silent units; among the others stands beside it what independent \
         minibatches would give (`coin flips`), from each parameter's own signal-to-noise ratio.",
    );
    place(
        &mut section,
        &format!("{network}-wdiff"),
        changes(network, histories, published),
        "Published as wdiff, its first epoch left out: mean |Δw| of the retained that keep their sign, beside that of all \
         parameters and the norm of the whole step. Under Adam a step tends to the learning rate however small the gradient; under \
         plain gradient descent (recipe `paper`) it is the gradient times the learning rate.",
    );
    place(
        &mut section,
        &format!("{network}-min-max"),
        minima(network, histories),
        "Share of minima among minima and maxima by the secant. As published, the step is the one taken after the second gradient \
         was measured; aligned, the step between the two, which are of different minibatches; right, the same minibatch before and \
         after the step, of the flipped and of all parameters. Noise alone gives one half on the same minibatch.",
    );
    place(
        &mut section,
        &format!("{network}-layers"),
        layers(network, histories),
        "Exact zeros and other gradients within 1e-5, as shares of each layer's parameters.",
    );
    section
}

/// A column of counts as a share of all parameters, an epoch.
fn share(history: &History, column: &str) -> Points {
    history.by_epoch(|from, to| {
        let (sum, n) = history.sum(column, from, to)?;
        Some(sum / (n as f64 * history.parameters))
    })
}

fn zeros(network: &str, histories: &[&History], published: &Published) -> Option<Figure> {
    let mut epochs = Epochs::default();
    for history in histories {
        for threshold in THRESHOLDS {
            let panel = words(threshold);
            epochs.add(&panel, "near zero", history, share(history, &format!("{threshold}.zero")));
            epochs.add(&panel, "exactly zero", history, share(history, "exact_zeros"));
            epochs.add(&panel, "not exactly zero", history, share(history, &format!("{threshold}.zero_nonexact")));
        }
        for threshold in ["abs1e-7", PUBLISHED] {
            let panel = format!("running average, {}", words(threshold));
            epochs.add(&panel, "near zero", history, share(history, &format!("ema.{threshold}.zero")));
        }
    }
    epochs.published("published counts, larger network", published, "zero_e7", histories);
    epochs.figure(&format!("{network}: share of parameters whose gradient is near zero"))
}

fn released(network: &str, histories: &[&History], published: &Published) -> Option<Figure> {
    let mut epochs = Epochs::default();
    for history in histories {
        for threshold in THRESHOLDS {
            let panel = words(threshold);
            let fraction = |prefix: &str| {
                let column = |name: &str| format!("{prefix}{threshold}.{name}");
                history.by_epoch(|from, to| {
                    let (out, _) = history.sum(&column("released"), from, to)?;
                    let (stayed, _) = history.sum(&column("retained"), from, to)?;
                    (out + stayed > 0.0).then(|| out / (out + stayed))
                })
            };
            epochs.add(&panel, "gradient", history, fraction(""));
            epochs.add(&panel, "running average", history, fraction("ema."));
            let independent = share(history, &format!("{threshold}.zero"));
            let independent = (independent.0, independent.1.into_iter().map(|share| 1.0 - share).collect());
            epochs.add(&panel, "null: independent sets", history, independent);
        }
    }
    epochs.published(&words(PUBLISHED), published, "frac_zero_grads_released", histories);
    epochs.figure(&format!("{network}: share released from near zero"))
}

fn flips(network: &str, histories: &[&History], published: &Published) -> Option<Figure> {
    let mut epochs = Epochs::default();
    for history in histories {
        for threshold in THRESHOLDS {
            let panel = words(threshold);
            let column = |name: &str| format!("{threshold}.{name}");
            let ratio =
                |of: &str| history.by_epoch(|from, to| history.ratio(&column("flipped"), &column(of), from, to));
            epochs.add(&panel, "all retained, as published", history, ratio("retained"));
            epochs.add(&panel, "retained and not exactly zero", history, ratio("retained_nonzero"));
            let coin = |from, to| history.weighted(&column("coin_flip"), &column("retained_nonzero"), from, to);
            epochs.add(&panel, "null: coin flips", history, history.by_epoch(coin));
        }
        let all = history.by_epoch(|from, to| history.ratio("flips", "nonzero_pairs", from, to));
        epochs.add("all gradients not exactly zero", "retained and not exactly zero", history, all);
        let coin = history.by_epoch(|from, to| history.weighted("coin_flip", "nonzero_pairs", from, to));
        epochs.add("all gradients not exactly zero", "null: coin flips", history, coin);
    }
    epochs.published(&words(PUBLISHED), published, "frac_flip", histories);
    epochs.figure(&format!("{network}: share of retained gradients that change sign"))
}

fn changes(network: &str, histories: &[&History], published: &Published) -> Option<Figure> {
    let mut epochs = Epochs::default();
    let without_first =
        |(steps, values): Points| -> Points { steps.into_iter().zip(values).filter(|(epoch, _)| *epoch > 0).unzip() };
    let mean = |history: &History, column: &str| {
        without_first(history.by_epoch(|from, to| history.sum(column, from, to).map(|(sum, n)| sum / n as f64)))
    };
    let panel = format!("mean |Δw|, {}", words(PUBLISHED));
    for history in histories {
        let retained = history.by_epoch(|from, to| unflipped_change(history, PUBLISHED, from, to));
        epochs.add(&panel, "retained that keep their sign", history, without_first(retained));
        epochs.add(&panel, "all parameters", history, mean(history, "weight_change"));
        epochs.add("‖Δw‖ of the whole step", "all parameters", history, mean(history, "step_norm"));
    }
    epochs.published(&panel, published, "wdiff", histories);
    epochs.figure(&format!("{network}: how far weights move"))
}

fn minima(network: &str, histories: &[&History]) -> Option<Figure> {
    let mut epochs = Epochs::default();
    for history in histories {
        let flipped = "flipped, |g| ≤ 1e-5";
        let of = |low: String, high: String| {
            history.by_epoch(|from, to| {
                let (low, high) = (history.sum(&low, from, to)?.0, history.sum(&high, from, to)?.0);
                (low + high > 0.0).then(|| low / (low + high))
            })
        };
        for (label, kind) in [("as published", ""), ("aligned steps", "aligned_"), ("same minibatch", "true_")] {
            let column = |name: &str| format!("{PUBLISHED}.{kind}{name}");
            epochs.add(flipped, label, history, of(column("minima"), column("maxima")));
        }
        epochs.add("all parameters", "same minibatch", history, of("true_minima".into(), "true_maxima".into()));
    }
    epochs.figure(&format!("{network}: share of minima among minima and maxima"))
}

fn layers(network: &str, histories: &[&History]) -> Option<Figure> {
    let mut epochs = Epochs::default();
    for history in histories {
        for (name, size, table) in &history.layers {
            let share = |column: String| {
                history.by_epoch(|from, to| sum(table, &column, from, to).map(|(sum, n)| sum / (n as f64 * size)))
            };
            epochs.add(name, "exactly zero", history, share("exact_zeros".into()));
            epochs.add(name, "others within 1e-5", history, share(format!("{PUBLISHED}.zero_nonexact")));
        }
    }
    epochs.figure(&format!("{network}: gradients near zero in each layer"))
}
