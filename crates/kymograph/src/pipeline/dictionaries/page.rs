//! The report page of the study.

use std::collections::BTreeMap;

use kymograph_findings::{Finding, Verdict};
use kymograph_report::{Page, PageKind, Section};
use kymograph_studies::dictionaries::{Redraw, Settings, sweep_network};

use super::super::sections::{self, place};
use super::{Recorded, Report, figures, further, tables};
use crate::error::KymographError;

pub(super) fn build(
    report: &Report<'_>,
    recorded: &[Recorded],
    findings: &[Finding],
    verdicts: &[Verdict],
) -> Result<Page, KymographError> {
    let settings = &report.settings;
    let mut seeds: Vec<u64> = recorded.iter().map(Recorded::seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let mut sections = vec![
        sections::judged(verdicts, findings),
        sweep(findings, settings, seeds.len()),
        without_truth(findings, settings, seeds.len()),
        single_features(findings, settings),
        training(recorded, settings),
        harder(findings, recorded, seeds.len()),
        other_features(findings, settings, seeds.len()),
    ];
    sections.retain(|section| !section.figures.is_empty());
    let mut facts: Vec<(String, String)> = Vec::new();
    let manifest = report.experiment.manifest();
    facts.push(("Settings".into(), manifest.settings["study"].to_string()));
    facts.push(("Seeds".into(), seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")));
    facts.push(("Runs".into(), recorded.iter().map(|run| run.key.to_string()).collect::<Vec<_>>().join(", ")));
    if let Some(hash) = &manifest.predictions_hash {
        facts.push(("SHA-256 of the predictions".into(), hash.clone()));
    }
    facts.push(("Measured by".into(), kymograph_runs::software()));
    Ok(Page {
        title: report.title.clone(),
        subtitle: report.question.clone(),
        kind: PageKind::Study,
        verdicts: verdicts.to_vec(),
        findings: findings.to_vec(),
        sections,
        tables: tables::all(findings, recorded, settings),
        facts,
        warnings: warnings(settings, seeds.len()),
        repeat: report.repeat.clone(),
        commands: BTreeMap::new(),
    })
}

fn sweep(findings: &[Finding], settings: &Settings, seeds: usize) -> Section {
    let mut section = Section { title: "Penalty and size".into(), ..Section::default() };
    section.text = format!(
        "Each dictionary is trained on fresh examples made of {} features in {} dimensions. Squared errors are averaged over \
         dimensions and the penalty over latents, as published, so that the penalty that matters is α × width / latents: what \
         looks like an effect of size at one α is in part one of the penalty. (The report's first author later called the \
         division by the number of latents a mistake.)",
        settings.features, settings.width
    );
    let share = Some([0.0, 1.0]);
    let mut put = |name: &str, title: &str, label: &str, range, measures: &[(&str, &str)], caption: &str| {
        place(&mut section, name, figures::heat_map(findings, settings, title, label, range, measures, seeds), caption);
    };
    put(
        "recovery",
        "Are the features found?",
        "share, or cosine",
        share,
        &[
            ("mmcs", "MMCS"),
            ("recall", "recall at cosine .9"),
            ("precision", "precision at cosine .9"),
            ("hungarian_cosine", "matched cosine"),
        ],
        &format!(
            "MMCS: mean over true features of the cosine with the nearest latent. As many random directions as features have {}, \
             as many raw examples {}. MMCS grows with size whatever the latents are and does not see superfluous ones: precision, \
             and the cosine after one-to-one matching, do.",
            tables::unlearned(findings, "random"),
            tables::unlearned(findings, "examples")
        ),
    );
    put(
        "use",
        "Are the latents used?",
        "share of latents",
        share,
        &[
            ("dead_share", "used by no held-out example"),
            ("duplicate_share", "with a copy at cosine .9"),
            ("precision_in_use", "of those in use, features at cosine .9"),
        ],
        "The report's indicator is the number of dead latents; a dictionary larger than the truth with all latents alive holds \
         copies or mixtures.",
    );
    put(
        "fvu",
        "What is not rebuilt",
        "share of variance",
        share,
        &[("fvu", "variance unexplained")],
        "Of the variance about the mean of held-out examples; above 1 the mean alone would do better. Rebuilding well is not finding features: the null beside each row is as many principal components \
         as latents are used.",
    );
    put(
        "l0",
        "Latents used an example",
        "latents",
        None,
        &[("l0", "L0")],
        "The true codes use as many as features are present; dictionaries with a small penalty use more.",
    );
    let caption = "The same MMCS against the published penalty and against the one the loss really has. Dashed: as many raw \
                   examples, and random directions, as there are features.";
    place(&mut section, "against-penalty", figures::against_penalty(findings, settings, seeds), caption);
    let best = tables::best_of_sizes(findings, settings);
    let caption = "Dictionaries at the penalty with the best mean MMCS, chosen with the truth in hand, beside directions that \
                   no dictionary learned. Principal directions and independent components (FastICA, symmetric, log cosh) are \
                   offered with either sign; non-negative factors are those of the halves max(x, 0) and max(−x, 0), a part's \
                   direction being the difference of its halves. There are at most as many of these as dimensions.";
    place(&mut section, "unlearned", figures::beside_unlearned(findings, settings, &best, seeds), caption);
    let caption = "With the true features given, codes found by non-negative least squares, and by non-negative orthogonal \
                   matching pursuit with the true number of features, on up to 512 held-out examples. No codes for the true features rebuild better than the former; where features are many, it may do so with others than those that are present. \
                   What dictionaries lose against it they lose in their directions, in one linear step of encoding, or to the \
                   penalty.";
    place(&mut section, "oracle", further::with_truth_given(findings, &best, seeds), caption);
    section
}

fn without_truth(findings: &[Finding], settings: &Settings, seeds: usize) -> Section {
    let mut section = Section { title: "Without the truth".into(), ..Section::default() };
    section.text = "What the report proposes where no true features are known: dictionaries of different sizes that found the same \
                    directions. Its first version took the mean over the next two larger dictionaries, its second the next one. \
                    It names loss stickiness as a third indicator, without a formula that could be read; the loss stands in the \
                    findings."
        .into();
    let measures = [
        ("agreement_with_larger", "with the next larger"),
        ("agreement_with_two_larger", "mean of the next two larger"),
    ];
    let figure = figures::heat_map(
        findings,
        settings,
        "Agreement with larger dictionaries",
        "mean maximal cosine",
        Some([0.0, 1.0]),
        &measures,
        seeds,
    );
    let caption = "Mean over a dictionary's latents of the cosine with the nearest latent of the next larger dictionary at the same \
                   α. Dictionaries here see the same examples. Read it beside the map of MMCS: whether its maximum lies at the \
                   same penalty is judged above; at any penalty agreement is far above that of random directions.";
    place(&mut section, "agreement", figure, caption);
    let caption = format!(
        "Dictionaries with {} latents, trained once more on the same examples from other first weights. The matching is chosen to \
         be good, which lifts random directions to the dashed line. PW-MCC (Song et al. 2025) takes absolute cosines; Paulo and \
         Belrose (2025) match as here and found that few latents of large dictionaries are in both. Two trainings may agree where \
         neither found the features.",
        settings.again_size
    );
    place(&mut section, "two-trainings", further::between_trainings(findings, settings, seeds), &caption);
    section
}

/// The sizes that are as large as the truth, or the nearest.
fn size_of_truth(settings: &Settings) -> f64 {
    let distance = |size: &f64| (size / settings.features as f64).ln().abs();
    settings.sizes.iter().copied().min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(1.0)
}

fn single_features(findings: &[Finding], settings: &Settings) -> Section {
    let mut section = Section { title: "Feature by feature".into(), ..Section::default() };
    let size = size_of_truth(settings);
    let caption = "A mean hides whether all features were found somewhat or some of them entirely. The mark is the mean over \
                   features that random directions of the same number have.";
    place(&mut section, "cosines", figures::cosine_histograms(findings, settings, size), caption);
    let caption = "Rare features are seen a few hundred times in training and are found last. Features absent from all held-out \
                   examples are left out.";
    place(&mut section, "frequency", figures::cosine_by_frequency(findings, settings, size), caption);
    section
}

fn training(recorded: &[Recorded], settings: &Settings) -> Section {
    let mut section = Section { title: "Over training".into(), ..Section::default() };
    let all: Vec<_> = settings
        .alphas
        .iter()
        .flat_map(|&alpha| {
            settings.sizes.iter().map(move |size| {
                let (panel, label) = (format!("α = {}", figures::word(alpha)), format!("{size} latents"));
                (sweep_network(alpha), format!("n{size}"), panel, label)
            })
        })
        .collect();
    let caption = "Larger dictionaries need more steps; where curves still rise at the end, a heat map shows training that was \
                   stopped, not what is possible.";
    place(&mut section, "convergence", figures::over_steps(recorded, "Recovery over training", &all), caption);
    if let Some(run) = recorded.iter().find(|run| run.network.name == "starts") {
        let of = run
            .network
            .members
            .iter()
            .map(|member| ("starts".to_owned(), member.name.clone(), String::new(), member.name.replace('_', " ")));
        let of: Vec<_> = of.collect();
        let caption = format!(
            "The decoder's first weights, compared at α = {} with as many latents as features. Examples start high because they \
             point at features: that is the null of the sweep, not learning. Singular vectors are those of the matrix of true \
             features, which nobody has for a real network; there one takes the weight of the layer.",
            settings.start_alpha
        );
        let figure = figures::over_steps(recorded, "First weights", &of);
        place(&mut section, "starts", figure, &caption);
    }
    section
}

fn harder(findings: &[Finding], recorded: &[Recorded], seeds: usize) -> Section {
    let mut section = Section { title: "Less favourable data".into(), ..Section::default() };
    section.text = "The sweep has two features a dimension, of which few are present. With more of either, features interfere more \
                    strongly. These dictionaries have twice as many latents as there are features and are trained as long as \
                    those of the sweep."
        .into();
    let ratio: &dyn Fn(&Settings) -> f64 = &|s| s.features as f64 / s.width as f64;
    let what = ("ratio-", "features a dimension", "More features a dimension");
    let caption =
        "At more features a dimension each of them is also seen less often, as many being present on average.";
    place(&mut section, "ratios", figures::harder(findings, recorded, what, ratio, seeds), caption);
    let active: &dyn Fn(&Settings) -> f64 = &|s| s.active;
    let what = ("active-", "features present", "More features present at once");
    let caption = "Four features a dimension.";
    place(&mut section, "actives", figures::harder(findings, recorded, what, active, seeds), caption);
    section
}

fn other_features(findings: &[Finding], settings: &Settings, seeds: usize) -> Section {
    let mut section = Section { title: "Other features".into(), ..Section::default() };
    section.text = format!(
        "Elsewhere every feature has length 1 and a direction drawn at random, and an example decides how much of it is present. \
         Here, with {} features a dimension in {} dimensions, each has a length of its own and is present or not; or features lie \
         where a trained toy model of superposition put them.",
        settings.further_ratio, settings.ratio_width
    );
    let caption = "Dictionaries with twice as many latents as features, on features of one length, of lengths of their own, and laid \
                   out by a toy model.";
    place(&mut section, "other-features", further::other_features(findings, settings, seeds), caption);
    let caption = "Where size lies in the feature, a short one adds little to the error, and a penalty may leave it out. Look for \
                   points low on the left that are missing on the right.";
    place(&mut section, "lengths", further::by_length(findings, settings, "feature_lengths"), caption);
    section
}

fn warnings(settings: &Settings, seeds: usize) -> Vec<String> {
    let mut warnings = Vec::new();
    if seeds == 1 {
        warnings.push("One seed. Nothing here says how much another would differ.".to_owned());
    }
    if settings.redraw != Redraw::Sample {
        warnings.push(
            "Features do not occur together: their probabilities are correlated, but drawn once a batch or less often. --set \
             redraw=sample makes co-occurrence correlated."
                .to_owned(),
        );
    }
    warnings
}
