//! A page a latent, and an index of them: `latents/` beside the report.

use std::path::Path;

use kymograph_report::{
    Axis, ColourScale, DotInterval, DotPanel, DotRow, Figure, FigureKind, Histogram, HistogramPanel, ImageGrid,
    LeafPage, Link, LinkedTable, Section, SummaryTable, Threshold, Width, format_value, write_leaf,
};

use super::super::super::sections::place as put;
use super::fits::Fits;
use super::latents::{DRAWS, Example, Latent, SHOWN, Shared};
use super::look::{Look, Place};
use crate::error::KymographError;

/// Bins of a latent's activity.
const BINS: usize = 30;

/// Writes the pages of a transformer's latents into `folder`, replacing older ones; the names of the places that have some.
pub(super) fn write(
    folder: &Path,
    look: &Look,
    fits: &[Fits],
    count: usize,
) -> Result<Vec<&'static str>, KymographError> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(KymographError::file(folder))?;
    }
    let mut index = LeafPage {
        title: "Latents of a transformer's dictionaries".into(),
        subtitle: format!(
            "{} latents of each place, at evenly spaced ranks of density among those in use, the rarest first: chosen by this rule \
             and not by what they show. Transformer of seed {}, step {}; held-out images on which no dictionary was fitted.",
            count,
            look.seed,
            look.steps.last().copied().unwrap_or(0)
        ),
        kind: "Index".into(),
        links: vec![Link::new("../report.html", "the report")],
        ..LeafPage::default()
    };
    let mut places = Vec::new();
    for (place, fits) in look.places.iter().zip(fits).filter(|(place, _)| place.hook.is_some()) {
        let shared = Shared::of(look, place, fits)?;
        let chosen = shared.spread(count);
        let latents = chosen.iter().map(|&latent| shared.latent(latent)).collect::<Result<Vec<_>, KymographError>>()?;
        for (at, latent) in latents.iter().enumerate() {
            let file = folder.join(place.name).join(format!("{}.html", latent.index));
            write_leaf(&file, &page(place, latent, &latents, at))?;
        }
        index.tables.push(table(place, &latents));
        places.push(place.name);
    }
    write_leaf(&folder.join("index.html"), &index)?;
    Ok(places)
}

fn table(place: &Place, latents: &[Latent]) -> LinkedTable {
    let row = |latent: &Latent| {
        vec![
            latent.index.to_string(),
            percent(latent.of_tokens),
            percent(latent.of_images),
            format_value(mean(&latent.activity), 3),
            favourite(latent).map_or_else(String::new, |(class, share, _)| format!("{class} ({})", percent(share))),
            format_value(latent.information, 3),
            format_value(latent.information_null[1], 3),
            latent.nearest.first().map_or_else(String::new, |(_, cosine)| format_value(*cosine, 2)),
        ]
    };
    LinkedTable {
        table: SummaryTable {
            title: title_of(place),
            caption: "Information: between firing in an image and its class, in bits; beside it the 97.5 % quantile under permuted \
                      labels. Class: the one with the largest share of the images in which the latent fires."
                .into(),
            columns: [
                "latent", "of tokens", "of images", "mean activity", "class", "information", "permuted", "nearest cosine",
            ]
            .map(str::to_owned)
            .to_vec(),
            rows: latents.iter().map(row).collect(),
        },
        hrefs: latents.iter().map(|latent| Some(format!("{}/{}.html", place.name, latent.index))).collect(),
    }
}

/// A place in words.
pub(super) fn title_of(place: &Place) -> String {
    match (place.name, &place.hook) {
        (super::look::MLP, Some(hook)) => format!("Hidden layer of the MLP ({hook})"),
        (_, Some(hook)) => format!("Residual stream ({hook})"),
        _ => "Toy data".into(),
    }
}

fn page(place: &Place, latent: &Latent, all: &[Latent], at: usize) -> LeafPage {
    let mut links = vec![Link::new("../../report.html", "the report"), Link::new("../index.html", "all latents")];
    let other = |at: usize, text: &str| Link::new(format!("{}.html", all[at].index), text);
    if at > 0 {
        links.push(other(at - 1, "the next rarer one"));
    }
    if at + 1 < all.len() {
        links.push(other(at + 1, "the next more frequent one"));
    }
    let facts = vec![
        ("Place".into(), title_of(place)),
        ("Density".into(), format!("{} of tokens, {} of images", percent(latent.of_tokens), percent(latent.of_images))),
        (
            "Information on the class".into(),
            format!(
                "{} bits; permuted labels give {} on average and {} at the 97.5 % quantile ({DRAWS} draws)",
                format_value(latent.information, 3),
                format_value(latent.information_null[0], 3),
                format_value(latent.information_null[1], 3)
            ),
        ),
    ];
    let mut sections = vec![examples(latent), activity(latent, place), classes(latent), effects(latent)];
    sections.retain(|section| !section.figures.is_empty());
    let here = |index: usize| all.iter().any(|latent| latent.index == index);
    let nearest = LinkedTable {
        table: SummaryTable {
            title: "Nearest latents".into(),
            caption: "By the cosine of decoder directions, among latents in use; those without a link have no page."
                .into(),
            columns: vec!["latent".into(), "cosine".into()],
            rows: latent
                .nearest
                .iter()
                .map(|(other, cosine)| vec![other.to_string(), format_value(*cosine, 3)])
                .collect(),
        },
        hrefs: latent.nearest.iter().map(|(other, _)| here(*other).then(|| format!("{other}.html"))).collect(),
    };
    LeafPage {
        title: format!("Latent {}", latent.index),
        subtitle: format!("{}, standard dictionary of the last step", title_of(place)),
        kind: "Latent".into(),
        links,
        facts,
        sections,
        tables: vec![nearest],
    }
}

fn examples(latent: &Latent) -> Section {
    let mut section = Section { title: "Where it fires".into(), ..Section::default() };
    let grid = |title: &str, examples: &[Example]| {
        if examples.is_empty() {
            return None;
        }
        let mut rows = vec!["image".to_owned()];
        let mut cells = vec![examples.iter().map(|example| Some(example.image.clone())).collect::<Vec<_>>()];
        if examples.iter().all(|example| example.fires.is_some()) {
            rows.push("activity".into());
            cells.push(examples.iter().map(|example| example.fires.clone()).collect());
        }
        let name = |example: &Example| format!("{}: {}", example.class, format_value(example.activity, 2));
        let kind = FigureKind::ImageGrid(ImageGrid {
            row_axis: String::new(),
            column_axis: "class: largest activity".into(),
            rows,
            columns: examples.iter().map(name).collect(),
            cells,
            colour: ColourScale {
                label: "share of the largest".into(),
                range: Some([0.0, 1.0]),
                ..ColourScale::default()
            },
        });
        Some(Figure { title: title.to_owned(), note: String::new(), width: Width::Double, kind })
    };
    let caption = "The images with the largest activity, one column each: grey levels, and the latent's activity by pixel. A token \
                   is a run of pixels, nearly two rows of the image.";
    put(&mut section, "top-examples", grid("Top examples", &latent.top), caption);
    let caption = format!(
        "{SHOWN} images, or fewer, drawn at random from all in which it fires. Top examples alone make latents look purer than they are."
    );
    put(&mut section, "drawn-examples", grid("Examples drawn at random", &latent.drawn), &caption);
    section
}

fn activity(latent: &Latent, place: &Place) -> Section {
    let mut section = Section { title: "How strongly, and at which token".into(), ..Section::default() };
    let histogram = |title: &str, label: &str, values: Vec<f64>, bins: usize, range: Option<[f64; 2]>| {
        let kind = FigureKind::Histogram(Histogram {
            x: Axis { label: label.into(), range, ..Axis::default() },
            count_label: "tokens".into(),
            bins: Some(bins),
            shared_x: false,
            panels: vec![HistogramPanel { title: String::new(), values, marks: Vec::new() }],
        });
        Figure { title: title.to_owned(), note: String::new(), width: Width::Single, kind }
    };
    if !latent.activity.is_empty() {
        let figure = histogram("Activity where it fires", "activity", latent.activity.clone(), BINS, None);
        put(
            &mut section,
            "activity",
            Some(figure),
            "In units of the activations' deviation a dimension; tokens that do not use the latent are left out.",
        );
    }
    if place.tokens > 1 {
        let row = |(token, share): (usize, &f64)| DotRow {
            label: format!("token {token}"),
            estimate: Some(*share),
            ..DotRow::default()
        };
        let panel = DotPanel {
            title: String::new(),
            x: Axis {
                range: Some([0.0, latent.positions.iter().copied().fold(0.2, f64::max)]),
                ..Axis::linear("share")
            },
            thresholds: vec![Threshold { value: 1.0 / place.tokens as f64, label: "all tokens alike".into() }],
            rows: latent.positions.iter().enumerate().map(row).collect(),
        };
        let kind = FigureKind::DotInterval(DotInterval { panels: vec![panel], ..DotInterval::default() });
        let title = "Where in the image".to_owned();
        let figure = Figure { title, note: String::new(), width: Width::Single, kind };
        put(
            &mut section,
            "positions",
            Some(figure),
            "Of the tokens that use it, the share at each position from the top of the image to its bottom.",
        );
    }
    section
}

fn classes(latent: &Latent) -> Section {
    let mut section = Section { title: "On which classes".into(), ..Section::default() };
    let row = |(class, (share, _, null)): (usize, &(f64, f64, [f64; 2]))| DotRow {
        label: format!("class {class}"),
        estimate: Some(*share),
        null: Some(*null),
        ..DotRow::default()
    };
    let most = latent.classes.iter().map(|(share, _, null)| share.max(null[1])).fold(0.2, f64::max);
    let panel = DotPanel {
        title: String::new(),
        x: Axis { range: Some([0.0, most]), ..Axis::linear("share of the images in which it fires") },
        thresholds: Vec::new(),
        rows: latent.classes.iter().enumerate().map(row).collect(),
    };
    let null_label = "permuted labels, central 95 %".to_owned();
    let kind = FigureKind::DotInterval(DotInterval { panels: vec![panel], null_label, ..DotInterval::default() });
    let figure = Figure { title: "Classes".into(), note: String::new(), width: Width::Single, kind };
    let caption = "The grey bars are where the share lies when as many images are drawn whatever their class: about the base rate.";
    put(&mut section, "classes", (latent.of_images > 0.0).then_some(figure), caption);
    section
}

fn effects(latent: &Latent) -> Section {
    let mut section = Section { title: "What it does".into(), ..Section::default() };
    let row = |(class, (effect, null)): (usize, &(f64, f64))| DotRow {
        label: format!("class {class}"),
        estimate: Some(*effect),
        null: Some([-null.abs(), null.abs()]),
        ..DotRow::default()
    };
    let panel = DotPanel {
        title: String::new(),
        x: Axis::linear("change of the logit"),
        thresholds: vec![Threshold { value: 0.0, label: "none".into() }],
        rows: latent.effects.iter().enumerate().map(row).collect(),
    };
    let null_label = "as much of a random direction".to_owned();
    let kind = FigureKind::DotInterval(DotInterval { panels: vec![panel], null_label, ..DotInterval::default() });
    let figure = Figure { title: "Logits".into(), note: String::new(), width: Width::Single, kind };
    let caption = "With the latent less without it, mean over its top images: its part is taken from the activations, and the rest of \
                   the network runs on. The grey bars are the size of the change when as much of one random direction is taken.";
    put(&mut section, "logits", (!latent.effects.is_empty()).then_some(figure), caption);
    section
}

/// The class with the largest share of a latent's images.
fn favourite(latent: &Latent) -> Option<(usize, f64, f64)> {
    let classes = latent.classes.iter().enumerate().map(|(class, (share, base, _))| (class, *share, *base));
    classes.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
}

fn percent(share: f64) -> String {
    format!("{} %", format_value(100.0 * share, 2))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
