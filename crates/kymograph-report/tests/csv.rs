//! The CSV beside a figure holds what is drawn, exactly.

mod common;

use common::{dots, figure, heat_map, histogram, image_grid, scatter};
use kymograph_report::{FigureKind, to_csv};

#[test]
fn curve_rows() -> Result<(), kymograph_report::ReportError> {
    let csv = to_csv(&figure(FigureKind::Curves(common::curves())))?;
    let expected = "\
panel,role,series,run,x,y,low,high
conv1,series,mean of 3 seeds,,0,0.1,0.05,0.15
conv1,series,mean of 3 seeds,,1,0.2,0.1,0.3
conv1,series,mean of 3 seeds,,10,,,
conv1,series,mean of 3 seeds,,2000,0.30000000000000004,,
conv1,run,mean of 3 seeds,seed 0,0,0.1,,
conv1,run,mean of 3 seeds,seed 0,1,0.25,,
conv1,run,mean of 3 seeds,seed 0,10,0.2,,
conv1,run,mean of 3 seeds,seed 0,2000,,,
conv1,null,null: permuted units,,0,0,-0.1,0.1
conv1,null,null: permuted units,,2000,0.01,-0.1,0.12
conv1,threshold,B: above 0.7,,,0.7,,
";
    assert_eq!(csv, expected);
    Ok(())
}

#[test]
fn heat_maps_and_histograms() -> Result<(), kymograph_report::ReportError> {
    let mut map = heat_map();
    map.panels[0].values[1][1] = None;
    let expected = "\
panel,row,column,value
,conv1,100–1000,0.985
,conv1,1000–2000,0.996
,conv2,100–1000,0.886
,conv2,1000–2000,
";
    assert_eq!(to_csv(&figure(FigureKind::HeatMap(map)))?, expected);
    let csv = to_csv(&figure(FigureKind::Histogram(histogram())))?;
    assert_eq!(csv.lines().filter(|l| l.starts_with("conv1,value,")).count(), 5);
    let counts: Vec<f64> = csv
        .lines()
        .filter(|l| l.starts_with("conv1,bin,"))
        .map(|l| l.rsplit(',').next().unwrap_or("").parse().unwrap_or(f64::NAN))
        .collect();
    assert_eq!(counts, [1.0, 1.0, 1.0, 2.0]);
    assert!(csv.contains("conv1,mark,published,0.1018,,,\n"));
    Ok(())
}

#[test]
fn images_and_dots() -> Result<(), kymograph_report::ReportError> {
    let csv = to_csv(&figure(FigureKind::ImageGrid(image_grid())))?;
    assert!(csv.starts_with("row,column,y,x,value\n0,0,0,0,-2.5\n0,0,0,1,-1.5\n"));
    assert!(csv.contains("\n100,0,1,2,12.5\n") && csv.ends_with("100,1,,,\n"));
    let expected = "\
panel,role,row,value,low,high,null_low,null_high,status
same index cosine,estimate,early filters differ,0.97,0.95,0.99,-0.1,0.1,refuted
same index cosine,one_seed,early filters differ,0.96,,,,,
same index cosine,one_seed,early filters differ,0.97,,,,,
same index cosine,one_seed,early filters differ,0.98,,,,,
same index cosine,threshold,early filters differ,0.5,,,,,
same index cosine,estimate,attention,,,,,,not measured
same index cosine,threshold,0.7,0.7,,,,,
";
    assert_eq!(to_csv(&figure(FigureKind::DotInterval(dots())))?, expected);
    Ok(())
}

#[test]
fn hostile_names_are_quoted_and_never_formulas() -> Result<(), kymograph_report::ReportError> {
    let mut map = heat_map();
    map.panels[0].rows[0] = "=HYPERLINK(\"http://x\")".into();
    map.panels[0].rows[1] = "a,b\nc".into();
    let csv = to_csv(&figure(FigureKind::HeatMap(map)))?;
    assert!(csv.contains("\n,\"'=HYPERLINK(\"\"http://x\"\")\",100–1000,0.985\n"), "{csv}");
    assert!(csv.contains("\n,\"a,b\nc\",100–1000,0.886\n"));
    Ok(())
}

#[test]
fn points_have_their_class_and_name() -> Result<(), kymograph_report::ReportError> {
    let csv = to_csv(&figure(FigureKind::Scatter(scatter())))?;
    let expected = "\
panel,class,name,x,y
relu1,zero,a digit,0,1
relu1,one,another,2,-1.5
relu1,one,\"'=third, \"\"quoted\"\"\",0.5,0.25
many,zero,,0,0
";
    assert!(csv.starts_with(expected), "{csv}");
    assert_eq!(csv.lines().count(), 1 + 3 + 1000);
    Ok(())
}
