//! Dictionaries as SAELens keeps them: `cfg.json` and `sae_weights.safetensors` in a folder.

use std::path::Path;

use kymograph_linalg::Real;
use kymograph_nets::dictionaries::{DecoderNorm, Dictionary, DictionarySpec, LossScale, Variant};
use kymograph_runs::{Capture, Checkpoint, write_captures, write_whole};
use ndarray::{Array1, ArrayD, Axis};
use serde_json::{Value, json};

use crate::error::KymographError;

pub(super) const WEIGHTS: &str = "sae_weights.safetensors";
pub(super) const CONFIG: &str = "cfg.json";

/// The name of a variant's architecture there; `None` where it has none.
///
/// Where training chose latents over a whole batch, one threshold is left, and the dictionary is a `jumprelu` one.
pub(super) fn architecture(spec: &DictionarySpec, transcoder: bool) -> Option<&'static str> {
    Some(match (&spec.variant, transcoder) {
        (Variant::Relu { .. }, false) => "standard",
        (Variant::Relu { .. }, true) => "transcoder",
        (Variant::TopK { .. }, false) => "topk",
        (Variant::JumpRelu { .. } | Variant::BatchTopK { .. } | Variant::Matryoshka { .. }, false) => "jumprelu",
        (Variant::JumpRelu { .. } | Variant::BatchTopK { .. } | Variant::Matryoshka { .. }, true) => {
            "jumprelu_transcoder"
        }
        (Variant::Gated { .. }, false) => "gated",
        (Variant::TopK { .. } | Variant::Gated { .. }, true) => return None,
    })
}

/// Writes the two files; nothing for a transcoder of a kind that SAELens does not have.
pub(super) fn write(
    folder: &Path,
    dictionary: &Dictionary<f32>,
    transcoder: bool,
    step: u64,
) -> Result<(), KymographError> {
    let spec = dictionary.spec();
    let Some(architecture) = architecture(spec, transcoder) else { return Ok(()) };
    let mut tensors: Vec<(String, ArrayD<f32>)> =
        dictionary.weights().into_iter().filter(|(name, _)| name != "log_threshold").collect();
    if spec.tied {
        let encoder = dictionary.encoder().reversed_axes().as_standard_layout().into_owned();
        tensors.insert(0, ("W_enc".into(), encoder.into_dyn()));
    }
    if !spec.output_bias {
        tensors.push(("b_dec".into(), Array1::zeros(spec.outputs).into_dyn()));
    }
    match spec.variant {
        Variant::JumpRelu { .. } => {
            tensors.push(("threshold".into(), Array1::from(dictionary.thresholds()).into_dyn()));
        }
        Variant::BatchTopK { .. } | Variant::Matryoshka { .. } => {
            tensors.push(("threshold".into(), Array1::from_elem(spec.latents, dictionary.cutoff()).into_dyn()));
        }
        _ => {}
    }
    let mut config = json!({
        "architecture": architecture,
        "d_in": spec.inputs,
        "d_sae": spec.latents,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": spec.centred,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {},
    });
    if transcoder {
        config["d_out"] = json!(spec.outputs);
    }
    if let Variant::TopK { k } = spec.variant {
        config["k"] = json!(k);
    }
    let captures: Vec<Capture> =
        tensors.into_iter().map(|(name, values)| Capture { name, rule: "weight".into(), values }).collect();
    write_captures(folder.join(WEIGHTS), step, &captures)?;
    let text = serde_json::to_string_pretty(&config).unwrap_or_default();
    Ok(write_whole(&folder.join(CONFIG), text.as_bytes())?)
}

/// A dictionary of such a folder, written here or by SAELens: `standard`, `topk`, `jumprelu`, `gated`, `transcoder` and
/// `jumprelu_transcoder`, without normalisation of activations. It is for encoding and decoding: its penalties are 0.
///
/// # Errors
/// [`KymographError::Argument`] for an architecture or an option that is not read here, missing files, and tensors that do
/// not fit.
pub fn read_sae(folder: &Path) -> Result<Dictionary<f32>, KymographError> {
    let path = folder.join(CONFIG);
    let refuse = |detail: String| KymographError::Argument { argument: path.display().to_string(), detail };
    let text = std::fs::read(&path).map_err(KymographError::file(&path))?;
    let config: Value = serde_json::from_slice(&text).map_err(|error| refuse(format!("is no JSON: {error}")))?;
    let number = |key: &str| {
        let value = config[key].as_u64().and_then(|value| usize::try_from(value).ok());
        value.ok_or_else(|| refuse(format!("`{key}` is missing, or no whole number")))
    };
    for (key, plain) in [("normalize_activations", "none"), ("reshape_activations", "none")] {
        let value = config[key].as_str().unwrap_or(plain);
        if value != plain {
            return Err(refuse(format!(
                "`{key}` is `{value}`; only `{plain}` is read here: fold it into the weights first"
            )));
        }
    }
    let architecture = config["architecture"].as_str().unwrap_or("standard");
    let variant = match architecture {
        "standard" | "transcoder" => Variant::Relu { l1: 0.0 },
        "topk" => Variant::TopK { k: number("k")? },
        "jumprelu" | "jumprelu_transcoder" => Variant::JumpRelu { l0: 0.0, bandwidth: 0.001, threshold: 1.0 },
        "gated" => Variant::Gated { l1: 0.0 },
        other => {
            let known = "standard, topk, jumprelu, gated, transcoder, jumprelu_transcoder";
            return Err(refuse(format!("architecture `{other}` is not read here; these are: {known}")));
        }
    };
    let inputs = number("d_in")?;
    let outputs = if config.get("d_out").is_some_and(|d| !d.is_null()) { number("d_out")? } else { inputs };
    let spec = DictionarySpec {
        inputs,
        outputs,
        latents: number("d_sae")?,
        variant,
        tied: false,
        output_bias: true,
        centred: config["apply_b_dec_to_input"].as_bool().unwrap_or(false),
        norm: DecoderNorm::Free,
        frozen: false,
        scale: LossScale::Sum,
        auxiliary: None,
    };
    let mut dictionary = Dictionary::new(&spec)?;
    let mut tensors = Checkpoint::open(folder.join(WEIGHTS))?.state_f32()?;
    for (name, values) in &mut tensors {
        if name == "threshold" {
            if let Some((at, value)) = values.indexed_iter().find(|(_, value)| !(value.is_finite() && **value >= 0.0)) {
                let at = ndarray::Dimension::slice(&at).to_vec();
                return Err(refuse(format!("tensor `threshold` is {value} at {at:?}; thresholds are at least 0")));
            }
            *name = "log_threshold".into();
            values.mapv_inplace(|value| value.max(f32::MIN_POSITIVE).ln());
        }
    }
    dictionary.load_state(&tensors).map_err(|error| named(error, folder))?;
    Ok(dictionary)
}

fn named(error: kymograph_nets::NetsError, folder: &Path) -> KymographError {
    KymographError::Argument { argument: folder.join(WEIGHTS).display().to_string(), detail: error.to_string() }
}

/// The share of examples in which each latent is active.
pub(super) fn density<T: Real>(codes: &kymograph_nets::dictionaries::Codes<T>) -> Vec<f32> {
    let mut counts = vec![0usize; codes.width];
    codes.latents.iter().for_each(|latent| counts[*latent as usize] += 1);
    let examples = codes.examples().max(1) as f64;
    counts.into_iter().map(|count| (count as f64 / examples) as f32).collect()
}

/// Of which axis the mean is taken.
pub(super) fn mean_row(x: &ndarray::Array2<f32>) -> Vec<f32> {
    x.mapv(f64::from).mean_axis(Axis(0)).map_or_else(Vec::new, |mean| mean.iter().map(|v| *v as f32).collect())
}
