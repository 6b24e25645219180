//! Answers `benches/peers/mmcs.py`: the mean maximal cosine of each dictionary of a file with the next, and how long it takes.
//!
//! `mean_max_cosines FILE DICTIONARIES LATENTS WIDTH` reads f32 numbers, dictionary by dictionary and row by row, and commands from
//! standard input; each is answered with a line of JSON: `values`, or `time N` for the seconds of N turns through all pairs.

use std::error::Error;
use std::io::BufRead;
use std::time::Instant;

use kymograph_measures::MeasureError;
use kymograph_measures::dictionaries::mean_max_cosine;
use ndarray::{Array3, Axis};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: mean_max_cosines FILE DICTIONARIES LATENTS WIDTH");
    let bytes = std::fs::read(next()?)?;
    let shape = (next()?.parse()?, next()?.parse()?, next()?.parse()?);
    let numbers = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let dictionaries = Array3::from_shape_vec(shape, numbers)?;
    let values = || -> Result<Vec<f64>, MeasureError> {
        let next = dictionaries.axis_iter(Axis(0)).skip(1);
        dictionaries.axis_iter(Axis(0)).zip(next).map(|(x, y)| Ok(mean_max_cosine(x, y)?.value)).collect()
    };
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["values"] => println!("{}", serde_json::to_string(&values()?)?),
            ["time", count] => {
                let mut seconds = Vec::new();
                for _ in 0..count.parse::<usize>()? {
                    let start = Instant::now();
                    values()?;
                    seconds.push(start.elapsed().as_secs_f64());
                }
                println!("{}", serde_json::to_string(&seconds)?);
            }
            _ => return Err(format!("unknown command: {line}").into()),
        }
    }
    Ok(())
}
