//! How long it takes to follow a path through the whole `cnn` of the study `polytopes`: parts of the way between two images are followed
//! exactly, and the whole is extrapolated from them.
//!
//!     cargo run --release -p kymograph-studies --example cnn_path_time [PARTS]

use std::error::Error;
use std::time::Instant;

use kymograph_linalg::random::stream;
use kymograph_nets::{Curve, Network, Polytopes};
use kymograph_runs::packed_mnist;
use kymograph_studies::polytopes;
use ndarray::Array1;

fn main() -> Result<(), Box<dyn Error>> {
    let parts: usize = std::env::args().nth(1).map_or(Ok(64), |text| text.parse())?;
    let spec = polytopes::network("cnn").ok_or("no network")?;
    let network = Network::<f32>::new(&spec, &mut stream(0, "init"))?;
    let whole = Polytopes::new(&network, "input")?;
    let data = packed_mnist()?;
    let image = |at: usize| -> Array1<f64> {
        data.train
            .images
            .index_axis(ndarray::Axis(0), at)
            .iter()
            .map(|v| (f64::from(*v) / 255.0 - 0.1307) / 0.3081)
            .collect()
    };
    let (from, to) = (image(0), image(1));
    let at = |share: f64| &from + &((&to - &from) * share);
    let (mut crossings, mut seconds) = (0, 0.0);
    for part in [0, parts / 3, 2 * parts / 3] {
        let (start, end) = (at(part as f64 / parts as f64), at((part + 1) as f64 / parts as f64));
        let begun = Instant::now();
        let found = whole.crossings(start.view(), end.view(), Curve::Segment)?;
        let took = begun.elapsed().as_secs_f64();
        println!("part {part} of {parts}: {} crossings {:?} in {took:.2} s", found.total(), found.counts);
        crossings += found.total();
        seconds += took;
    }
    let times = parts as f64 / 3.0;
    println!("whole path: about {:.0} crossings, {:.0} s on one thread", crossings as f64 * times, seconds * times);
    Ok(())
}
