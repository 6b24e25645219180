//! The microscope on the page: its section, its tables, and the pages of single latents.

use std::path::Path;

use kymograph_findings::Finding;
use kymograph_report::{Link, Page, Section, SummaryTable, format_value};
use kymograph_studies::dictionaries::Settings;

use super::super::super::sections::place as put;
use super::Taken;
use super::figures::{self, PLACES, null, value};
use super::look::TOY_DATA;
use super::pages;
use crate::error::KymographError;

/// The folder of latents' pages beside the report.
const FOLDER: &str = "latents";

/// Adds figures and tables to the page, and writes the pages of the first transformer's latents beside it.
pub(in super::super) fn show(
    taken: &Taken,
    page: &mut Page,
    derived: &Path,
    settings: &Settings,
) -> Result<(), KymographError> {
    let Some((look, fits)) = taken.looks.first() else { return Ok(()) };
    let (steps, seeds) = (&look.steps, taken.looks.len());
    let last = *steps.last().unwrap_or(&0);
    let findings = &taken.rows;
    let mut real = Section { title: "Real activations".into(), ..Section::default() };
    real.text = format!(
        "The transformer of the study `phases` at steps {}: the hidden layer of the MLP of its middle block after the ReLU, and the \
         residual stream that enters this block, a row a token of held-out images. Dictionaries are fitted on {} images and \
         everything is measured on {} others. They keep the k largest latents of a token (TopK), so that dictionaries and nulls \
         use equally many; all have the same recipe, the one of the toy data among them.\n\n\
         Loss recovered: how much of the rise of the held-out cross-entropy, when a place is set to zero, is taken back when it \
         is set to its reconstruction; in the findings also against the mean in place of zeros. {} images.",
        steps.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
        look.half,
        look.measured().1.len(),
        look.loss_images()
    );
    let caption = "Values of single units beside the toy data's. Spikes are zeros: a ReLU makes them, the toy data have none before a \
                   dictionary is fitted.";
    put(&mut real, "activations", figures::values(look), caption);
    let caption = "Latents in use, by how often. In the toy data frequencies fall geometrically by construction.";
    put(&mut real, "latent-densities", figures::densities(findings, last), caption);
    let caption = "By the latents that a token may use. As many principal directions explain more than a sparse dictionary where \
                   variance lies in few dimensions; what they do not give is sparsity.";
    let figure = figures::by_sparsity(findings, &settings.microscope_ks, last, seeds);
    put(&mut real, "explained-and-recovered", figure, caption);
    let caption = "The standard dictionary beside cheaper ones of the same number of latents and the same k. Decoders that are never \
                   trained have trained encoders. Fitted to normal numbers: to data of the same mean and covariance, then used on \
                   the real ones.";
    put(&mut real, "beside-nulls", figures::beside_nulls(findings, last, seeds), caption);
    let caption = "Left: one dictionary a step, each from the same first weights, which alone make them alike: the dashed rule is a \
                   dictionary with these first weights fitted to other data. Two first weights at one step share no start, and may agree less. \
                   Right: the last dictionary on earlier activations; a latent silent there counts \
                   as uncorrelated.";
    put(&mut real, "features-over-steps", figures::over_steps(findings, steps, seeds), caption);
    if settings.microscope_pages > 0 {
        let places = pages::write(&derived.join(FOLDER), look, fits, settings.microscope_pages)?;
        if !places.is_empty() {
            real.links
                .push(Link::new(format!("{FOLDER}/index.html"), "A page for each of some latents, with its examples"));
        }
    }
    page.sections.push(real);
    page.tables.push(assumptions(findings, last));
    page.tables.push(dictionaries(findings, settings, last));
    if seeds < 5 {
        page.warnings.push(format!(
            "Real activations are those of {seeds} transformer{}; predictions about them need five: --set \
             microscope_seeds=5.",
            if seeds == 1 { "" } else { "s" }
        ));
    }
    Ok(())
}

fn cell(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format_value(value, digits))
}

fn assumptions(findings: &[Finding], last: u64) -> SummaryTable {
    let measured = [
        ("nothing is exactly zero", "share_of_zeros"),
        ("activations of either sign", "share_of_negatives"),
        ("units not at zero", "active_units"),
        ("no skew", "unit_skewness"),
        ("light tails, unit by unit (excess kurtosis)", "unit_excess_kurtosis"),
        ("light tails along random directions", "direction_excess_kurtosis"),
        ("no bias: norm of the mean / typical norm", "mean_norm_share"),
        ("lengths: share of their variance", "norm_variance_share"),
        ("spectrum: participation ratio / width", "participation_share"),
        ("units nearly uncorrelated: mean |r|", "unit_correlation"),
    ];
    let row = |(what, measure): (&str, &str)| {
        let of = |place: &str| {
            let found = cell(value(findings, measure, place, last), 3);
            let normal = null(findings, measure, place, &[last], "normal_of_same_covariance");
            let untrained = null(findings, measure, place, &[last], "untrained_network");
            match (place == TOY_DATA, untrained) {
                (false, Some(untrained)) => {
                    format!("{found} (normal {}, untrained {})", cell(normal, 3), format_value(untrained, 3))
                }
                _ => format!("{found} (normal {})", cell(normal, 3)),
            }
        };
        let mut cells = vec![what.to_owned()];
        cells.extend(PLACES.map(|(place, _)| of(place)));
        cells
    };
    let mut rows: Vec<Vec<String>> = measured.into_iter().map(row).collect();
    let learned = [
        ("variance explained by the standard dictionary", "variance_explained"),
        ("latents used by a row (L0)", "l0"),
        ("dead latents", "dead_share"),
        ("density of a latent, median", "latent_density"),
        ("two first weights find the same (matched cosine)", "agreement_of_first_weights"),
    ];
    for (what, measure) in learned {
        let mut cells = vec![what.to_owned()];
        cells.extend(PLACES.map(|(place, _)| {
            let found = cell(value(findings, measure, place, last), 3);
            match null(findings, measure, place, &[last], "random_directions") {
                Some(null) => format!("{found} (random {})", format_value(null, 3)),
                None => found,
            }
        }));
        rows.push(cells);
    }
    SummaryTable {
        title: "The toy data's assumptions beside real activations".into(),
        caption: "Last step, means over transformers. In brackets: normal numbers with the place's mean and covariance, and the \
                  untrained network. Medians over units for skew and kurtosis. What follows the spectrum is of dictionaries."
            .into(),
        columns: std::iter::once("assumption".to_owned()).chain(PLACES.map(|(_, title)| title.to_owned())).collect(),
        rows,
    }
}

fn dictionaries(findings: &[Finding], settings: &Settings, last: u64) -> SummaryTable {
    let ks = &settings.microscope_ks;
    let standard = ks.get(ks.len() / 2).copied().unwrap_or(1.0);
    let mut rows = Vec::new();
    for (place, title) in PLACES.into_iter().filter(|(place, _)| *place != TOY_DATA) {
        for k in ks {
            let array = if *k == standard { place.to_owned() } else { format!("{place}.k{k}") };
            let of = |measure: &str| cell(value(findings, measure, &array, last), 3);
            let beside = |measure: &str, kind: &str| cell(null(findings, measure, &array, &[last], kind), 3);
            rows.push(vec![
                title.to_owned(),
                k.to_string(),
                of("variance_explained"),
                beside("variance_explained", super::fits::PRINCIPAL),
                of("loss_recovered"),
                beside("loss_recovered", super::fits::PRINCIPAL),
                of("loss_recovered_of_mean"),
                of("l0"),
                of("dead_share"),
                of("latent_density"),
            ]);
        }
    }
    SummaryTable {
        title: "Dictionaries of real activations".into(),
        caption: "Last step. Beside variance and loss: as many principal directions as the dictionary uses latents."
            .into(),
        columns: [
            "place",
            "k",
            "variance explained",
            "principal",
            "loss recovered",
            "principal",
            "against the mean",
            "L0",
            "dead",
            "density",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
    }
}
