//! Answers `benches/peers/correlation.py`: the mean correlations of every two layers, and how long they take.
//!
//! `correlation_grid CHECKPOINT` holds a tensor a layer, each example × unit, and reads commands from standard input; it answers
//! each with a line of JSON: `grid` gives signed, absolute and clipped means of the pairs i ≤ j row by row, `time N` the
//! seconds of N grids.

use std::error::Error;
use std::io::BufRead;
use std::time::Instant;

use kymograph::runs::Checkpoint;
use kymograph_measures::similarity::{CorrelationGrid, correlation_grid};
use ndarray::{Array2, ArrayView2, Ix2};

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("usage: correlation_grid CHECKPOINT")?;
    let mut layers: Vec<(String, Array2<f32>)> = Checkpoint::open(file)?
        .state_f32()?
        .into_iter()
        .map(|(name, array)| Ok((name, array.into_dimensionality::<Ix2>()?)))
        .collect::<Result<_, ndarray::ShapeError>>()?;
    layers.sort_by(|(a, _), (b, _)| a.cmp(b));
    let views: Vec<ArrayView2<'_, f32>> = layers.iter().map(|(_, layer)| layer.view()).collect();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["grid"] => println!("{}", serde_json::to_string(&means(&correlation_grid(&views)?, views.len()))?),
            ["time", count] => {
                let mut seconds = Vec::new();
                for _ in 0..count.parse::<usize>()? {
                    let start = Instant::now();
                    correlation_grid(&views)?;
                    seconds.push(start.elapsed().as_secs_f64());
                }
                println!("{}", serde_json::to_string(&seconds)?);
            }
            _ => return Err(format!("unknown command: {line}").into()),
        }
    }
    Ok(())
}

fn means(grid: &CorrelationGrid, layers: usize) -> Vec<[f64; 3]> {
    let pairs = (0..layers).flat_map(|i| (i..layers).map(move |j| (i, j)));
    pairs.map(|(i, j)| grid.means(i, j)).map(|means| [means.signed, means.absolute, means.clipped]).collect()
}
