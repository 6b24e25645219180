//! Draws every kind of figure and two pages from made-up findings, to look at: `cargo run --example gallery -- DIR`.

mod extremes;
mod sliders;

use std::collections::BTreeMap;
use std::path::Path;

use kymograph_findings::{Finding, JudgedPrediction, Judgement, Null, Outcome, RunKey, Stated, Verdict};
use kymograph_report::standard::{
    MarkedValue, PairAxis, Selection, Trace, curves_over_steps, pair_table, parts_histogram, similarity_maps,
    training_curves, verdict_forest,
};
use kymograph_report::*;

const LAYERS: [&str; 9] = [
    "conv1.weight",
    "conv2.weight",
    "conv3.weight",
    "fc.weight",
    "net.1.weight",
    "net.3.weight",
    "net.5.weight",
    "net.7.weight",
    "net.9.weight",
];

/// A repeatable number in 0..1.
fn noise(seed: u64) -> f64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 31;
    x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 29;
    (x >> 11) as f64 / (1u64 << 53) as f64
}

fn finding(measure: &str, seed: Option<u64>, array: &str, steps: &[u64], value: f64, null: [f64; 3]) -> Finding {
    Finding {
        measure: measure.into(),
        options: BTreeMap::from([("seed".to_string(), "0".to_string())]),
        run: RunKey { network: "cnn".into(), seed, control: None },
        array: array.into(),
        other_array: None,
        steps: steps.to_vec(),
        value: Some(value),
        interval: Some([value - 0.01, (value + 0.008).min(1.0)]),
        nulls: vec![Null {
            kind: "permuted_units".into(),
            mean: null[1],
            interval: [null[0], null[2]],
            n: 200,
            p: Some(0.005),
        }],
        ceiling: None,
        parts: BTreeMap::new(),
        n: Some(32),
        notes: vec![],
        version: 1,
    }
}

fn findings(steps: &[u64], seeds: &[Option<u64>]) -> Vec<Finding> {
    let mut out = Vec::new();
    for (s, seed) in seeds.iter().enumerate() {
        for (l, layer) in LAYERS.iter().enumerate() {
            for (i, a) in steps.iter().enumerate() {
                for b in &steps[i + 1..] {
                    let key = (s * 1000 + l * 100 + i * 10) as u64 + b;
                    let way = ((*b as f64 + 1.0).ln() - (*a as f64 + 1.0).ln()).abs();
                    let value = 1.0 - 0.02 * (l as f64 + 1.0) * way.powf(0.8) * (0.8 + 0.4 * noise(key)) / 2.0;
                    out.push(finding("same_index_cosine", *seed, layer, &[*a, *b], value, [-0.06, 0.02, 0.11]));
                }
            }
            for (i, a) in steps.iter().enumerate() {
                let grown = (*a as f64 + 1.0).ln() / 8.0;
                let value = 0.05 + 0.12 * grown * (1.0 - l as f64 / 12.0) + 0.01 * noise((s * 77 + l * 7 + i) as u64);
                let mut f = finding("kmeans_silhouette", *seed, layer, &[*a], value, [0.04, 0.055, 0.07]);
                let spread = (0..60).map(|k| value - 0.04 * noise((k * 31 + i * 5 + l) as u64)).collect();
                f.parts.insert("silhouette_by_seed".into(), spread);
                out.push(f);
            }
        }
    }
    let mut missing = finding("effective_dimension", seeds[0], "relu1", &[steps[0]], 0.0, [0.0, 0.0, 0.0]);
    (missing.value, missing.interval, missing.nulls) = (None, None, vec![]);
    missing.notes.push("no probe was recorded with this run, so activations cannot be computed".into());
    out.push(missing);
    out
}

struct Made<'a> {
    name: &'a str,
    hypothesis: &'a str,
    text: &'a str,
    source: &'a str,
    decision: &'a str,
    threshold: &'a [f64],
    values: &'a [f64],
    null: Option<[f64; 3]>,
    judgement: Judgement,
    reason: &'a str,
    rows: Vec<usize>,
}

fn prediction(made: Made<'_>) -> JudgedPrediction {
    let n = made.values.len();
    let mean = made.values.iter().sum::<f64>() / n.max(1) as f64;
    let half = 0.03;
    JudgedPrediction {
        name: made.name.into(),
        hypothesis: made.hypothesis.into(),
        text: made.text.into(),
        source: made.source.into(),
        quantity: "same_index_cosine of conv1.weight between steps 100 and 2000, mean over units".into(),
        estimate: (n > 0).then_some(mean),
        interval: (n > 1).then_some([mean - half, mean + half]),
        per_seed: made.values.to_vec(),
        n_seeds: n,
        min_seeds: if n > 1 { 3 } else { 5 },
        decision: made.decision.into(),
        thresholds: made.threshold.to_vec(),
        null: made.null.map(|[low, mean, high]| Null {
            kind: "permuted_units".into(),
            mean,
            interval: [low, high],
            n: 200,
            p: Some(0.005),
        }),
        judgement: made.judgement,
        reason: made.reason.into(),
        rows: made.rows,
        repeat: "kymograph judge runs/cnn --predictions studies/phases/predictions.toml".into(),
    }
}

fn predictions(several: bool) -> Vec<JudgedPrediction> {
    let values = |v: [f64; 3]| if several { v.to_vec() } else { v[..1].to_vec() };
    let open = "1 seed of the 5 needed, so nothing is decided.";
    let judged = |j: Judgement| if several { j } else { Judgement::Undecided };
    let reason = |r: &'static str| if several { r } else { open };
    vec![
        prediction(Made {
            name: "early_filters_differ",
            hypothesis: "A",
            text: "Early and late first-layer filters have a cosine below 0.5",
            source: "“cosine early/late filters < 0.5 (example .35 then .68)”",
            decision: "below 0.5",
            threshold: &[0.5],
            values: &values([0.971, 0.962, 0.981]),
            null: Some([-0.11, 0.02, 0.13]),
            judgement: judged(Judgement::Refuted),
            reason: reason("The whole interval lies above 0.5."),
            rows: vec![0, 1, 2],
        }),
        prediction(Made {
            name: "early_filters_stay",
            hypothesis: "B",
            text: "Early and late first-layer filters have a cosine above 0.7",
            source: "“cosine early/late filters > 0.7 (example .78 then .82)”",
            decision: "above 0.7",
            threshold: &[0.7],
            values: &values([0.971, 0.962, 0.981]),
            null: Some([-0.11, 0.02, 0.13]),
            judgement: judged(Judgement::Held),
            reason: reason("The whole interval lies above 0.7; the random walk of equal displacement gives the same."),
            rows: vec![0, 1],
        }),
        prediction(Made {
            name: "silhouette_rises",
            hypothesis: "A",
            text: "The silhouette of filter clusters rises from step 100 to step 2000",
            source: "“silhouette of filter clusters increases”; published .1018, .1403, .1900",
            decision: "contrast above 0",
            threshold: &[0.0],
            values: &values([0.081, 0.02, 0.11]),
            null: None,
            judgement: judged(Judgement::Undecided),
            reason: reason("The interval reaches 0."),
            rows: vec![],
        }),
        prediction(Made {
            name: "attention_entropy_falls",
            hypothesis: "A",
            text: "Attention entropy falls",
            source: "“attention entropy decreases (2.8, 1.9, 1.4)”",
            decision: "below 0",
            threshold: &[0.0],
            values: &[],
            null: None,
            judgement: Judgement::NotMeasured,
            reason: "There is no attention layer in these networks.",
            rows: vec![],
        }),
    ]
}

fn verdict(several: bool) -> Verdict {
    Verdict {
        title: "Does the CNN learn in phases, or by refinement?".into(),
        hypotheses: BTreeMap::from([
            ("A".into(), "Learning passes through qualitative phases: late filters are other filters than early ones.".into()),
            ("B".into(), "Learning refines what is there: filters keep their identity and improve.".into()),
        ]),
        outcome: if several { Outcome::Neither } else { Outcome::Undecided },
        sentence: if several {
            "Neither A nor B: each had at least one of its predictions refuted (A 3 of 5, B 1 of 5) at 3 seeds.".into()
        } else {
            "Undecided: three checkpoints of a single seed cannot decide between A and B.".into()
        },
        stated: if several { Stated::Beforehand } else { Stated::Afterwards },
        rule: "A hypothesis stands when none of its predictions is refuted, at least half are held, and its rival has one refuted.".into(),
        predictions: predictions(several),
        remedy: (!several).then(|| "kymograph run phases --seeds 0..8 --out phases-8-seeds".into()),
    }
}

fn traces() -> Vec<Trace> {
    let steps: Vec<u64> = (0..=2000).step_by(20).collect();
    let mut out = Vec::new();
    for seed in 0..3u64 {
        for (label, lift) in [("train", 0.0), ("held out", 0.05)] {
            let wiggle = |s: u64, i: usize| 0.04 * noise(seed * 10_000 + s + i as u64 + (lift * 100.0) as u64);
            let loss = |(i, s): (usize, &u64)| 2.3 * (-(*s as f64) / 90.0).exp() + 0.06 + lift + wiggle(*s, i);
            let accuracy =
                |(i, s): (usize, &u64)| 0.985 - 0.88 * (-(*s as f64) / 80.0).exp() - lift / 3.0 - wiggle(*s, i) / 4.0;
            for (panel, values) in [
                ("loss (nats)", steps.iter().enumerate().map(loss).collect::<Vec<f64>>()),
                ("accuracy", steps.iter().enumerate().map(accuracy).collect()),
            ] {
                out.push(Trace {
                    panel: panel.into(),
                    label: label.into(),
                    run: format!("seed {seed}"),
                    steps: steps.clone(),
                    values,
                });
            }
        }
    }
    out
}

fn place(name: &str, figure: Option<Figure>, caption: &str) -> Option<PlacedFigure> {
    figure.map(|figure| PlacedFigure {
        name: name.into(),
        alt: format!("{}. {caption}", figure.title),
        figure,
        caption: caption.into(),
        note: String::new(),
        frames: None,
    })
}

fn page(several: bool) -> Page {
    let steps: Vec<u64> = if several {
        vec![0, 1, 2, 4, 8, 16, 32, 64, 100, 128, 256, 512, 1000, 1024, 2000]
    } else {
        vec![100, 1000, 2000]
    };
    let seeds: Vec<Option<u64>> = if several { vec![Some(0), Some(1), Some(2)] } else { vec![None] };
    let findings = findings(&steps, &seeds);
    let verdict = verdict(several);
    let cosine = Selection::new("cnn", "same_index_cosine");
    let silhouette = Selection::new("cnn", "kmeans_silhouette");
    let conv1 = Selection { arrays: &["conv1.weight"], ..silhouette };
    let thresholds = [
        Threshold { value: 0.5, label: "A: below 0.5".into() },
        Threshold { value: 0.7, label: "B: above 0.7".into() },
    ];
    let published: Vec<MarkedValue<'_>> = [(100, 0.1018), (1000, 0.1403), (2000, 0.19)]
        .into_iter()
        .map(|(step, value)| MarkedValue { array: "conv1.weight", step, label: "published", value })
        .collect();
    let at = if several { vec![100, 1000, 2000] } else { steps.clone() };
    let at_published: Vec<Finding> = findings.iter().filter(|f| at.contains(&f.steps[0])).cloned().collect();
    let mut training = Vec::new();
    if several {
        training.extend(place("training", training_curves("Loss and accuracy", &traces()), "Loss and accuracy on the training batches and on 2,000 held-out images. Most of the fall is over by step 100, before the first published checkpoint."));
    }
    let weights = [
        place(
            "verdict",
            verdict_forest(&verdict, &findings),
            "Every prediction with its interval over seeds; grey is the null. A careful reader looks first at whether the null already satisfies the threshold.",
        ),
        place(
            "cosine-pairs",
            pair_table(&findings, &cosine, Some([0.0, 1.0]), 3),
            "Cosine of each unit's incoming weights with itself at another step, mean over units.",
        ),
        place(
            "cosine-maps",
            similarity_maps(&findings, &cosine, Some([0.0, 1.0]), Some(1.0)),
            "The same for all pairs of steps.",
        ),
        place(
            "cosine-curves",
            curves_over_steps(&findings, &cosine, PairAxis::FromFirst, Some([0.0, 1.0]), &thresholds),
            "Cosine with the first step. The null is the cosine with another unit.",
        ),
        place(
            "silhouette-curves",
            curves_over_steps(&findings, &silhouette, PairAxis::Neighbours, None, &[]),
            "Silhouette of the best of the k-means seeds.",
        ),
        place(
            "silhouette-seeds",
            parts_histogram(
                &at_published,
                &conv1,
                "silhouette_by_seed",
                "k-means seeds",
                Some("best inertia"),
                &published,
            ),
            "The published silhouettes lie inside the distribution over k-means seeds.",
        ),
        sliders::filters(&steps),
        sliders::layers(&steps),
        sliders::attention(&steps),
        sliders::against(&steps),
        sliders::clouds(&steps),
    ];
    Page {
        title: if several { "Phases or refinement?".into() } else { "Three checkpoints of cnn_deep".into() },
        subtitle: if several {
            "A CNN and an MLP trained on MNIST for 2,000 steps, with 3 seeds each, measured at 15 steps.".into()
        } else {
            "Weights at steps 100, 1000 and 2000 from a folder of PyTorch checkpoints.".into()
        },
        kind: if several { PageKind::Study } else { PageKind::Analysis },
        verdicts: vec![verdict],
        findings,
        sections: vec![
            Section { title: "Training".into(), text: "How the networks learned, as context for what follows.".into(), figures: training, links: Vec::new() },
            Section {
                title: "Weights over training".into(),
                text: "Each layer's units are compared with themselves at other steps. High cosine between near steps is what a small step gives; the random walk of equal displacement is the null that matters.\n\nNumbers in cells are means over seeds.".into(),
                links: Vec::new(),
                figures: weights.into_iter().flatten().collect(),
            },
        ],
        tables: vec![SummaryTable {
            title: "Published beside measured".into(),
            caption: "The published cosines are those of conv1 alone; the same measure on all layers stands beside them.".into(),
            columns: ["Layer", "100–1000", "1000–2000", "100–2000", "Null", "Published 100–1000"].map(String::from).to_vec(),
            rows: vec![
                ["conv1 (32 × 9)", "0.985", "0.996", "0.971", "0.02 [−0.68, 0.70]", "0.985"].map(String::from).to_vec(),
                ["conv2 (64 × 288)", "0.886", "0.969", "0.817", "0.00 [−0.12, 0.12]", "–"].map(String::from).to_vec(),
                ["fc (10 × 1152)", "0.833", "0.946", "0.739", "0.00 [−0.06, 0.06]", "–"].map(String::from).to_vec(),
            ],
        }],
        facts: vec![
            ("Data".into(), "MNIST, 10,000 images packed with the program: 8,000 train, 2,000 held out".into()),
            ("Seeds".into(), if several { "0, 1, 2".into() } else { "unknown (foreign checkpoints)".into() }),
            ("Software".into(), "kymograph 0.1.0".into()),
            ("CPU features".into(), "avx2 fma".into()),
            ("Nulls".into(), "permuted_units: 200 draws, the unit's partner drawn at random; interval: central 95 % of the draws".into()),
        ],
        warnings: if several {
            vec!["3 seeds: intervals over seeds are wide.".into()]
        } else {
            vec![
                "A single run: no interval over seeds exists, and nothing is decided.".into(),
                "No checkpoint at step 0: whatever happened before step 100 is not seen.".into(),
            ]
        },
        repeat: if several { "kymograph run phases --seeds 0..3".into() } else { "kymograph analyze checkpoints/ --predictions predictions.toml".into() },
        commands: BTreeMap::from([(0, "kymograph measure same_index_cosine a.pt:conv1.weight b.pt:conv1.weight".into())]),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args().nth(1).unwrap_or_else(|| "gallery".into());
    for (name, several) in [("study", true), ("analysis", false)] {
        let files = write_report(&Path::new(&dir).join(name), &page(several))?;
        println!("{}", files.page.display());
    }
    let figures = Path::new(&dir).join("figures");
    for (name, figure) in [
        ("raster", extremes::raster()),
        ("single-column", extremes::single_column(&LAYERS)),
        ("long-names", extremes::long_names()),
    ] {
        write_pdf(&write_figure(&figures, name, &figure)?.svg)?;
    }
    Ok(())
}
