//! A transformer that PyTorch saved, read and run here (tests/reference/make_transformer.py).

use std::path::Path;

use kymograph::runs::{Checkpoint, NpyArray, read_npy};
use kymograph_linalg::random::stream;
use kymograph_nets::{LayerSpec, Mode, Network, NetworkSpec, TransformerEncoder};
use ndarray::ArrayD;

fn reference(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

fn array(name: &str) -> ArrayD<f32> {
    match read_npy(reference(name)).expect("an array") {
        NpyArray::F32(array) => array,
        other => panic!("{other:?}"),
    }
}

#[test]
fn its_logits_are_pytorchs() {
    let encoder =
        TransformerEncoder { num_layers: 2, d_model: 16, nhead: 4, dim_feedforward: 32, ..Default::default() };
    let mut layers = vec![
        LayerSpec::patches("patches", 12),
        LayerSpec::linear("input_proj", 16),
        LayerSpec::positions("pos_encoder"),
    ];
    layers.extend(encoder.layers("transformer"));
    layers.extend([LayerSpec::mean_tokens("mean"), LayerSpec::linear("fc", 5)]);
    let spec = NetworkSpec { name: "transformer".to_owned(), input: vec![1, 6, 8], layers };
    let mut network = Network::<f32>::new(&spec, &mut stream(0, "init")).expect("a network");
    let checkpoint = Checkpoint::open(reference("transformer_00042.pt")).expect("a checkpoint");
    assert_eq!(checkpoint.step(), Some(42));
    let tensors = checkpoint.state_f32().expect("its tensors");
    network.load_state_dict(&tensors).expect("its tensors have the names and shapes of PyTorch's");
    let (images, wanted) = (array("images.npy"), array("logits.npy"));
    let logits = network.forward(images.view(), Mode::Eval).expect("logits");
    assert_eq!(logits.shape(), wanted.shape());
    for (index, wanted) in wanted.indexed_iter() {
        assert!((logits[&index] - wanted).abs() < 1e-5, "{index:?}: {} and PyTorch's {wanted}", logits[&index]);
    }
}
