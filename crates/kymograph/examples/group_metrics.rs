//! Answers `benches/peers/metrics_groups.py`: every summary column of a network that composes group elements, and how long they take.
//!
//! `group_metrics CHECKPOINT GROUP SEED FRACTION KEY…` reads commands from standard input and answers each with a line of
//! JSON: `group` gives the table and the representations, `columns` the summary, `time N` the seconds of N summaries.

use std::error::Error;
use std::io::BufRead;
use std::time::Instant;

use kymograph::runs::Checkpoint;
use kymograph_linalg::random;
use kymograph_measures::groups::circuit::{Circuit, summary};
use kymograph_measures::groups::{Group, Irrep, published_irreps};
use kymograph_nets::{PairArchitecture, PairNetwork};
use ndarray::{Array2, ArrayD};

type Columns = std::collections::BTreeMap<String, f64>;

struct Case {
    weights: Vec<(String, ArrayD<f32>)>,
    group: Group,
    irreps: Vec<Irrep>,
    train: Vec<bool>,
    key: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [checkpoint, group, seed, fraction, key @ ..] = &arguments[..] else {
        return Err("usage: group_metrics CHECKPOINT GROUP SEED FRACTION KEY…".into());
    };
    let group = Group::named(group)?;
    let pairs = group.order() * group.order();
    let chosen = (fraction.parse::<f64>()? * pairs as f64) as usize;
    let mut train = vec![false; pairs];
    for &pair in random::torch_permutation(seed.parse()?, pairs).iter().take(chosen) {
        train[pair] = true;
    }
    let irreps = published_irreps(&group)?;
    let weights = Checkpoint::open(checkpoint)?.state_f32()?;
    let case = Case { weights, group, irreps, train, key: key.to_vec() };
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["group"] => println!("{}", group_of(&case)),
            ["columns"] => println!("{}", serde_json::to_string(&columns(&case)?)?),
            ["time", count] => {
                let mut seconds = Vec::new();
                for _ in 0..count.parse::<usize>()? {
                    let start = Instant::now();
                    columns(&case)?;
                    seconds.push(start.elapsed().as_secs_f64());
                }
                println!("{}", serde_json::to_string(&seconds)?);
            }
            _ => return Err(format!("unknown command: {line}").into()),
        }
    }
    Ok(())
}

/// From the tensors of the checkpoint to the columns.
fn columns(case: &Case) -> Result<Columns, Box<dyn Error>> {
    let network = PairNetwork::from_state(&case.weights, case.group.order())?;
    let ((x, y), unembed, view) = (network.embeddings(), network.unembedding(), network.view());
    let block = |a: usize, hidden: &mut Array2<f32>, logits: &mut Array2<f32>| {
        if view.block(a, hidden, logits).is_err() {
            // What is left of the block before would pass for an answer.
            logits.fill(f32::NAN);
        }
    };
    let squares = |w: &ArrayD<f32>| w.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>();
    let circuit = Circuit {
        group: &case.group,
        embed_x: x.view(),
        embed_y: y.view(),
        unembed: unembed.view(),
        block: &block,
        residual: !matches!(network.spec().architecture, PairArchitecture::Mlp { bias: false, .. }),
        train: Some(&case.train),
        squared_weights: Some(case.weights.iter().map(|(_, w)| squares(w)).sum()),
    };
    Ok(summary(&circuit, &case.irreps, &case.key)?)
}

fn group_of(case: &Case) -> serde_json::Value {
    let irreps: serde_json::Map<String, serde_json::Value> = case
        .irreps
        .iter()
        .map(|irrep| (irrep.name.clone(), serde_json::json!(irrep.matrices.iter().collect::<Vec<_>>())))
        .collect();
    serde_json::json!({ "products": case.group.products(), "irreps": irreps })
}
