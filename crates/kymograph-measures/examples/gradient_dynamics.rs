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

/// Numbers in each of two arrays no cache holds: 1 GiB each.
const BEYOND_CACHES: usize = 1 << 28;

/// Memory itself, and a way to leave nothing of the step in any cache.
struct Memory {
    a: Vec<f32>,
    b: Vec<f32>,
}

impl Memory {
    fn new() -> Self {
        Self { a: vec![1.0; BEYOND_CACHES], b: vec![1e-9; BEYOND_CACHES] }
    }

    /// Bytes a second of a += b.
    fn bandwidth(&mut self) -> f64 {
        let start = Instant::now();
        self.a.par_chunks_mut(1 << 16).zip(self.b.par_chunks(1 << 16)).for_each(|(a, b)| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        });
        let seconds = start.elapsed().as_secs_f64();
        std::hint::black_box(&self.a);
        12.0 * BEYOND_CACHES as f64 / seconds
    }
}

/// Seconds of a step with all its numbers.
fn step(
    dynamics: &mut GradientDynamics,
    steps: &[(Vec<f32>, Vec<f32>)],
    taken: &mut usize,
) -> Result<f64, Box<dyn Error>> {
    let (weights, gradients) = &steps[*taken % steps.len()];
    *taken += 1;
    let start = Instant::now();
    dynamics.observe(weights, gradients, None)?;
    std::hint::black_box(dynamics.row(Scope::Total)?);
    Ok(start.elapsed().as_secs_f64())
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
    let mut memory: Option<Memory> = None;
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
            // Each step after a sweep over memory, whose bandwidth is told beside the step's time.
            ["cold", count] => {
                let memory = memory.get_or_insert_with(Memory::new);
                let (mut seconds, mut bandwidths) = (Vec::new(), Vec::new());
                for _ in 0..count.parse::<usize>()? {
                    bandwidths.push(memory.bandwidth());
                    seconds.push(step(&mut dynamics, &steps, &mut taken)?);
                }
                let told = serde_json::json!({ "bytes": BYTES, "bandwidths": bandwidths, "seconds": seconds });
                println!("{told}");
            }
            ["time", count] => {
                let times = 0..count.parse::<usize>()?;
                let seconds = times.map(|_| step(&mut dynamics, &steps, &mut taken)).collect::<Result<Vec<_>, _>>()?;
                println!("{}", serde_json::to_string(&seconds)?);
            }
            _ => return Err(format!("unknown command: {line}").into()),
        }
    }
    Ok(())
}
