//! How soon does a network of pairs generalise? Trains one for each seed and prints when train and test accuracy pass
//! .99, .95 and .99, to compare recipes.
//!
//! `pair_recipes [group=s5] [arch=sum] [embed=256] [hidden=128] [fraction=0.5] [optimiser=adam] [lr=0.01] [decay=2e-5]
//! [beta2=0.999] [loss=double] [steps=10000] [every=100] [first=0] [seeds=8]`; groups: cN, dN, sN (N ≤ 6). `adam` puts
//! the decay into the gradient, `adamw` shrinks the weights. A run ends when test accuracy has passed .99 for good, or
//! after `steps`.

use std::error::Error;
use std::time::Instant;

use kymograph_linalg::random;
use kymograph_nets::{LossPrecision, OptimiserSpec, PairArchitecture, PairNetwork, PairSet, PairSpec, Schedule};

struct Options(Vec<(String, String)>);

impl Options {
    fn text<'a>(&'a self, key: &str, default: &'a str) -> &'a str {
        self.0.iter().find(|(known, _)| known == key).map_or(default, |(_, value)| value)
    }

    fn number<V: std::str::FromStr>(&self, key: &str, default: V) -> Result<V, String> {
        match self.0.iter().find(|(known, _)| known == key) {
            Some((_, value)) => value.parse().map_err(|_| format!("{key}={value} is no number")),
            None => Ok(default),
        }
    }
}

/// A group's order and table.
fn group(name: &str) -> Result<(usize, Vec<u32>), String> {
    let n: usize = name.get(1..).and_then(|n| n.parse().ok()).ok_or(format!("no group {name}"))?;
    let (order, product): (usize, Box<dyn Fn(usize, usize) -> usize>) = match name.as_bytes()[0] {
        b'c' => (n, Box::new(move |a, b| (a + b) % n)),
        b'd' => (
            2 * n,
            Box::new(move |a, b| {
                let turned = if a < n { a % n + b % n } else { a % n + n - b % n } % n;
                turned + n * ((a / n + b / n) % 2)
            }),
        ),
        b's' if n <= 6 => {
            let elements = permutations(n);
            let place = elements.clone();
            let product = move |a: usize, b: usize| {
                let both: Vec<usize> = elements[a].iter().map(|&i| elements[b][i]).collect();
                place.iter().position(|p| *p == both).unwrap_or(0)
            };
            ((1..=n).product(), Box::new(product))
        }
        _ => return Err(format!("no group {name}")),
    };
    Ok((order, (0..order * order).map(|at| product(at / order, at % order) as u32).collect()))
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    permutations(n - 1)
        .into_iter()
        .flat_map(|short| (0..n).map(move |at| [&short[..at], &[n - 1], &short[at..]].concat()))
        .collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = std::env::args().skip(1).map(|argument| {
        argument.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())).ok_or(format!("{argument}: not key=value"))
    });
    let options = Options(options.collect::<Result<_, _>>()?);
    let (order, table) = group(options.text("group", "s5"))?;
    let hidden = options.number("hidden", 128)?;
    let architecture = match options.text("arch", "sum") {
        "sum" => PairArchitecture::Sum { hidden },
        "bilinear" => PairArchitecture::Bilinear { hidden },
        "mlp" => PairArchitecture::Mlp { embed: options.number("embed", 256)?, hidden, bias: false },
        other => return Err(format!("no architecture {other}").into()),
    };
    let (lr, weight_decay) = (options.number("lr", 1e-2)?, options.number("decay", 2e-5)?);
    let betas = [0.9, options.number("beta2", 0.999)?];
    let (eps, schedule) = (1e-8, Schedule::Constant);
    let optimiser = match options.text("optimiser", "adam") {
        "adam" => OptimiserSpec::Adam { lr, betas, eps, weight_decay, schedule },
        "adamw" => OptimiserSpec::AdamW { lr, betas, eps, weight_decay, schedule },
        other => return Err(format!("no optimiser {other}").into()),
    };
    let precision = match options.text("loss", "double") {
        "double" => LossPrecision::Double,
        "weights" => LossPrecision::Weights,
        other => return Err(format!("no loss {other}").into()),
    };
    let (fraction, steps, every): (f64, usize, usize) =
        (options.number("fraction", 0.5)?, options.number("steps", 10_000)?, options.number("every", 100)?);
    let first: u64 = options.number("first", 0)?;
    let spec = PairSpec { order, architecture };
    println!("{spec:?} fraction {fraction} {optimiser:?} {precision:?}");
    for seed in first..first + options.number("seeds", 8)? {
        let shuffled = random::permutation(&mut random::stream(seed, "split"), table.len());
        let (train, test) = shuffled.split_at((fraction * table.len() as f64) as usize);
        let (train, test) = (PairSet::new(&table, order, train)?, PairSet::new(&table, order, test)?);
        let mut net = PairNetwork::<f32>::new(&spec, &mut random::stream(seed, "init"))?;
        let mut state = net.optimiser(optimiser.clone())?;
        let started = Instant::now();
        let (mut fitted, mut most, mut nearly_all) = (None, None, None);
        let mut last = String::new();
        for step in 1..=steps {
            let stats = net.train_step(&train, precision, &mut state)?;
            let correct = stats.correct.unwrap_or(0) as f64 / train.len() as f64;
            if fitted.is_none() && correct >= 0.99 {
                fitted = Some(step);
            }
            if step % every == 0 || step == steps {
                let test = net.evaluate(&test, LossPrecision::Double)?;
                for (bar, passed) in [(0.95, &mut most), (0.99, &mut nearly_all)] {
                    if test.accuracy < bar {
                        *passed = None;
                    } else {
                        passed.get_or_insert(step);
                    }
                }
                last = format!("train {correct:.4} {:.2e}, test {:.4} {:.2e}", stats.loss, test.accuracy, test.loss);
                if nearly_all.is_some_and(|at| step >= at + 5 * every) {
                    break;
                }
            }
        }
        let told = |at: Option<usize>| at.map_or("never".to_owned(), |at| at.to_string());
        println!(
            "seed {seed}: train .99 at {}, test .95 at {}, .99 at {}; {last}; {} steps, {:.1} s",
            told(fitted),
            told(most),
            told(nearly_all),
            state.steps(),
            started.elapsed().as_secs_f64()
        );
    }
    Ok(())
}
