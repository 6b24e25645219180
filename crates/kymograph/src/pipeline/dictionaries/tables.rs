//! Tables of the study: the dictionaries in numbers, first weights, and what the toy data assume.

use kymograph_findings::Finding;
use kymograph_report::{SummaryTable, format_value};
use kymograph_studies::dictionaries::{Correlation, Directions, Redraw, Scale, Settings, Uniforms, sweep_network};

use super::figures::{mean, values, word};
use super::rows::UNLEARNED;
use super::{Recorded, further};

pub(super) fn table(title: &str, caption: &str, columns: &[&str], rows: Vec<Vec<String>>) -> SummaryTable {
    SummaryTable {
        title: title.to_owned(),
        caption: caption.to_owned(),
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        rows,
    }
}

pub(super) fn cell(findings: &[Finding], network: &str, measure: &str, array: &str, digits: usize) -> String {
    mean(&values(findings, network, measure, array)).map_or_else(|| "–".to_owned(), |v| format_value(v, digits))
}

/// The mean over seeds of a row's first null of a kind.
pub(super) fn null(findings: &[Finding], network: &str, measure: &str, array: &str, kind: &str) -> String {
    let of = |f: &&Finding| f.run.network == network && f.measure == measure && f.array == array;
    let nulls: Vec<f64> = findings
        .iter()
        .filter(of)
        .filter_map(|f| f.nulls.iter().find(|null| null.kind == kind).map(|null| null.mean))
        .collect();
    mean(&nulls).map_or_else(|| "–".to_owned(), |v| format_value(v, 3))
}

pub(super) fn all(findings: &[Finding], recorded: &[Recorded], settings: &Settings) -> Vec<SummaryTable> {
    let mut tables = vec![
        sweep(findings, settings),
        starts(findings, recorded),
        further::given_table(findings, &best_of_sizes(findings, settings), settings),
        further::toy_table(findings, settings),
        assumptions(settings),
    ];
    tables.retain(|table| !table.rows.is_empty());
    tables
}

fn sweep(findings: &[Finding], settings: &Settings) -> SummaryTable {
    let mut rows = Vec::new();
    for &alpha in &settings.alphas {
        let network = sweep_network(alpha);
        for size in &settings.sizes {
            let array = format!("n{size}");
            if values(findings, &network, "mmcs", &array).is_empty() {
                continue;
            }
            let of = |measure: &str, digits| cell(findings, &network, measure, &array, digits);
            rows.push(vec![
                word(alpha),
                format!("{size}"),
                of("mmcs", 3),
                null(findings, &network, "mmcs", &array, "examples"),
                null(findings, &network, "mmcs", &array, "random_directions"),
                of("recall", 3),
                of("precision_in_use", 3),
                of("hungarian_cosine", 3),
                of("duplicate_share", 3),
                of("dead_latents", 0),
                of("l0", 2),
                of("fvu", 3),
                of("code_correlation", 3),
                of("shrinkage_slope", 3),
                of("steps_to_mmcs", 0),
            ]);
        }
    }
    table(
        "Every dictionary of the sweep",
        "Means over seeds. Codes are measured on held-out examples; correlation and slope are medians over features recovered at \
         cosine .9. Steps: the first recorded one at which MMCS is .9 or more, over the seeds that reached it.",
        &[
            "α",
            "latents",
            "MMCS",
            "as many examples",
            "random",
            "recall",
            "precision in use",
            "matched cosine",
            "duplicates",
            "dead",
            "L0",
            "FVU",
            "code correlation",
            "slope",
            "steps to .9",
        ],
        rows,
    )
}

fn starts(findings: &[Finding], recorded: &[Recorded]) -> SummaryTable {
    let members = recorded.iter().find(|run| run.network.name == "starts").map(|run| &run.network.members);
    let rows = members.into_iter().flatten().map(|member| {
        let of = |measure: &str, digits| cell(findings, "starts", measure, &member.name, digits);
        let reached = values(findings, "starts", "steps_to_mmcs", &member.name).len();
        let seeds = values(findings, "starts", "mmcs", &member.name).len();
        vec![
            member.name.replace('_', " "),
            of("mmcs", 3),
            of("recall", 3),
            of("fvu", 3),
            of("l0", 2),
            of("dead_latents", 0),
            of("steps_to_mmcs", 0),
            format!("{reached} of {seeds}"),
            of("steps_to_end", 0),
            of("agreement_of_starts", 3),
        ]
    });
    table(
        "First weights of the decoder",
        "Dictionaries with as many latents as there are features, on the same examples; the encoder starts as PyTorch's linear \
         layers do. Steps to .9: the first recorded one with an MMCS of .9, over the seeds that reached it; beside it the first with .9 of \
         the MMCS at the end. `frozen`: a decoder of random directions that is never trained. Agreement: mean maximal cosine with the \
         dictionary that started orthogonal.",
        &[
            "start",
            "MMCS",
            "recall",
            "FVU",
            "L0",
            "dead",
            "steps to .9",
            "seeds that reached .9",
            "steps to .9 of the end",
            "agreement with orthogonal",
        ],
        rows.collect(),
    )
}

fn assumptions(settings: &Settings) -> SummaryTable {
    let s = settings;
    let row = |what: &str, here: String, doubt: &str| vec![what.to_owned(), here, doubt.to_owned()];
    let correlation = match s.correlation {
        Correlation::None => "none",
        Correlation::ShiftedUniform => "a symmetrised uniform matrix, shifted to be positive definite",
        Correlation::NormalGram => "A Aᵀ over its largest entry, A of normal numbers",
        Correlation::NormalMixing => "normal numbers mixed by a normal matrix",
    };
    let redraw = match s.redraw {
        Redraw::Batch => "once a batch: within a batch features are independent",
        Redraw::Dataset => "once for all data: features are independent",
        Redraw::Sample => "once an example: features occur together",
    };
    let codes = match s.codes {
        Uniforms::One => "uniform in [0, 1)",
        Uniforms::Product => "the product of two uniform numbers, the replication's bug",
    };
    let rare = s.decay.powf(s.features as f64 - 1.0);
    table(
        "What the toy data assume",
        "The report's authors say these assumptions are not well fleshed out. What they say of real activations is beside each.",
        &["assumption", "here", "of real activations"],
        vec![
            row(
                "features are directions",
                match s.directions {
                    Directions::Random => format!("{} directions, uniform on the sphere", s.features),
                    Directions::ToyModel => format!("{} directions, laid out by a toy model", s.features),
                },
                "not known; some may be several dimensions wide, or lie near each other",
            ),
            row(
                "activations add features up",
                "linear, nothing negative in the codes".into(),
                "a ReLU or a normalisation follows or precedes; interference is then not additive",
            ),
            row(
                "features a dimension",
                format!("{} / {} = {}", s.features, s.width, word(s.features as f64 / s.width as f64)),
                "not known, and probably far more: 2 is favourable",
            ),
            row("features present", format!("{} of {} on average", word(s.active), s.features), "not known"),
            row(
                "frequencies",
                format!("falling geometrically, the rarest {} of the commonest", format_value(rare, 4)),
                "nearer to a power law, as far as dictionaries of language models tell",
            ),
            row("correlation of frequencies", correlation.into(), "features of one topic occur together"),
            row("drawn", redraw.into(), "every token has its own context"),
            match s.scale {
                Scale::Codes => row("sizes", codes.into(), "unimodal, or with a heavy tail"),
                Scale::Features => row(
                    "sizes",
                    "one a feature, uniform in [0, 1), whenever it is present".into(),
                    "differ between features and between examples",
                ),
            },
            row("empty examples", "one random feature set to 1".into(), "none known"),
            row(
                "bias and noise",
                format!("no bias; noise of deviation {}", s.noise),
                "a mean far from zero, and dense directions",
            ),
        ],
    )
}

/// The dictionary of each size at its best penalty: a label, the network, the array.
pub(super) fn best_of_sizes(findings: &[Finding], settings: &Settings) -> Vec<(String, String, String)> {
    let large = settings.sizes.iter().filter(|size| **size >= settings.features as f64);
    let of = |size: &f64| {
        let array = format!("n{size}");
        let at = |alpha: &f64| Some((*alpha, mean(&values(findings, &sweep_network(*alpha), "mmcs", &array))?));
        let (alpha, _) = settings.alphas.iter().filter_map(at).max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some((format!("{size} latents, α = {}", word(alpha)), sweep_network(alpha), array))
    };
    large.filter_map(of).collect()
}

/// What the chance level of the page's texts is.
pub(super) fn unlearned(findings: &[Finding], array: &str) -> String {
    cell(findings, UNLEARNED, "mmcs", array, 2)
}
