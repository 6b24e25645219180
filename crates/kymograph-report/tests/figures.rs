//! Every kind of figure: what is refused, what is written, and that it is the same each time.

mod common;

use common::{curves, dots, every_kind, figure, heat_map, histogram, image_grid, scatter};
use kymograph_report::{
    AxisScale, ColourMap, FigureKind, Mark, ReportError, Series, slug, to_csv, to_pdf, to_png, to_svg, write_figure,
};

#[test]
fn every_kind_is_valid_xml_and_draws() {
    for (name, figure) in every_kind() {
        let svg = to_svg(&figure, name).unwrap();
        let tree = resvg::usvg::Tree::from_str(&svg, &resvg::usvg::Options::default()).unwrap();
        assert!((f64::from(tree.size().width()) - figure.width.pixels()).abs() < 1.0, "{name}");
        let png = to_png(&svg, name).unwrap();
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        let mut reader = png::Decoder::new(std::io::Cursor::new(&png)).read_info().unwrap();
        assert_eq!(f64::from(reader.info().width), figure.width.pixels() * 3.0);
        let dims = reader.info().pixel_dims.unwrap();
        assert!(f64::from(dims.xppu) * 0.0254 >= 200.0, "at least 200 dots an inch");
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let dark = pixels.chunks(3).filter(|p| p.iter().all(|c| *c < 100)).count();
        assert!(dark > 500, "{name}: text and axes are dark, and only {dark} pixels are");
    }
}

#[test]
fn every_kind_becomes_a_pdf_page_of_its_size() {
    let mut missing = heat_map();
    missing.panels[0].values[0][1] = None;
    let mut fine = heat_map();
    let names: Vec<String> = (0..100).map(|i| i.to_string()).collect();
    fine.panels[0].values = vec![vec![Some(0.5); 100]; 100];
    (fine.panels[0].rows, fine.panels[0].columns) = (names.clone(), names);
    let more = [("missing", figure(FigureKind::HeatMap(missing))), ("raster", figure(FigureKind::HeatMap(fine)))];
    for (name, figure) in every_kind().into_iter().chain(more) {
        let svg = to_svg(&figure, name).unwrap();
        let pdf = to_pdf(&svg, name).unwrap();
        let text = String::from_utf8_lossy(&pdf);
        let width = figure.width.pixels() * 0.75;
        assert!(text.contains(&format!("/MediaBox [0 0 {width} ")), "{name}");
        assert_eq!(text.matches("/Subtype /Image").count(), usize::from(name == "raster"), "{name}");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{name}");
        assert!(pdf == to_pdf(&svg, name).unwrap(), "{name}");
    }
}

#[test]
fn the_same_bytes_twice() {
    for (name, figure) in every_kind() {
        let (a, b) = (to_svg(&figure, name).unwrap(), to_svg(&figure, name).unwrap());
        assert!(a == b, "{name}");
        assert!(to_png(&a, name).unwrap() == to_png(&b, name).unwrap(), "{name}");
    }
}

#[test]
fn coordinates_are_finite_and_short() {
    for (name, figure) in every_kind() {
        let svg = to_svg(&figure, name).unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
        assert!(!svg.contains("0000000"), "{name}: a number was not rounded");
    }
}

#[test]
fn nan_is_refused_and_located() {
    let mut bad = curves();
    bad.panels[0].series[0].y[1] = Some(f64::NAN);
    let error = to_svg(&figure(FigureKind::Curves(bad)), "x").unwrap_err();
    assert!(matches!(error, ReportError::NotFinite { .. }), "{error}");
    assert!(error.to_string().contains("mean of 3 seeds"), "{error}");

    let mut bad = heat_map();
    bad.panels[0].values[1][0] = Some(f64::INFINITY);
    let error = to_csv(&figure(FigureKind::HeatMap(bad))).unwrap_err().to_string();
    assert!(error.contains("conv2") && error.contains("inf"), "{error}");

    let mut bad = histogram();
    bad.panels[0].values[0] = f64::NAN;
    assert!(figure(FigureKind::Histogram(bad)).check().is_err());
    let mut bad = image_grid();
    bad.cells[0][0].as_mut().unwrap().values[3] = f32::NAN;
    assert!(figure(FigureKind::ImageGrid(bad)).check().is_err());
    let mut bad = scatter();
    bad.panels[1].points[3][1] = f64::NAN;
    assert!(figure(FigureKind::Scatter(bad)).check().is_err());
    let mut bad = dots();
    bad.panels[0].rows[0].interval = Some([0.0, f64::NAN]);
    assert!(figure(FigureKind::DotInterval(bad)).check().is_err());
}

#[test]
fn empty_figures_and_mismatched_lists_are_refused() {
    for kind in [
        FigureKind::Curves(Default::default()),
        FigureKind::HeatMap(Default::default()),
        FigureKind::Histogram(Default::default()),
        FigureKind::ImageGrid(Default::default()),
        FigureKind::DotInterval(Default::default()),
        FigureKind::Scatter(Default::default()),
    ] {
        assert!(matches!(to_svg(&figure(kind), "x"), Err(ReportError::Empty { .. })));
    }
    let mut bad = curves();
    bad.panels[0].series[0].x.pop();
    assert!(matches!(to_svg(&figure(FigureKind::Curves(bad)), "x"), Err(ReportError::Shape { .. })));
    let mut bad = heat_map();
    bad.panels[0].values[0].pop();
    assert!(matches!(to_svg(&figure(FigureKind::HeatMap(bad)), "x"), Err(ReportError::Shape { .. })));
    let mut bad = scatter();
    bad.panels[0].names.pop();
    assert!(matches!(to_svg(&figure(FigureKind::Scatter(bad)), "x"), Err(ReportError::Shape { .. })));
    let mut bad = scatter();
    bad.panels[1].classes[7] = 2;
    let error = to_svg(&figure(FigureKind::Scatter(bad)), "x").unwrap_err().to_string();
    assert!(error.contains("many") && error.contains("classes"), "{error}");
    let mut bad = curves();
    bad.y.scale = AxisScale::Log;
    bad.panels[0].series[0].y[0] = Some(0.0);
    assert!(matches!(to_svg(&figure(FigureKind::Curves(bad)), "x"), Err(ReportError::OutsideScale { .. })));
}

#[test]
fn single_points_equal_values_and_gaps_draw() {
    let mut single = curves();
    single.panels[0].null = None;
    single.panels[0].series = vec![Series {
        label: "one".into(),
        x: vec![100.0],
        y: vec![Some(0.5)],
        band: vec![Some([0.4, 0.6])],
        runs: vec![],
    }];
    to_svg(&figure(FigureKind::Curves(single)), "x").unwrap();
    for value in [0.0, 1.0, -7.5, 1e-300, 1e300] {
        let mut equal = curves();
        for panel in &mut equal.panels {
            panel.null = None;
            panel.thresholds.clear();
            for series in &mut panel.series {
                series.y.fill(Some(value));
                series.band.clear();
                series.runs.clear();
            }
        }
        let svg = to_svg(&figure(FigureKind::Curves(equal)), "x").unwrap();
        assert!(!svg.contains("NaN"), "{value}");
        let mut equal = histogram();
        equal.panels[0].values.fill(value);
        equal.panels[0].marks.clear();
        let svg = to_svg(&figure(FigureKind::Histogram(equal)), "x").unwrap();
        assert!(!svg.contains("NaN"), "{value}");
        let mut equal = heat_map();
        equal.panels[0].values.iter_mut().for_each(|r| r.fill(Some(value)));
        let svg = to_svg(&figure(FigureKind::HeatMap(equal)), "x").unwrap();
        assert!(!svg.contains("NaN"), "{value}");
    }
    let mut gaps = curves();
    gaps.panels[0].series[0].y = vec![Some(0.1), None, Some(0.3), None];
    gaps.panels[0].series[0].band = vec![Some([0.0, 0.2]), None, None, Some([0.3, 0.4])];
    to_svg(&figure(FigureKind::Curves(gaps)), "x").unwrap();
}

#[test]
fn missing_cells_are_hatched_and_say_so() {
    let mut map = heat_map();
    let full = to_svg(&figure(FigureKind::HeatMap(map.clone())), "x").unwrap();
    assert!(!full.contains("hatch"));
    map.panels[0].values[0][1] = None;
    let svg = to_svg(&figure(FigureKind::HeatMap(map)), "x").unwrap();
    assert!(svg.contains("url(#f-x-hatch)") && svg.contains("not measured"));
}

#[test]
fn large_maps_are_one_raster_and_small_ones_are_vectors() {
    let mut map = heat_map();
    let names = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
    let panel = &mut map.panels[0];
    (panel.rows, panel.columns) = (names(300), names(300));
    panel.values = (0..300).map(|i| (0..300).map(|j| Some(f64::from(i * j))).collect()).collect();
    let svg = to_svg(&figure(FigureKind::HeatMap(map)), "x").unwrap();
    assert!(svg.contains("data:image/png;base64,") && svg.len() < 400_000, "{}", svg.len());
    let svg = to_svg(&figure(FigureKind::HeatMap(heat_map())), "x").unwrap();
    assert!(!svg.contains("<image"));
}

#[test]
fn the_raster_holds_the_colours_of_the_cells() {
    // 41 × 40 cells: the first row at the low end, all others at the high end.
    let mut map = heat_map();
    let names = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
    map.colour.range = Some([0.0, 1.0]);
    map.colour.map = ColourMap::Sequential;
    let panel = &mut map.panels[0];
    (panel.rows, panel.columns) = (names(41), names(40));
    panel.values = (0..41).map(|i| vec![Some(if i == 0 { 0.0 } else { 1.0 }); 40]).collect();
    let svg = to_svg(&figure(FigureKind::HeatMap(map)), "x").unwrap();
    let data = svg.split("base64,").nth(1).unwrap().split('"').next().unwrap();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, data).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    assert_eq!((reader.info().width, reader.info().height), (40, 41));
    let ends = [colorous::VIRIDIS.eval_continuous(0.0), colorous::VIRIDIS.eval_continuous(1.0)];
    assert_eq!(pixels[..3], ends[0].as_array());
    assert_eq!(pixels[120..123], ends[1].as_array());
}

#[test]
fn hostile_names_stay_text() {
    let hostile = "</text><script>alert('x')</script>&\"\u{0}\u{202e}";
    let mut map = heat_map();
    map.panels[0].title = hostile.into();
    map.panels[0].rows[0] = hostile.into();
    map.row_axis = hostile.into();
    let mut titled = figure(FigureKind::HeatMap(map));
    titled.title = hostile.into();
    titled.note = hostile.into();
    let svg = to_svg(&titled, hostile).unwrap();
    assert!(!svg.contains("<script") && !svg.contains('\u{202e}') && !svg.contains('\u{0}'));
    resvg::usvg::Tree::from_str(&svg, &resvg::usvg::Options::default()).unwrap();
}

#[test]
fn files_lie_beside_each_other_and_bad_names_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("figures");
    let made = figure(FigureKind::HeatMap(heat_map()));
    let files = write_figure(&at, "conv1-cosine", &made).unwrap();
    for file in [&files.svg, &files.png, &files.csv] {
        assert!(std::fs::metadata(file).unwrap().len() > 50);
    }
    assert_eq!(std::fs::read_dir(&at).unwrap().count(), 3, "no temporary file is left");
    assert_eq!(std::fs::read_to_string(&files.csv).unwrap(), to_csv(&made).unwrap());
    for name in ["../escape", "a/b", "", ".hidden", "A B", "nul\0"] {
        assert!(matches!(write_figure(&at, name, &made), Err(ReportError::FileName { .. })), "{name:?}");
    }
    assert_eq!(slug("../../etc/Pass wd"), "etc-pass-wd");
    assert_eq!(slug("ö/"), "figure");
    assert!(slug(&"long ".repeat(100)).len() <= 80);
}

#[test]
fn small_numbers_have_raised_exponents() {
    let mut small = heat_map();
    small.panels[0].values = vec![vec![Some(0.0), Some(1e-5)], vec![Some(2e-5), Some(3e-5)]];
    let svg = to_svg(&figure(FigureKind::HeatMap(small)), "x").unwrap();
    assert!(svg.contains(">3.0×10<tspan dy=\"-3.38\" font-size=\"6.77\">−5</tspan>"), "{svg}");
}

#[test]
fn marks_outside_the_distribution_are_drawn_inside_the_frame() {
    let mut far = histogram();
    far.panels[0].marks = vec![Mark { value: 5.0, label: "published".into() }];
    let svg = to_svg(&figure(FigureKind::Histogram(far)), "x").unwrap();
    let xs = svg.split("<line x1=\"").skip(1).map(|t| t.split('"').next().unwrap().parse::<f64>().unwrap());
    assert!(xs.into_iter().all(|x| (0.0..=680.0).contains(&x)));
}

#[test]
fn few_points_have_the_markers_of_their_class_and_many_are_one_path_a_turn() {
    let both = to_svg(&figure(FigureKind::Scatter(scatter())), "x").unwrap();
    assert_eq!(both.matches("<circle").count(), 3 + 2, "three points and two keys");
    assert_eq!(both.matches("h0").count(), 1000, "every point of the large panel once");
    assert_eq!(both.matches("stroke-linecap").count(), 16, "two classes take eight turns");
    // Coinciding points and a panel without any have a scale, too.
    let mut odd = scatter();
    odd.panels[0].points = vec![[3.0, 3.0]; 3];
    (odd.panels[1].points, odd.panels[1].classes) = (vec![], vec![]);
    let svg = to_svg(&figure(FigureKind::Scatter(odd)), "x").unwrap();
    assert!(!svg.contains("NaN") && svg.matches("<circle").count() == 5, "{svg}");
}
