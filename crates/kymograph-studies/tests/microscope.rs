//! Dictionaries fitted to rows that are there, the microscope's settings, and normal numbers like some rows.

use kymograph_linalg::{covariance, random};
use kymograph_measures::dictionaries::{mean_max_cosine, variance_explained};
use kymograph_studies::dictionaries::{Decoder, Fit, Microscope, STUDY, Settings, normal_like};
use kymograph_studies::{Choice, StudyFile};
use ndarray::{Array2, Axis};

/// Rows of two of 12 directions each, far from the origin.
fn rows(count: usize) -> (Array2<f32>, Array2<f32>) {
    let mut directions: Array2<f32> = random::normal_matrix(&mut random::stream(0, "directions"), 12, 8);
    for mut row in directions.outer_iter_mut() {
        let norm = row.dot(&row).sqrt();
        row.mapv_inplace(|v| v / norm);
    }
    let rng = &mut random::stream(0, "rows");
    let mut x = Array2::from_elem((count, 8), 5.0);
    for mut row in x.outer_iter_mut() {
        for _ in 0..2 {
            row.scaled_add(0.5 + random::uniform(rng) as f32, &directions.row(random::below(rng, 12)));
        }
    }
    (directions, x)
}

fn fit<'a>(x: &'a Array2<f32>, steps: u64, decoder: Decoder<'a>) -> (f64, Array2<f32>) {
    let fitted = Fit { x: x.view(), latents: 24, k: 2, steps, decoder, seed: 1 }.run().unwrap();
    let rebuilt = fitted.decode(&fitted.encode(x.view()).unwrap());
    let explained = variance_explained(x.view(), rebuilt.view()).unwrap().value;
    (explained, fitted.dictionary.decoder().to_owned())
}

#[test]
fn a_fit_finds_planted_directions_and_nulls_do_not() {
    let (directions, x) = rows(2000);
    let (explained, decoder) = fit(&x, 1500, Decoder::Random);
    let found = mean_max_cosine(directions.view(), decoder.view()).unwrap().value;
    assert!(explained > 0.9 && found > 0.93, "{explained} {found}");
    let (unfitted, begun) = fit(&x, 0, Decoder::FrozenRandom);
    let (frozen, kept) = fit(&x, 300, Decoder::FrozenRandom);
    assert!(unfitted < frozen && frozen < explained, "{unfitted} {frozen} {explained}");
    assert!(begun.iter().zip(&kept).all(|(a, b)| (a - b).abs() < 1e-5), "a frozen decoder moved");
    // The planted directions themselves, only read.
    let (given, kept) = fit(&x, 1500, Decoder::Frozen(directions.view()));
    let (random, _) = fit(&x, 1500, Decoder::FrozenRandom);
    assert!(given > random + 0.1, "{given} {random}");
    assert!((mean_max_cosine(directions.view(), kept.view()).unwrap().value - 1.0).abs() < 1e-5);
}

#[test]
fn scale_and_threads_do_not_matter_and_rows_that_are_alike_are_refused() {
    let (_, x) = rows(600);
    let (explained, decoder) = fit(&x, 100, Decoder::Random);
    let (scaled, same) = fit(&(&x * 1024.0), 100, Decoder::Random);
    assert!((explained - scaled).abs() < 1e-4 && decoder.iter().zip(&same).all(|(a, b)| (a - b).abs() < 1e-3));
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let (again, bits) = alone.install(|| fit(&x, 100, Decoder::Random));
    assert!(again == explained && bits == decoder);
    let alike = Array2::<f32>::ones((50, 8));
    let refused = Fit { x: alike.view(), latents: 4, k: 1, steps: 1, decoder: Decoder::Random, seed: 0 }.run();
    assert!(refused.unwrap_err().to_string().contains("alike"));
}

#[test]
fn normal_numbers_have_the_mean_and_the_covariance_asked_for() {
    let (_, x) = rows(3000);
    let drawn = normal_like(x.view(), 40_000, 0, 3).unwrap();
    let (wanted, found) = (covariance(x.view()).unwrap(), covariance(drawn.view()).unwrap());
    let size = wanted.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    // Standard errors of covariances are at most √2 of the variance over √n.
    assert!((&wanted - &found).iter().all(|off| off.abs() < 6.0 * size * (2.0 / 40_000f64).sqrt()));
    let means = |x: &Array2<f32>| x.mapv(f64::from).mean_axis(Axis(0)).unwrap();
    assert!((means(&x) - means(&drawn)).iter().all(|off| off.abs() < 6.0 * (size / 40_000.0).sqrt()));
    assert!(normal_like(x.view(), 10, 0, 3).unwrap() != normal_like(x.view(), 10, 0, 4).unwrap());
}

#[test]
fn the_microscope_trains_the_transformer_of_phases_at_few_steps() {
    let file = StudyFile::read(&STUDY).unwrap();
    let read = |set: &[(&str, &str)]| {
        let set: Vec<_> = set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Settings::read(&STUDY, &file, Choice { set: &set, ..Choice::default() })
    };
    let microscope = Microscope::of(&read(&[]).unwrap()).unwrap().unwrap();
    assert_eq!(microscope.settings.checkpoint_steps(), [0, 100, 1000, 2000]);
    assert_eq!((microscope.settings.batch_size, microscope.settings.learning_rate), (64, 0.001));
    assert_eq!(Some(microscope.spec), kymograph_studies::phases::network("transformer"));
    for set in [[("microscope_steps", "0")], [("phases_run", "somewhere")]] {
        assert!(Microscope::of(&read(&set).unwrap()).unwrap().is_none(), "{set:?}");
    }
    for (key, value, word) in [
        ("microscope_images", "20", "at least 64"),
        ("microscope_ks", "", "ascending"),
        ("microscope_ks", "16,4", "ascending"),
        ("microscope_ks", "1.5", "whole"),
        ("microscope_fit_steps", "0", "at least 1"),
        ("microscope_seeds", "0", "at least 1"),
        ("microscope_pages", "9999", "at most"),
    ] {
        let message = read(&[(key, value)]).unwrap_err().to_string();
        assert!(message.contains(word), "{key}={value}: {message}");
    }
    let few = read(&[("microscope_steps", "5")]).unwrap();
    assert!(Microscope::of(&few).is_err_and(|error| error.to_string().contains("microscope_steps")));
    // Settings of experiments recorded before there was a microscope leave it out.
    let mut old = serde_json::to_value(read(&[]).unwrap()).unwrap();
    old.as_object_mut().unwrap().retain(|key, _| !key.starts_with("microscope") && key != "phases_run");
    let old: Settings = serde_json::from_value(old).unwrap();
    assert!(Microscope::of(&old).unwrap().is_none());
}
