//! Answers `benches/peers/toys.py`: trains a thousand toy models of five features and two hidden units at once, and times it.

use std::error::Error;
use std::io::BufRead;
use std::time::Instant;

use kymograph_nets::{OptimiserSpec, ToyFeatures, ToyInstance, ToyModels, ToySpec, cpu_features};

fn main() -> Result<(), Box<dyn Error>> {
    let argument = |at: usize| std::env::args().nth(at).ok_or("give models, features, hidden units and batch");
    let [models, features, hidden, batch] = [argument(1)?, argument(2)?, argument(3)?, argument(4)?];
    let (models, features, hidden, batch): (usize, usize, usize, usize) =
        (models.parse()?, features.parse()?, hidden.parse()?, batch.parse()?);
    let importance: Vec<f64> = (0..features).map(|i| 0.9f64.powi(i as i32)).collect();
    // Probabilities from 1 to 1/50, evenly by their logarithm, as in the sweep that is timed.
    let one = |index: usize| ToyInstance {
        importance: importance.clone(),
        features: ToyFeatures::independent(50f64.powf(-((index % 8) as f64) / 7.0)),
        seed: index as u64,
    };
    let spec = ToySpec::relu_output(features, hidden);
    let mut all = ToyModels::new(spec, (0..models).map(one).collect(), OptimiserSpec::adam(1e-3), batch)?;
    for line in std::io::stdin().lock().lines() {
        match line?.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["kernels"] => println!("\"{}\"", cpu_features().path),
            ["time", steps] => {
                let steps: u64 = steps.parse()?;
                let start = Instant::now();
                let losses = all.train(steps)?;
                let seconds = start.elapsed().as_secs_f64() / steps as f64;
                let by_probability: Vec<f64> = (0..8)
                    .map(|group| {
                        let of: Vec<f64> = losses.iter().skip(group).step_by(8).copied().collect();
                        of.iter().sum::<f64>() / of.len().max(1) as f64
                    })
                    .collect();
                println!("{}", serde_json::json!({ "seconds": seconds, "losses": by_probability }));
            }
            other => return Err(format!("unknown command: {other:?}").into()),
        }
    }
    Ok(())
}
