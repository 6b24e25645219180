//! Pictures of one network at its last checkpoint: logits, neurons, and weights in the basis of a representation.

use kymograph_findings::Finding;
use kymograph_linalg::Real;
use kymograph_linalg::statistics::wilson_interval;
use kymograph_measures::groups::circuit::notebook::{change_of_basis, clusters_before_relu, unembedding_map};
use kymograph_measures::groups::circuit::{Circuit, Tables, tables};
use kymograph_measures::groups::{Group, Irrep};
use kymograph_report::{
    Axis, AxisScale, ColourMap, ColourScale, DotInterval, DotPanel, DotRow, Figure, FigureKind, HeatMap, HeatPanel,
    Histogram, HistogramPanel, Image, ImageGrid, PrintValues, Section, Width,
};
use ndarray::{Array2, ArrayView2};

use super::super::sections::place as put;
use super::embeddings;
use super::numbers::{Numbers, Placed, place, with_circuit};
use super::subject::Composer;
use crate::error::KymographError;

/// Neurons drawn one by one.
const MOST_NEURONS: usize = 6;
/// Rows of the hidden layer drawn beside ρ(ab), as the notebook draws them.
const FIRST_ROWS: usize = 10;
/// Key representations whose bases are drawn.
const MOST_BASES: usize = 4;
/// Groups above this order have no pictures of all pairs.
const LARGEST: usize = 240;
/// The published threshold of a neuron's squared part.
const THRESHOLD: f64 = 1.0;

/// What the runs of one network have in common: how often each representation is learned, and how many are.
pub(super) fn over_runs(network: &str, findings: &[Finding], irreps: &[String]) -> Section {
    let mut section = Section { title: format!("{network}: over runs"), ..Section::default() };
    let of = |measure: &'static str| findings.iter().filter(move |f| f.measure == measure && f.run.network == network);
    let runs = of("key_representations").count();
    if runs < 2 {
        return section;
    }
    let mut rows = Vec::new();
    for irrep in irreps {
        let values: Vec<f64> = of("key_representation").filter(|f| f.array == *irrep).filter_map(|f| f.value).collect();
        let hits = values.iter().filter(|v| **v > 0.5).count();
        if hits == 0 {
            continue;
        }
        rows.push(DotRow {
            label: irrep.clone(),
            estimate: Some(hits as f64 / values.len() as f64),
            interval: wilson_interval(hits, values.len(), 0.95).ok().map(|i| [i.low, i.high]),
            status: format!("{hits} of {}", values.len()),
            ..DotRow::default()
        });
    }
    let learned = Figure {
        title: format!("{network}: how often each representation is key"),
        note: "Share of runs whose final trace similarity is above .05.".into(),
        width: Width::Double,
        kind: FigureKind::DotInterval(DotInterval {
            interval_label: "95 % Wilson interval over runs".into(),
            null_label: String::new(),
            panels: vec![DotPanel {
                x: Axis { range: Some([0.0, 1.0]), ..Axis::linear("share of runs") },
                rows,
                ..DotPanel::default()
            }],
        }),
    };
    put(&mut section, &format!("{network}-key"), Some(learned), "Representations that are key in no run are left out.");
    let counts: Vec<f64> = of("key_representations").filter_map(|f| f.value).collect();
    let most = counts.iter().copied().fold(1.0, f64::max).round();
    let histogram = Figure {
        title: format!("{network}: number of key representations"),
        note: format!("{runs} runs."),
        width: Width::Single,
        kind: FigureKind::Histogram(Histogram {
            x: Axis { range: Some([0.5, most + 0.5]), ..Axis::linear("key representations") },
            count_label: "runs".into(),
            bins: Some(most as usize),
            panels: vec![HistogramPanel { values: counts, ..HistogramPanel::default() }],
            ..Histogram::default()
        }),
    };
    put(&mut section, &format!("{network}-key-count"), Some(histogram), "How many representations a run learns.");
    let mut order = Vec::new();
    for irrep in irreps {
        let steps: Vec<f64> = of("learned_at_step").filter(|f| f.array == *irrep).filter_map(|f| f.value).collect();
        if !steps.is_empty() {
            let sum: f64 = steps.iter().map(|s| s.max(1.0).ln()).sum();
            order.push(DotRow {
                label: irrep.clone(),
                estimate: Some((sum / steps.len() as f64).exp()),
                status: format!("{} of {runs}", steps.len()),
                values: steps.into_iter().map(|s| s.max(1.0)).collect(),
                ..DotRow::default()
            });
        }
    }
    let order = (!order.is_empty()).then(|| Figure {
        title: format!("{network}: when each representation is learned"),
        note: "First recorded step with trace similarity above .05: geometric mean and single runs.".into(),
        width: Width::Double,
        kind: FigureKind::DotInterval(DotInterval {
            panels: vec![DotPanel {
                x: Axis { scale: AxisScale::Log, ..Axis::linear("step") },
                rows: order,
                ..DotPanel::default()
            }],
            ..DotInterval::default()
        }),
    });
    put(&mut section, &format!("{network}-order"), order, "The order of learning, of the runs that learned each.");
    section
}

/// The pictures of one run.
pub(super) fn section(composer: &Composer, numbers: &Numbers) -> Result<Section, KymographError> {
    let mut section = Section { title: format!("{}: the last checkpoint opened", composer.key), ..Section::default() };
    let Some((_, path)) = composer.last() else {
        return Ok(section);
    };
    match place(composer, path)? {
        Placed::Narrow(network) => with_circuit(composer, &network, |c| draw(&mut section, composer, numbers, c))?,
        Placed::Wide(network) => with_circuit(composer, &network, |c| draw(&mut section, composer, numbers, c))?,
    }
    Ok(section)
}

fn draw<T: Real>(
    section: &mut Section,
    composer: &Composer,
    numbers: &Numbers,
    circuit: &Circuit<'_, T>,
) -> Result<(), KymographError> {
    let group = circuit.group;
    let name = composer.key.to_string();
    let key: Vec<&Irrep> = numbers.irreps.iter().filter(|irrep| numbers.key.contains(&irrep.name)).collect();
    let tables = tables(circuit)?;
    let by_neuron = circuit.embed_x.ncols() == circuit.width();
    let signs = by_neuron
        .then(|| clusters_before_relu(circuit, &numbers.irreps, THRESHOLD))
        .transpose()?
        .map(|clusters| clusters.of("sign").iter().copied().take(MOST_NEURONS).collect::<Vec<_>>())
        .unwrap_or_default();
    if group.order() <= LARGEST {
        let order = by_sign(group, &numbers.irreps);
        let (slice, neurons) = of_all_pairs(circuit, &order, &signs);
        let caption = "The logit of the first element over all pairs (a, b), beside what each key character alone would give, \
                       each scaled to its largest. Elements are ordered by sign, so that its blocks can be seen.";
        put(section, &format!("{name}-logit-slice"), Some(logit_slice(group, &key, &order, slice)), caption);
        let caption = "Activations over all pairs of the neurons of the sign representation: on where both signs agree, or \
                       where they differ.";
        put(section, &format!("{name}-sign-neurons"), sign_blocks(&signs, neurons), caption);
    }
    let caption = "What each neuron of the sign representation adds to the logit of every element, in the order of the \
                   released networks, beside the element's sign.";
    put(section, &format!("{name}-sign-unembedding"), sign_unembedding(circuit, &numbers.irreps, &signs), caption);
    embeddings::draw(section, &name, circuit);
    for irrep in key.iter().filter(|irrep| irrep.degree <= 6).take(MOST_BASES) {
        bases(section, &name, circuit, &tables, irrep);
    }
    Ok(())
}

/// Elements with the positive sign first, where the group has that representation; else as they come.
fn by_sign(group: &Group, irreps: &[Irrep]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..group.order()).collect();
    if let Some(sign) = irreps.iter().find(|irrep| irrep.name == "sign") {
        order.sort_by_key(|&element| sign.character[element] < 0.0);
    }
    order
}

/// The logit of element 0 and the chosen neurons over all pairs, rows and columns in the order given.
fn of_all_pairs<T: Real>(circuit: &Circuit<'_, T>, order: &[usize], neurons: &[usize]) -> (Image, Vec<Image>) {
    let n = order.len();
    let image = || Image { height: n, width: n, values: Vec::with_capacity(n * n) };
    let (mut slice, mut pictures) = (image(), vec![image(); neurons.len()]);
    let mut hidden = Array2::<T>::zeros((n, circuit.width()));
    let mut logits = Array2::<T>::zeros((n, n));
    for &a in order {
        (circuit.block)(a, &mut hidden, &mut logits);
        for &b in order {
            slice.values.push(logits[[b, 0]].to_f64() as f32);
            for (picture, &neuron) in pictures.iter_mut().zip(neurons) {
                picture.values.push(hidden[[b, neuron]].to_f64() as f32);
            }
        }
    }
    (slice, pictures)
}

fn scaled(mut image: Image) -> Image {
    let largest = image.values.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    image.values.iter_mut().for_each(|v| *v /= largest);
    image
}

fn diverging(label: &str, range: Option<[f64; 2]>) -> ColourScale {
    ColourScale { label: label.to_owned(), range, map: ColourMap::Diverging { centre: 0.0 } }
}

fn logit_slice(group: &Group, key: &[&Irrep], order: &[usize], slice: Image) -> Figure {
    let mut columns = vec!["network".to_owned()];
    let mut cells = vec![Some(scaled(slice))];
    for irrep in key.iter().take(4) {
        let inverse = group.inverse(0);
        let value = |&a: &usize, &b: &usize| irrep.character[group.product(group.product(a, b), inverse)] as f32;
        let values = order.iter().flat_map(|a| order.iter().map(move |b| value(a, b))).collect();
        columns.push(irrep.name.clone());
        cells.push(Some(scaled(Image { height: order.len(), width: order.len(), values })));
    }
    Figure {
        title: "Logit of one element over all pairs".into(),
        note: "Rows are a, columns are b.".into(),
        width: Width::Double,
        kind: FigureKind::ImageGrid(ImageGrid {
            row_axis: String::new(),
            column_axis: String::new(),
            rows: vec![String::new()],
            columns,
            cells: vec![cells],
            colour: diverging("logit / largest", Some([-1.0, 1.0])),
        }),
    }
}

fn sign_blocks(neurons: &[usize], pictures: Vec<Image>) -> Option<Figure> {
    (!neurons.is_empty()).then(|| Figure {
        title: "Neurons of the sign representation over all pairs".into(),
        note: "Rows are a, columns are b, ordered by sign.".into(),
        width: Width::Double,
        kind: FigureKind::ImageGrid(ImageGrid {
            row_axis: String::new(),
            column_axis: "neuron".into(),
            rows: vec![String::new()],
            columns: neurons.iter().map(usize::to_string).collect(),
            cells: vec![pictures.into_iter().map(Some).collect()],
            colour: ColourScale { label: "activation".into(), range: None, map: ColourMap::Sequential },
        }),
    })
}

fn sign_unembedding<T: Real>(circuit: &Circuit<'_, T>, irreps: &[Irrep], neurons: &[usize]) -> Option<Figure> {
    let sign = irreps.iter().find(|irrep| irrep.name == "sign").filter(|_| !neurons.is_empty())?;
    let mut rows = vec!["sign".to_owned()];
    let mut values: Vec<Vec<Option<f64>>> = vec![sign.character.iter().copied().map(Some).collect()];
    for &neuron in neurons {
        rows.push(format!("neuron {neuron}"));
        values.push(circuit.unembed.row(neuron).iter().map(|v| Some(v.to_f64())).collect());
    }
    let columns = (0..circuit.group.order()).map(|i| i.to_string()).collect();
    Some(heat_map(
        "Unembedding of the sign neurons",
        ("", "element"),
        diverging("weight", None),
        vec![HeatPanel { title: String::new(), rows, columns, values }],
    ))
}

/// The hidden layer and the unembedding in the basis of one representation.
fn bases<T: Real>(section: &mut Section, name: &str, circuit: &Circuit<'_, T>, tables: &Tables, irrep: &Irrep) {
    let Ok(basis) = change_of_basis(tables, irrep) else {
        return;
    };
    let entries: Vec<String> = (0..irrep.degree * irrep.degree)
        .map(|at| format!("{},{}", at / irrep.degree + 1, at % irrep.degree + 1))
        .collect();
    let neurons: Vec<String> = (0..circuit.width()).map(|n| n.to_string()).collect();
    let figure = heat_map(
        &format!("From neurons to the entries of {}", irrep.name),
        ("entry", "neuron"),
        diverging("weight", None),
        vec![panel(String::new(), &entries, &neurons, basis.matrix.view())],
    );
    let caption = "ρ(ab)ᵀ times the hidden layer: how much each neuron holds of each matrix entry.";
    put(section, &format!("{name}-basis-{}", irrep.name), Some(figure), caption);
    let products: Vec<usize> =
        (0..FIRST_ROWS.min(circuit.group.order())).map(|b| circuit.group.product(0, b)).collect();
    let first = |table: &Array2<f64>| {
        let rows = table.select(ndarray::Axis(0), &products);
        let largest = rows.iter().fold(f64::MIN_POSITIVE, |most, v| most.max(v.abs()));
        rows / largest
    };
    let pairs: Vec<String> = (0..products.len()).map(|b| format!("0, {b}")).collect();
    let figure = heat_map(
        &format!("The hidden layer beside ρ(ab), {}", irrep.name),
        ("pair a, b", "entry"),
        diverging("value / largest", Some([-1.0, 1.0])),
        vec![
            panel("hidden layer".into(), &pairs, &entries, first(&basis.projected).view()),
            panel("ρ(ab)".into(), &pairs, &entries, first(&basis.rho).view()),
        ],
    );
    let caption = format!(
        "The first pairs: the hidden layer's ρ(ab) part in the basis of ρ, and ρ(ab). Over all pairs their cosine is {:.5}. It is \
         1 by construction for a representation of one dimension and asks of others only whether neurons use all entries \
         alike: not evidence that the network computes ρ(ab).",
        basis.cosine
    );
    put(section, &format!("{name}-rho-ab-{}", irrep.name), Some(figure), &caption);
    if let Ok(map) = unembedding_map(circuit, tables, irrep) {
        let scale = |m: &Array2<f64>| m / m.iter().fold(f64::MIN_POSITIVE, |most, v| most.max(v.abs()));
        let figure = heat_map(
            &format!("Unembedding in the basis of {}", irrep.name),
            ("entry of ρ(ab)", "entry of ρ(c⁻¹)"),
            diverging("weight / largest", Some([-1.0, 1.0])),
            vec![
                panel("network".into(), &entries, &entries, scale(&map.matrix).view()),
                panel("what tr ρ(ab)ρ(c⁻¹) needs".into(), &entries, &entries, scale(&map.expected).view()),
            ],
        );
        let caption = format!(
            "The unembedding between the entries of ρ(ab) and of ρ(c⁻¹), beside the map that would give the character; cosine \
             {:.4}. (The published cell compared it with a matrix of falsehoods, and took one basis from another \
             representation: cosine 0.)",
            map.cosine
        );
        put(section, &format!("{name}-unembedding-{}", irrep.name), Some(figure), &caption);
    }
}

fn panel(title: String, rows: &[String], columns: &[String], values: ArrayView2<'_, f64>) -> HeatPanel {
    HeatPanel {
        title,
        rows: rows.to_vec(),
        columns: columns.to_vec(),
        values: values.outer_iter().map(|row| row.iter().copied().map(Some).collect()).collect(),
    }
}

fn heat_map(title: &str, (rows, columns): (&str, &str), colour: ColourScale, panels: Vec<HeatPanel>) -> Figure {
    Figure {
        title: title.to_owned(),
        note: String::new(),
        width: Width::Double,
        kind: FigureKind::HeatMap(HeatMap {
            row_axis: rows.to_owned(),
            column_axis: columns.to_owned(),
            colour,
            panels,
            print: PrintValues::Never,
            decimals: 2,
            square: false,
        }),
    }
}
