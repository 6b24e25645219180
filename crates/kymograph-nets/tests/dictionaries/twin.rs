//! The losses written out, number by number, from the papers' formulas.

use std::collections::BTreeMap;

use kymograph_nets::dictionaries::{DictionarySpec, LossScale, Variant};
use ndarray::{Array2, ArrayD, ArrayView2};

pub(crate) type Weights = BTreeMap<String, ArrayD<f64>>;

/// Row `j` of a parameter of rows, or its one number.
fn vector(weights: &Weights, name: &str, at: usize) -> f64 {
    weights.get(name).map_or(0.0, |values| values[[at]])
}

/// Pre-activations: example × latent.
pub(crate) fn pre_activations(spec: &DictionarySpec, w: &Weights, x: ArrayView2<'_, f64>) -> Array2<f64> {
    let gated = matches!(spec.variant, Variant::Gated { .. });
    Array2::from_shape_fn((x.nrows(), spec.latents), |(example, latent)| {
        let mut sum = vector(w, if gated { "b_gate" } else { "b_enc" }, latent);
        for input in 0..spec.inputs {
            let offset = if spec.centred { vector(w, "b_dec", input) } else { 0.0 };
            let weight = if spec.tied { w["W_dec"][[latent, input]] } else { w["W_enc"][[input, latent]] };
            sum += (x[[example, input]] - offset) * weight;
        }
        sum
    })
}

fn keep_largest(values: &mut [f64], k: usize) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    for (rank, &at) in order.iter().enumerate() {
        if rank >= k || values[at] < 0.0 {
            values[at] = 0.0;
        }
    }
}

/// The codes of a batch in training: example × latent.
pub(crate) fn codes(spec: &DictionarySpec, w: &Weights, pre: &Array2<f64>) -> Array2<f64> {
    let mut c = pre.clone();
    match &spec.variant {
        Variant::Relu { .. } => c.mapv_inplace(|v| v.max(0.0)),
        Variant::TopK { k } => c.outer_iter_mut().for_each(|mut row| keep_largest(row.as_slice_mut().unwrap(), *k)),
        Variant::BatchTopK { k } | Variant::Matryoshka { k, .. } => {
            let count = k * c.nrows();
            keep_largest(c.as_slice_mut().unwrap(), count);
        }
        Variant::JumpRelu { .. } => {
            for ((_, latent), v) in c.indexed_iter_mut() {
                *v = if *v > w["log_threshold"][[latent]].exp() { *v } else { 0.0 };
            }
        }
        Variant::Gated { .. } => {
            for ((_, latent), v) in c.indexed_iter_mut() {
                let shared = *v - w["b_gate"][[latent]];
                let magnitude = shared * w["r_mag"][[latent]].exp() + w["b_mag"][[latent]];
                *v = if *v > 0.0 { magnitude.max(0.0) } else { 0.0 };
            }
        }
    }
    c
}

/// Output of the first `end` latents: example × output.
pub(crate) fn output(spec: &DictionarySpec, w: &Weights, c: &Array2<f64>, end: usize, bias: bool) -> Array2<f64> {
    Array2::from_shape_fn((c.nrows(), spec.outputs), |(example, out)| {
        let offset = if bias { vector(w, "b_dec", out) } else { 0.0 };
        (0..end).map(|latent| c[[example, latent]] * w["W_dec"][[latent, out]]).sum::<f64>() + offset
    })
}

fn squared(a: &Array2<f64>, b: ArrayView2<'_, f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

/// What is minimised at the weights `w`. What gradients must not pass through is taken from `frozen`. `dead` latents are
/// those of the auxiliary loss.
pub(crate) fn loss(
    spec: &DictionarySpec,
    (w, frozen): (&Weights, &Weights),
    (x, y): (ArrayView2<'_, f64>, ArrayView2<'_, f64>),
    dead: &[usize],
) -> f64 {
    let n = x.nrows() as f64;
    let (error_scale, penalty_scale) = match spec.scale {
        LossScale::Mean => (1.0 / (n * spec.outputs as f64), 1.0 / (n * spec.latents as f64)),
        LossScale::Sum => (1.0 / n, 1.0 / n),
    };
    let pre = pre_activations(spec, w, x);
    let c = codes(spec, w, &pre);
    let ends = match &spec.variant {
        Variant::Matryoshka { sizes, .. } => sizes.clone(),
        _ => vec![spec.latents],
    };
    let mut loss = 0.0;
    for end in ends {
        loss += error_scale * squared(&output(spec, w, &c, end, true), y);
    }
    match &spec.variant {
        Variant::Relu { l1 } => loss += l1 * penalty_scale * c.sum(),
        Variant::JumpRelu { l0, .. } => {
            loss += l0 * penalty_scale * c.iter().filter(|v| **v > 0.0).count() as f64;
        }
        Variant::Gated { l1 } => {
            let open = pre.mapv(|v| v.max(0.0));
            loss += l1 * penalty_scale * open.sum();
            loss += error_scale * squared(&output(spec, frozen, &open, spec.latents, true), y);
        }
        _ => {}
    }
    if let (Some(auxiliary), false) = (&spec.auxiliary, dead.is_empty()) {
        let before = codes(spec, frozen, &pre_activations(spec, frozen, x));
        let left = &y - &output(spec, frozen, &before, spec.latents, true);
        let mut alone = Array2::zeros(pre.dim());
        for example in 0..x.nrows() {
            let mut values: Vec<f64> = dead.iter().map(|&latent| pre[[example, latent]]).collect();
            keep_largest(&mut values, auxiliary.latents);
            dead.iter().zip(values).for_each(|(&latent, value)| alone[[example, latent]] = value);
        }
        loss += error_scale * auxiliary.weight * squared(&output(spec, w, &alone, spec.latents, false), left.view());
    }
    loss
}
