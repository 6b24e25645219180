//! Answers `benches/peers/gradients.py`: follows the gradients it wrote to a folder, and times the pass and the memory.

use std::error::Error;
use std::io::BufRead;
use std::path::PathBuf;
use std::time::Instant;

use kymograph_measures::gradients::{DynamicsOptions, GradientDynamics, Scope};
use rayon::prelude::*;

/// Bytes a parameter that a pass moves: 8 of input, 24 of state read and written.
const BYTES: usize = 8 + 2 * 24;

fn floats(path: PathBuf) -> Result<Vec<f32>, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}

/// Bytes a second of a += b over arrays of `n` numbers, the best of a few turns.
fn bandwidth(n: usize) -> f64 {
    let (mut a, b) = (vec![1.0f32; n], vec![1e-9f32; n]);
    let mut best = f64::INFINITY;
    for _ in 0..8 {
        let start = Instant::now();
        a.par_chunks_mut(1 << 16).zip(b.par_chunks(1 << 16)).for_each(|(a, b)| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        });
        best = best.min(start.elapsed().as_secs_f64());
    }
    assert!(a.iter().all(|a| a.is_finite()));
    12.0 * n as f64 / best
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("give the folder of the steps")?);
    let mut steps = Vec::new();
    while folder.join(format!("w{}.bin", steps.len())).is_file() {
        let read = |kind: &str| floats(folder.join(format!("{kind}{}.bin", steps.len())));
        steps.push((read("w")?, read("g")?));
    }
    let n = steps.first().ok_or("no steps")?.0.len();
    // Layers of unequal size, as networks have.
    let layers =
        [("first".to_owned(), 0..n / 3), ("second".to_owned(), n / 3..n / 3 + 7), ("third".to_owned(), n / 3 + 7..n)];
    let fresh = || GradientDynamics::new(&layers, DynamicsOptions::default());
    let mut dynamics = fresh()?;
    let mut taken = 0;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["columns"] => {
                let mut dynamics = fresh()?;
                for (weights, gradients) in &steps {
                    dynamics.observe(weights, gradients, None)?;
                }
                let row = dynamics.row(Scope::Total)?;
                println!("{}", serde_json::to_string(&row.into_iter().collect::<std::collections::BTreeMap<_, _>>())?);
            }
            ["bandwidth"] => println!("{}", serde_json::json!({ "bytes": BYTES, "bandwidth": bandwidth(n) })),
            ["time", count] => {
                let mut seconds = Vec::new();
                for _ in 0..count.parse::<usize>()? {
                    let (weights, gradients) = &steps[taken % steps.len()];
                    taken += 1;
                    let start = Instant::now();
                    dynamics.observe(weights, gradients, None)?;
                    std::hint::black_box(dynamics.row(Scope::Total)?);
                    seconds.push(start.elapsed().as_secs_f64());
                }
                println!("{}", serde_json::to_string(&seconds)?);
            }
            _ => return Err(format!("unknown command: {line}").into()),
        }
    }
    Ok(())
}
