//! Streams repeat for ever (pinned values), differ by seed, purpose and index, and draw what they say.

use kymograph_linalg::random::{
    below, normal, normal_matrix, permutation, resample, sample, stream, stream_at, uniform,
};
use rand::Rng;

#[test]
fn first_words_are_pinned() {
    let word = |mut rng: kymograph_linalg::random::ChaCha8Rng| rng.next_u64();
    let found = [
        word(stream(0, "")),
        word(stream(0, "init")),
        word(stream(1, "init")),
        word(stream(u64::MAX, "order")),
        word(stream_at(0, "init", 0)),
        word(stream_at(0, "init", 1)),
        word(stream(7, "a purpose that is longer than thirty-two bytes")),
    ];
    assert_eq!(found, PINNED, "{found:#x?}");
    let mut rng = stream(0, "draws");
    assert_eq!(permutation(&mut rng, 10), PERMUTATION);
    let draws = [normal(&mut rng), normal(&mut rng), uniform(&mut rng)];
    assert_eq!(draws, DRAWS);
}

const PINNED: [u64; 7] = [
    0x2ee5c52d3229e550,
    0xd9e0b335a25fb40f,
    0x4086b63245cdf6a1,
    0x7545a80c2957d478,
    0x641795e161342a16,
    0xee526113a350de9f,
    0xd280e40d3e27b812,
];
const PERMUTATION: [usize; 10] = [3, 9, 8, 2, 4, 6, 1, 5, 0, 7];
const DRAWS: [f64; 3] = [0.524885904752309, -0.11334124475541461, 0.6391011814374142];

#[test]
fn every_name_is_a_stream_of_its_own() {
    let mut words = std::collections::BTreeSet::new();
    let mut count = 0;
    for seed in 0..20 {
        for purpose in ["", "\0", "\0\0", "init", "init\0", "order", "augment", "null", "a", "aa"] {
            words.insert(stream(seed, purpose).next_u64());
            count += 1;
            for index in 0..5 {
                words.insert(stream_at(seed, purpose, index).next_u64());
                count += 1;
            }
        }
    }
    assert_eq!(words.len(), count);
}

#[test]
fn a_stream_repeats() {
    let draw = || normal_matrix::<f32, _>(&mut stream(3, "init"), 4, 5);
    assert_eq!(draw(), draw());
    let double = normal_matrix::<f64, _>(&mut stream(3, "init"), 4, 5);
    assert_eq!(draw(), double.mapv(|x| x as f32), "both types draw the same numbers");
}

#[test]
fn integers_are_uniform() {
    // Chi-square with 6 degrees of freedom lies below 27.9 with probability 0.9999.
    let mut rng = stream(0, "below");
    let mut counts = [0.0f64; 7];
    for _ in 0..70_000 {
        counts[below(&mut rng, 7)] += 1.0;
    }
    let chi: f64 = counts.iter().map(|c| (c - 10_000.0).powi(2) / 10_000.0).sum();
    assert!(chi < 27.9, "{chi}");
    assert!((0..100).all(|_| below(&mut rng, 1) == 0));
}

#[test]
fn orders_are_uniform_over_all_permutations() {
    // 24 orders of four: chi-square with 23 degrees of freedom lies below 58.6 with probability 0.9999.
    let mut rng = stream(0, "orders");
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..24_000 {
        *counts.entry(permutation(&mut rng, 4)).or_insert(0.0f64) += 1.0;
    }
    assert_eq!(counts.len(), 24);
    let chi: f64 = counts.values().map(|c| (c - 1000.0).powi(2) / 1000.0).sum();
    assert!(chi < 58.6, "{chi}");
    // Ordered pairs of four: 12 of them, 11 degrees of freedom, 37.4.
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..12_000 {
        *counts.entry(sample(&mut rng, 4, 2)).or_insert(0.0f64) += 1.0;
    }
    assert_eq!(counts.len(), 12);
    let chi: f64 = counts.values().map(|c| (c - 1000.0).powi(2) / 1000.0).sum();
    assert!(chi < 37.4, "{chi}");
}

#[test]
fn permutations_hold_every_index_once() {
    let mut rng = stream(5, "order");
    for n in [0, 1, 2, 17, 1000] {
        let mut order = permutation(&mut rng, n);
        order.sort_unstable();
        assert!(order.iter().copied().eq(0..n));
    }
    assert_eq!(resample(&mut rng, 5, 100).len(), 100);
    assert!(resample(&mut rng, 0, 0).is_empty());
}

#[test]
fn normals_have_the_moments_of_normals() {
    // Standard errors over n draws: 1/√n, √(2/n), √(15/n), √(96/n); five of each.
    let n = 200_000;
    let mut rng = stream(0, "moments");
    let mut moments = [0.0; 4];
    for _ in 0..n {
        let x = normal(&mut rng);
        for (power, moment) in moments.iter_mut().enumerate() {
            *moment += x.powi(power as i32 + 1) / n as f64;
        }
    }
    let root = (n as f64).sqrt();
    for ((moment, expected), error) in moments.iter().zip([0.0, 1.0, 0.0, 3.0]).zip([1.0, 2.0, 15.0, 96.0]) {
        assert!((moment - expected).abs() < 5.0 * f64::sqrt(error) / root, "{moments:?}");
    }
    let mean = (0..n).map(|_| uniform(&mut rng)).sum::<f64>() / n as f64;
    assert!((mean - 0.5).abs() < 5.0 / (12f64.sqrt() * root));
}
