//! The elements as points: principal components and t-SNE of what a network holds of each of them.

use kymograph_linalg::Real;
use kymograph_measures::embeddings::{TsneOptions, knn_label_purity, pca, tsne};
use kymograph_measures::groups::circuit::Circuit;
use kymograph_measures::groups::{Group, conjugacy_classes};
use kymograph_report::{Figure, FigureKind, Scatter, ScatterPanel, Section, Width};
use ndarray::{Array1, Array2};

use super::super::sections::place as put;

/// Classes that can still be told apart by colour.
const MOST_CLASSES: usize = 10;
/// Neighbours of an element that are asked for their class.
const NEIGHBOURS: usize = 5;
/// Elements from which a t-SNE says anything.
const FEWEST: usize = 20;

/// Draws the left embedding, the right one and the unembedding, a point an element.
pub(super) fn draw<T: Real>(section: &mut Section, name: &str, circuit: &Circuit<'_, T>) {
    let group = circuit.group;
    let classes = Classes::of(group);
    let wide = |table: ndarray::ArrayView2<'_, T>| table.mapv(Real::to_f64);
    let tables = [
        ("left embedding", wide(circuit.embed_x)),
        ("right embedding", wide(circuit.embed_y)),
        ("unembedding", wide(circuit.unembed.t())),
    ];
    let mut panels = Vec::new();
    for (title, table) in &tables {
        let Ok(found) = pca(table.view(), 2) else { continue };
        let label = |at: usize| format!("component {} ({:.0} %)", at + 1, 100.0 * found.explained[at]);
        panels.push(classes.panel(group, title, [label(0), label(1)], &found.scores));
    }
    let caption = "What the network holds of each element, along the two directions that hold most of its variance (share in \
                   brackets). A representation of one dimension, such as the sign, shows as two groups along a component.";
    put(section, &format!("{name}-pca"), classes.figure("Principal components of the elements", panels), caption);
    if group.order() < FEWEST {
        return;
    }
    let mut panels = Vec::new();
    let mut shares = Vec::new();
    for (title, table) in &tables {
        let options =
            TsneOptions { perplexity: 30.0_f64.min((group.order() - 1) as f64 / 3.0), ..TsneOptions::default() };
        let Ok(found) = tsne(table.view(), &options) else { continue };
        panels.push(classes.panel(group, title, [String::new(), String::new()], &found.embedding));
        let labels: Array1<i64> = classes.of_element.iter().map(|class| *class as i64).collect();
        let share = |points: &Array2<f64>| knn_label_purity(points.view(), labels.view(), NEIGHBOURS).map(|r| r.value);
        if let (Ok(before), Ok(after)) = (share(table), share(&found.embedding)) {
            shares.push(format!("{title} {before:.2} before and {after:.2} after"));
        }
    }
    if classes.names.len() == 1 {
        shares.clear();
    }
    let measured = match shares.is_empty() {
        true => String::new(),
        false => format!(
            " The share of an element's {NEIGHBOURS} nearest neighbours that lie in its own class, {:.2} by chance: {}.",
            classes.by_chance(),
            shares.join("; ")
        ),
    };
    let caption = format!("t-SNE keeps neighbours and not distances, and finds groups in noise too.{measured}");
    put(section, &format!("{name}-tsne"), classes.figure("t-SNE of the elements", panels), &caption);
}

/// Conjugacy classes as colours, where there are few of them; else all elements alike.
struct Classes {
    names: Vec<String>,
    of_element: Vec<usize>,
}

impl Classes {
    fn of(group: &Group) -> Self {
        let classes = conjugacy_classes(group);
        let mut of_element = vec![0; group.order()];
        if classes.len() > MOST_CLASSES {
            return Self { names: vec![String::new()], of_element };
        }
        for (class, elements) in classes.iter().enumerate() {
            elements.iter().for_each(|&element| of_element[element] = class);
        }
        let name = |elements: &Vec<usize>| format!("like {}", group.element_name(elements[0]));
        Self { names: classes.iter().map(name).collect(), of_element }
    }

    /// The share of neighbours in the same class if they were drawn at random.
    fn by_chance(&self) -> f64 {
        let n = self.of_element.len() as f64;
        let sizes = (0..self.names.len()).map(|class| self.of_element.iter().filter(|c| **c == class).count() as f64);
        sizes.map(|size| size / n * (size - 1.0) / (n - 1.0)).sum()
    }

    fn panel(&self, group: &Group, title: &str, labels: [String; 2], points: &Array2<f64>) -> ScatterPanel {
        let [x_label, y_label] = labels;
        ScatterPanel {
            title: title.to_owned(),
            x_label,
            y_label,
            points: points.outer_iter().map(|row| [row[0], row[1]]).collect(),
            classes: self.of_element.clone(),
            names: (0..group.order()).map(|element| group.element_name(element).to_owned()).collect(),
            range: None,
        }
    }

    fn figure(&self, title: &str, panels: Vec<ScatterPanel>) -> Option<Figure> {
        (!panels.is_empty()).then(|| Figure {
            title: title.to_owned(),
            note: match self.names.len() {
                1 => String::new(),
                _ => "A point an element, coloured by conjugacy class.".to_owned(),
            },
            width: Width::Double,
            kind: FigureKind::Scatter(Scatter {
                classes: self.names.clone(),
                named_in_place: false,
                equal_units: true,
                panels,
            }),
        })
    }
}
