//! Specs, arrays and states that cannot be: an error that says which and why.

use kymograph_nets::dictionaries::{Auxiliary, Dictionary, DictionarySpec, EncoderStart, LossScale, Start, Variant};
use kymograph_nets::{NetsError, OptimiserSpec};
use ndarray::{Array2, ArrayD, IxDyn};

fn spec() -> DictionarySpec {
    DictionarySpec::autoencoder(4, 8, Variant::TopK { k: 2 })
}

fn made() -> Dictionary<f32> {
    let mut dictionary = Dictionary::new(&spec()).unwrap();
    dictionary.initialise(&Start::Random, EncoderStart::Decoder, 0).unwrap();
    dictionary
}

#[test]
fn impossible_specs_are_refused() {
    let auxiliary = Auxiliary { latents: 2, weight: 0.1, dead_after: 5 };
    let relu = Variant::Relu { l1: 0.1 };
    let cases = [
        DictionarySpec { latents: 0, ..spec() },
        DictionarySpec { inputs: 0, outputs: 0, ..spec() },
        DictionarySpec { inputs: usize::MAX / 2, outputs: usize::MAX / 2, latents: usize::MAX / 2, ..spec() },
        DictionarySpec { variant: Variant::TopK { k: 9 }, ..spec() },
        DictionarySpec { variant: Variant::BatchTopK { k: 0 }, ..spec() },
        DictionarySpec { variant: Variant::Relu { l1: f64::NAN }, ..spec() },
        DictionarySpec { variant: Variant::Gated { l1: -1.0 }, ..spec() },
        DictionarySpec { variant: Variant::JumpRelu { l0: 1.0, bandwidth: 0.0, threshold: 0.1 }, ..spec() },
        DictionarySpec { variant: Variant::Matryoshka { k: 2, sizes: vec![4, 4, 8] }, ..spec() },
        DictionarySpec { variant: Variant::Matryoshka { k: 2, sizes: vec![] }, ..spec() },
        DictionarySpec { variant: Variant::Matryoshka { k: 2, sizes: vec![2, 4] }, ..spec() },
        DictionarySpec { tied: true, ..spec() },
        DictionarySpec { output_bias: false, ..spec() },
        DictionarySpec { outputs: 5, ..spec() },
        DictionarySpec { auxiliary: Some(auxiliary), variant: relu, ..spec() },
        DictionarySpec { auxiliary: Some(Auxiliary { weight: f64::INFINITY, ..auxiliary }), ..spec() },
    ];
    for case in cases {
        assert!(matches!(Dictionary::<f32>::new(&case), Err(NetsError::Value { .. })), "{case:?}");
    }
}

#[test]
fn arrays_of_another_layer_and_broken_ones_are_refused() {
    let mut dictionary = made();
    let mut adam = dictionary.optimiser(OptimiserSpec::adam(1e-3)).unwrap();
    let before = dictionary.state();
    let wide = Array2::<f32>::zeros((3, 5));
    assert!(matches!(dictionary.encode(wide.view()), Err(NetsError::Shape { .. })));
    assert!(matches!(dictionary.train_step(wide.view(), None, &mut adam), Err(NetsError::Shape { .. })));
    let none = Array2::<f32>::zeros((0, 4));
    assert!(matches!(dictionary.encode(none.view()), Err(NetsError::EmptyBatch { .. })));
    let mut broken = Array2::<f32>::zeros((3, 4));
    broken[[2, 1]] = f32::NAN;
    match dictionary.train_step(broken.view(), None, &mut adam) {
        Err(NetsError::NotFinite { position, .. }) => assert_eq!(position, "[2, 1]"),
        other => panic!("{other:?}"),
    }
    // Not in row order, with an infinity.
    broken[[2, 1]] = f32::INFINITY;
    assert!(matches!(
        dictionary.encode(broken.t().t().slice(ndarray::s![..;-1, ..])),
        Err(NetsError::NotFinite { .. })
    ));
    let fine = Array2::<f32>::ones((3, 4));
    let fewer = Array2::<f32>::ones((2, 4));
    assert!(matches!(dictionary.train_step(fine.view(), Some(fewer.view()), &mut adam), Err(NetsError::Shape { .. })));
    let huge = Array2::<f32>::from_elem((3, 4), 3e38);
    assert!(matches!(dictionary.train_step(huge.view(), None, &mut adam), Err(NetsError::NotFinite { .. })));
    assert_eq!(dictionary.state(), before);
    assert_eq!(adam.steps(), 0);
    let transcoder = DictionarySpec { outputs: 6, centred: false, scale: LossScale::Mean, ..spec() };
    let mut transcoder = Dictionary::<f32>::new(&transcoder).unwrap();
    transcoder.initialise(&Start::Random, EncoderStart::Uniform, 0).unwrap();
    assert!(matches!(transcoder.gradient(fine.view(), None), Err(NetsError::Shape { .. })));
    assert!(transcoder.initialise(&Start::Random, EncoderStart::Decoder, 0).is_err());
}

#[test]
fn states_of_other_dictionaries_are_refused() {
    let mut dictionary = made();
    let other = Dictionary::<f32>::new(&DictionarySpec { latents: 9, ..spec() }).unwrap();
    assert!(matches!(dictionary.load_state(&other.state()), Err(NetsError::TensorShape { .. })));
    assert!(matches!(
        dictionary.load_state(&other.weights()[1..]),
        Err(NetsError::MissingTensor { .. } | NetsError::TensorShape { .. })
    ));
    let mut broken = dictionary.state();
    broken[0].1 = ArrayD::from_elem(IxDyn(&[4, 8]), f32::NAN);
    assert!(matches!(dictionary.load_state(&broken), Err(NetsError::NotFinite { .. })));
    let mut adam = other.optimiser(OptimiserSpec::adam(1e-3)).unwrap();
    let x = Array2::<f32>::ones((3, 4));
    assert!(matches!(dictionary.train_step(x.view(), None, &mut adam), Err(NetsError::OtherNetwork { .. })));
}

#[test]
fn starts_of_another_width_or_not_finite_are_refused() {
    let mut dictionary = made();
    let wide = Array2::<f32>::ones((3, 5));
    assert!(dictionary.initialise(&Start::Drawn(wide.view()), EncoderStart::Decoder, 0).is_err());
    let broken = Array2::<f32>::from_elem((3, 4), f32::NAN);
    assert!(
        dictionary.initialise(&Start::Noised { rows: broken.view(), noise: 0.1 }, EncoderStart::Decoder, 0).is_err()
    );
    let fine = Array2::<f32>::ones((3, 4));
    let start = Start::Noised { rows: fine.view(), noise: -1.0 };
    assert!(matches!(dictionary.initialise(&start, EncoderStart::Decoder, 0), Err(NetsError::Value { .. })));
}
