//! Names, documentation and options of every measure.

use std::collections::BTreeSet;
use std::path::Path;

use kymograph_measures::{MeasureError, all, find};
use ndarray::Array2;

#[test]
fn every_measure_is_documented_where_its_name_says() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut names = BTreeSet::new();
    for measure in all() {
        assert!(names.insert(measure.name), "{} is registered twice", measure.name);
        for (field, text) in [
            ("summary", measure.summary),
            ("ends", measure.ends),
            ("cost", measure.cost),
            ("misleads", measure.misleads),
        ] {
            assert!(text.len() > 8, "{} has no {field}", measure.name);
        }
        assert!(measure.summary.contains('?'), "{}: the summary is the question", measure.name);
        assert!(!measure.references.is_empty() && measure.version > 0, "{}", measure.name);
        assert!(measure.inputs.iter().all(|input| !input.name.is_empty() && !input.axes.is_empty()));
        assert!(measure.options.iter().all(|option| option.doc.len() > 15), "{}", measure.name);
        let file = sources.join(measure.family.name()).join(format!("{}.rs", measure.name));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("{} is missing", file.display()));
        let position = text.find(&format!("pub fn {}", measure.name)).expect("a function of the same name");
        for needed in ["/// **", "**Misleads", "/// # Errors", "Cost:", "/// ```"] {
            assert!(text[..position].contains(needed), "{}: {needed} is missing in its docs", measure.name);
        }
    }
}

#[test]
fn every_measure_file_is_registered() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = 0;
    for folder in std::fs::read_dir(sources).expect("src").flatten().filter(|entry| entry.path().is_dir()) {
        // Groups hold folders, and no measure of the registry.
        for file in std::fs::read_dir(folder.path()).expect("a family").flatten().filter(|file| file.path().is_file()) {
            let text = std::fs::read_to_string(file.path()).expect("source text");
            if text.contains("static MEASURE: Measure") {
                found += 1;
                let name = file.file_name().to_string_lossy().trim_end_matches(".rs").to_string();
                assert!(find(&name).is_ok(), "{name} is in no family's list");
            }
        }
    }
    assert_eq!(found, all().len());
}

#[test]
fn unknown_names_get_the_nearest_ones() {
    let nearest = |name: &str| match find(name) {
        Err(MeasureError::UnknownMeasure { nearest, .. }) => nearest,
        other => panic!("{other:?}"),
    };
    assert_eq!(nearest("matched_cosin")[0], "matched_cosine");
    assert_eq!(nearest("cka"), ["debiased_linear_cka", "linear_cka"]);
    assert_eq!(nearest("stable-rank")[0], "stable_rank");
    assert!(nearest("qqqqqqqqqqqqqqqqqqqqqqqq").is_empty());
    assert!(find("qqqqqqqqqqqqqqqqqqqqqqqq").unwrap_err().to_string().contains("list measures"));
}

#[test]
fn options_are_typed_and_named() {
    let measure = find("kmeans_silhouette").unwrap();
    let options = measure.options([("k", "3"), ("seed", "18446744073709551615")]).unwrap();
    assert_eq!((options.count("k").unwrap(), options.seed("seed").unwrap()), (3, u64::MAX));
    assert_eq!(options.to_text()["n_init"], "10");
    let unknown = measure.options([("clusters", "3")]).unwrap_err().to_string();
    assert!(measure.options.iter().all(|option| unknown.contains(option.name)), "{unknown}");
    for (option, text) in [("k", "-1"), ("k", "2.5"), ("k", ""), ("seed", "x"), ("k", "99")] {
        let outcome = measure.options([(option, text)]).and_then(|options| {
            let x: Array2<f64> = Array2::from_shape_fn((12, 2), |(i, j)| (i * i + j) as f64);
            measure.apply(&[x.view().into()], &options)
        });
        let message = outcome.unwrap_err().to_string();
        assert!(message.contains(option) && message.contains(text), "{message}");
    }
    let none = find("linear_cka").unwrap().options([("k", "3")]).unwrap_err().to_string();
    assert!(none.contains("it has none"), "{none}");
    let threshold = find("unique_patterns").unwrap();
    assert!(threshold.options([("threshold", "nan")]).is_err());
    assert!(threshold.options([("signed", "maybe")]).is_err());
    assert!(threshold.options([("signed", "false")]).is_ok());
}
