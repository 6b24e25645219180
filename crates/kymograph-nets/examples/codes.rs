//! Answers `benches/peers/codes.py`: packed codes of many examples through a perceptron, and a picture of a plane.
//!
//! `codes FOLDER` reads `net.json` and `net.safetensors` (weights and the examples `x`) and then commands from standard input; it
//! answers each with a line of JSON: `codes` writes the words to `codes.bin`, `time N` gives the seconds of N times all codes,
//! `picture SIDE` the seconds of a picture of SIDE² points through the first three examples.

use std::error::Error;
use std::io::BufRead;
use std::path::PathBuf;
use std::time::Instant;

use kymograph_linalg::random;
use kymograph_nets::{Network, NetworkSpec, Plane, Polytopes, cpu_features};
use ndarray::ArrayD;
use safetensors::tensor::{Dtype, SafeTensors};

type State = Vec<(String, ArrayD<f32>)>;

fn floats(file: &SafeTensors<'_>) -> Result<State, Box<dyn Error>> {
    let mut tensors = Vec::new();
    for (key, view) in file.iter().filter(|(_, view)| view.dtype() == Dtype::F32) {
        let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        tensors.push((key.to_owned(), ArrayD::from_shape_vec(view.shape().to_vec(), values)?));
    }
    Ok(tensors)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: codes FOLDER")?);
    let spec: NetworkSpec = serde_json::from_slice(&std::fs::read(folder.join("net.json"))?)?;
    let bytes = std::fs::read(folder.join("net.safetensors"))?;
    let mut weights = floats(&SafeTensors::deserialize(&bytes)?)?;
    drop(bytes);
    let at = weights.iter().position(|(key, _)| key == "x").ok_or("no examples")?;
    let x = weights.swap_remove(at).1;
    let mut net = Network::<f32>::new(&spec, &mut random::stream(0, "init"))?;
    net.load_state_dict(&weights)?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["features"] => println!("{}", serde_json::to_string(&cpu_features())?),
            ["codes"] => {
                let codes = net.codes(x.view())?;
                let words: Vec<u8> = codes.words().iter().flat_map(|word| word.to_le_bytes()).collect();
                std::fs::write(folder.join("codes.bin"), words)?;
                println!("{}", serde_json::to_string(codes.words().shape())?);
            }
            ["time", count] => {
                let mut seconds = Vec::new();
                for _ in 0..count.parse::<usize>()? {
                    let start = Instant::now();
                    net.codes(x.view())?;
                    seconds.push(start.elapsed().as_secs_f64());
                }
                println!("{}", serde_json::to_string(&seconds)?);
            }
            ["picture", side] => {
                let polytopes = Polytopes::new(&net, "input")?;
                let side: usize = side.parse()?;
                let row = |at: usize| x.index_axis(ndarray::Axis(0), at).iter().map(|v| f64::from(*v)).collect();
                let points: [ndarray::Array1<f64>; 3] = [row(0), row(1), row(2)];
                let plane = Plane::through([points[0].view(), points[1].view(), points[2].view()])?;
                let ends: Vec<f64> = (0..side).map(|i| 60.0 * (i as f64 / side as f64 - 0.5)).collect();
                let start = Instant::now();
                let (codes, _) = polytopes.picture(&plane, &ends, &ends)?;
                println!("{}", serde_json::json!([start.elapsed().as_secs_f64(), codes.numbered().1]));
            }
            _ => return Err(format!("unknown command: {line}").into()),
        }
    }
    Ok(())
}
