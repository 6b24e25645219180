//! Findings in, exact figures out.

use std::collections::BTreeMap;

use kymograph_findings::{Null, RunKey};

use super::*;
use crate::figure::{Axis, AxisScale, FigureKind, Image};

fn finding(seed: Option<u64>, array: &str, steps: &[u64], value: f64) -> Finding {
    Finding {
        measure: "same_index_cosine".into(),
        options: BTreeMap::new(),
        run: RunKey { network: "cnn".into(), seed, control: None },
        array: array.into(),
        other_array: None,
        steps: steps.to_vec(),
        value: Some(value),
        interval: Some([value - 0.1, value + 0.1]),
        nulls: vec![Null { kind: "permuted_units".into(), mean: 0.0, interval: [-0.2, 0.2], n: 99, p: None }],
        ceiling: None,
        parts: BTreeMap::new(),
        n: Some(32),
        notes: vec![],
        version: 1,
    }
}

fn selection() -> Selection<'static> {
    Selection::new("cnn", "same_index_cosine")
}

#[test]
fn three_checkpoints_make_a_full_table_in_reading_order() {
    let findings = [
        finding(None, "conv1", &[100, 1000], 0.985),
        finding(None, "conv1", &[100, 2000], 0.971),
        finding(None, "conv1", &[1000, 2000], 0.996),
        finding(None, "fc", &[100, 1000], 0.833),
    ];
    let figure = pair_table(&findings, &selection(), None, 3).unwrap();
    let FigureKind::HeatMap(map) = &figure.kind else { panic!("a heat map") };
    assert_eq!(map.panels[0].columns, ["100–1000", "1000–2000", "100–2000"]);
    assert_eq!(map.panels[0].rows, ["conv1", "fc"]);
    assert_eq!(map.panels[0].values[0], [Some(0.985), Some(0.996), Some(0.971)]);
    assert_eq!(map.panels[0].values[1], [Some(0.833), None, None]);
    assert!(figure.note.contains("1 seed"));
}

#[test]
fn many_steps_show_neighbours_and_the_whole_way() {
    let steps = [0, 1, 2, 4, 8, 16];
    let mut findings = Vec::new();
    for (i, a) in steps.iter().enumerate() {
        for b in &steps[i + 1..] {
            findings.push(finding(Some(0), "conv1", &[*a, *b], 0.5));
        }
    }
    let FigureKind::HeatMap(map) = pair_table(&findings, &selection(), None, 2).unwrap().kind else { panic!() };
    assert_eq!(map.panels[0].columns, ["0–1", "1–2", "2–4", "4–8", "8–16", "0–16"]);
    let FigureKind::HeatMap(map) = similarity_maps(&findings, &selection(), None, Some(1.0)).unwrap().kind else {
        panic!()
    };
    let values = &map.panels[0].values;
    assert_eq!((values.len(), values[2][2], values[4][1], values[1][4]), (6, Some(1.0), Some(0.5), Some(0.5)));
}

#[test]
fn curves_average_seeds_with_a_t_interval_and_show_the_null() {
    let findings = [
        finding(Some(0), "conv1", &[0, 10], 0.1),
        finding(Some(1), "conv1", &[0, 10], 0.2),
        finding(Some(2), "conv1", &[0, 10], 0.3),
        finding(Some(0), "conv1", &[0, 20], 0.9),
        finding(Some(0), "conv1", &[10, 20], 0.7),
    ];
    let first = curves_over_steps(&findings, &selection(), PairAxis::FromFirst, None, &[]).unwrap();
    let FigureKind::Curves(curves) = &first.kind else { panic!() };
    let series = &curves.panels[0].series[0];
    assert_eq!(series.x, [10.0, 20.0]);
    assert!((series.y[0].unwrap() - 0.2).abs() < 1e-15);
    // s = .1, t(2) = 4.302653, so the half width is .1·4.302653/√3.
    let half = series.band[0].unwrap()[1] - 0.2;
    assert!((half - 0.1 * 4.302_653 / 3f64.sqrt()).abs() < 1e-9);
    assert_eq!(series.band[1], None, "one seed alone has no interval over seeds");
    assert_eq!(series.runs.len(), 3);
    assert_eq!(series.runs[1], ("seed 1".to_string(), vec![Some(0.2), None]));
    let null = curves.panels[0].null.as_ref().unwrap();
    assert!((null.interval[0][0] + 0.2).abs() < 1e-15 && null.label.contains("permuted units"));

    let near = curves_over_steps(&findings, &selection(), PairAxis::Neighbours, None, &[]).unwrap();
    let FigureKind::Curves(curves) = &near.kind else { panic!() };
    assert_eq!(curves.panels[0].series[0].y[1], Some(0.7), "neighbours of 20 are 10, not 0");
}

#[test]
fn one_run_shows_its_own_interval_and_says_so() {
    let figure =
        curves_over_steps(&[finding(None, "fc", &[5], 0.4)], &selection(), PairAxis::Neighbours, None, &[]).unwrap();
    assert!(figure.note.contains("not over seeds"), "{}", figure.note);
    let FigureKind::Curves(curves) = &figure.kind else { panic!() };
    assert_eq!(curves.panels[0].series[0].band, [Some([0.4 - 0.1, 0.4 + 0.1])]);
}

#[test]
fn controls_other_networks_and_other_options_stay_out() {
    let mut control = finding(Some(0), "conv1", &[1], 9.0);
    control.run.control = Some("other_order".into());
    let mut other = finding(Some(0), "conv1", &[1], 9.0);
    other.run.network = "mlp".into();
    let mut options = finding(Some(0), "conv1", &[1], 9.0);
    options.options.insert("centre".into(), "true".into());
    let findings = [control, finding(Some(0), "conv1", &[1], 0.5), other, options];
    let chosen = selection().of(&findings);
    assert_eq!(chosen.len(), 1);
    assert_eq!(chosen[0].value, Some(0.5));
    let wanted = Selection { options: &[("centre", "true")], ..selection() };
    assert_eq!(wanted.of(&findings)[0].options.len(), 1);
    assert!(curves_over_steps(&findings, &Selection::new("none", "x"), PairAxis::ToLast, None, &[]).is_none());
}

#[test]
fn unmeasured_findings_make_no_curve() {
    let mut missing = finding(None, "conv1", &[1], 0.0);
    missing.value = None;
    assert!(curves_over_steps(&[missing], &selection(), PairAxis::Neighbours, None, &[]).is_none());
}

#[test]
fn parts_become_a_histogram_with_marks() {
    let mut one = finding(None, "conv1", &[100], 0.147);
    one.parts.insert("silhouette_by_seed".into(), vec![0.10, 0.12, 0.147]);
    let marked = [
        MarkedValue { array: "conv1", step: 100, label: "published", value: 0.1018 },
        MarkedValue { array: "conv1", step: 1000, label: "published", value: 0.1403 },
    ];
    let figure =
        parts_histogram(&[one], &selection(), "silhouette_by_seed", "k-means seeds", Some("best inertia"), &marked)
            .unwrap();
    let FigureKind::Histogram(histogram) = &figure.kind else { panic!() };
    let panel = &histogram.panels[0];
    assert_eq!(panel.values, [0.10, 0.12, 0.147]);
    let marks: Vec<_> = panel.marks.iter().map(|m| (m.label.as_str(), m.value)).collect();
    assert_eq!(marks, [("published", 0.1018), ("best inertia", 0.147)]);
}

#[test]
fn a_diverged_run_breaks_its_line_and_nothing_else() {
    let trace = |run: &str, values: &[f64]| Trace {
        panel: "loss (nats)".into(),
        label: "train".into(),
        run: run.into(),
        steps: vec![0, 1],
        values: values.to_vec(),
    };
    let figure = training_curves("Loss", &[trace("a", &[2.0, f64::NAN]), trace("b", &[4.0, 1.0])]).unwrap();
    figure.check().unwrap();
    let FigureKind::Curves(curves) = &figure.kind else { panic!() };
    assert_eq!(curves.panels[0].series[0].y, [Some(3.0), Some(1.0)]);
    assert!(training_curves("Loss", &[trace("a", &[f64::NAN, f64::INFINITY])]).is_none());
}

#[test]
fn filters_are_read_by_their_shape() {
    let weight: Vec<f32> = (0..36).map(|v| v as f32).collect();
    let images = filter_images(&weight, &[2, 2, 3, 3], 8);
    assert_eq!(images.len(), 2);
    assert_eq!((images[1].height, images[1].values[0], images[1].values[8]), (3, 18.0, 26.0));
    assert_eq!(filter_images(&weight, &[9, 4], 3)[2].values, [8.0, 9.0, 10.0, 11.0]);
    assert!(filter_images(&weight, &[12, 3], 3).is_empty(), "3 inputs are no square");
    assert!(filter_images(&weight, &[2, 2, 3, 4], 3).is_empty(), "shape and values disagree");
    assert!(filter_grid("none", &[("0".into(), vec![])]).is_none());
}

#[test]
fn axes_over_steps_suit_the_steps() {
    assert_eq!(Axis::steps([0, 1, 2, 4, 8, 2000]).scale, AxisScale::SymlogFromZero);
    assert_eq!(Axis::steps([100, 1000, 2000]).scale, AxisScale::Log);
    assert_eq!(Axis::steps([0, 500, 1000, 1500, 2000]).scale, AxisScale::Linear);
    assert_eq!(Axis::steps([7]).scale, AxisScale::Linear);
    assert_eq!(Axis::steps([]).scale, AxisScale::Linear);
}

#[test]
fn filter_frames_share_one_scale_and_stand_in_rows_of_eight() {
    let images = |n: usize, v: f32| vec![Image { height: 1, width: 2, values: vec![0.5, v] }; n];
    let rows = [(0, images(10, 0.1)), (1, vec![]), (2000, images(10, -3.0))];
    let frames = filter_frames("filters", &rows).unwrap();
    let names: Vec<&str> = frames.frames.iter().map(|f| f.name.as_str()).collect();
    assert_eq!((names, frames.start), (vec!["0", "2000"], 1), "a step without images is left out");
    for frame in &frames.frames {
        frame.figure.check().unwrap();
        let FigureKind::ImageGrid(grid) = &frame.figure.kind else { panic!("a grid") };
        assert_eq!(grid.rows, ["0", "8"]);
        assert_eq!(grid.cells[1].iter().flatten().count(), 2);
        assert_eq!(grid.colour.range, Some([-3.0, 3.0]));
    }
    assert!(filter_frames("one step", &rows[..1]).is_none());
    assert!(filter_frames("none", &[(0, vec![]), (1, vec![])]).is_none());
}

#[test]
fn layers_against_layers_print_the_named_steps_and_slide_over_all() {
    let pair = |seed, step: u64, a: &str, b: &str, value| Finding {
        other_array: Some(b.into()),
        ..finding(Some(seed), a, &[step], value)
    };
    let mut findings = vec![finding(Some(0), "relu1", &[0, 100], 0.9)];
    for step in [0, 100, 2000] {
        findings.push(pair(0, step, "relu1", "relu2", 0.2 + step as f64 / 4000.0));
        findings.push(pair(1, step, "relu1", "relu2", 0.4 + step as f64 / 4000.0));
    }
    let (figure, frames) = layer_maps(&findings, &selection(), Some([0.0, 1.0]), Some(1.0), &[0, 2000]).unwrap();
    let FigureKind::HeatMap(map) = &figure.kind else { panic!("a heat map") };
    assert_eq!(map.panels.iter().map(|p| p.title.as_str()).collect::<Vec<_>>(), ["step 0", "step 2000"]);
    assert_eq!(map.panels[0].columns, ["relu1", "relu2"]);
    let close = |v: Option<f64>, to: f64| assert!((v.unwrap() - to).abs() < 1e-12, "{v:?}");
    close(map.panels[0].values[0][1], 0.3);
    close(map.panels[1].values[1][0], 0.8);
    close(map.panels[1].values[1][1], 1.0);
    assert_eq!(frames.frames.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["0", "100", "2000"]);
    // Without a given range all frames share that of the data.
    let (_, frames) = layer_maps(&findings, &selection(), None, None, &[0]).unwrap();
    for frame in &frames.frames {
        let FigureKind::HeatMap(map) = &frame.figure.kind else { panic!("a heat map") };
        let [low, high] = map.colour.range.unwrap();
        assert!((low - 0.3).abs() < 1e-12 && (high - 0.8).abs() < 1e-12);
    }
    assert!(figure.note.contains("permuted") && figure.note.contains("within"), "{}", figure.note);
    let prefixed = [pair(0, 0, "cnn.relu1", "relu2", 0.5)];
    let (figure, _) = layer_maps(&prefixed, &selection(), None, None, &[0]).unwrap();
    let FigureKind::HeatMap(map) = &figure.kind else { panic!("a heat map") };
    assert_eq!(map.panels[0].rows, ["relu1", "relu2"], "the title names the network");
    // Pairs of layers are no curves over steps.
    assert!(curves_over_steps(&findings[1..], &selection(), PairAxis::ToLast, None, &[]).is_none());
    assert!(layer_maps(&findings, &selection(), None, None, &[7]).is_none());
    assert!(layer_maps(&findings[..1], &selection(), None, None, &[0]).is_none());
}
