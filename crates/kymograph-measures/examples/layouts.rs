//! Answers `benches/peers/tsne.py` and `umap.py`: lays rows out and says how long that took.
//!
//! `layouts X.f32 COLUMNS` reads commands from standard input and answers each with a line of JSON: `tsne OUT` and `umap OUT`
//! lay out and write, `judge OUT` gives the trustworthiness (k = 15) and the kept neighbours (k = 10) of any layout.

use std::error::Error;
use std::io::BufRead;
use std::time::Instant;

use kymograph_measures::embeddings::{TsneOptions, UmapOptions, knn_preservation, trustworthiness, tsne, umap};
use ndarray::Array2;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, columns] = &arguments[..] else { return Err("usage: layouts X.f32 COLUMNS".into()) };
    let x = matrix(file, columns.parse()?)?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let answer = match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["tsne", out] => {
                let start = Instant::now();
                let layout = tsne(x.view(), &TsneOptions::default())?;
                let seconds = start.elapsed().as_secs_f64();
                write(out, &layout.embedding)?;
                serde_json::json!({ "seconds": seconds, "kl_divergence": layout.kl_divergence })
            }
            ["umap", out] => {
                let start = Instant::now();
                let layout = umap(x.view(), &UmapOptions::default())?;
                let seconds = start.elapsed().as_secs_f64();
                write(out, &layout.embedding)?;
                serde_json::json!({ "seconds": seconds })
            }
            ["judge", layout] => {
                let y = matrix(layout, 2)?;
                serde_json::json!({
                    "trustworthiness": trustworthiness(x.view(), y.view(), 15)?.value,
                    "knn_preservation": knn_preservation(x.view(), y.view(), 10)?.value,
                })
            }
            _ => return Err(format!("unknown command: {line}").into()),
        };
        println!("{answer}");
    }
    Ok(())
}

/// Numbers as they lie in memory, f32 in little-endian order, row after row.
fn matrix(file: &str, columns: usize) -> Result<Array2<f32>, Box<dyn Error>> {
    let values: Vec<f32> = std::fs::read(file)?.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Ok(Array2::from_shape_vec((values.len() / columns.max(1), columns), values)?)
}

fn write(file: &str, layout: &Array2<f64>) -> Result<(), Box<dyn Error>> {
    let bytes: Vec<u8> = layout.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect();
    Ok(std::fs::write(file, bytes)?)
}
