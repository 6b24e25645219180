//! From the command line to the library and back to the terminal.

mod args;
mod print;
mod progress;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use kymograph::findings::Judgement;
use kymograph::findings::Verdict;
use kymograph::runs::ExportFormat;
use kymograph::{
    AnalyzeRequest, CaptureRequest, Derived, ExportRequest, FitMethod, FitRequest, JudgeRequest, KymographError,
    MeasureRequest, RunRequest, SaeRequest, SaeStart, SaeVariant,
};

use args::{CaptureArgs, Cli, Command, Common, FitArgs, Format, Method, Start, Variant};
use progress::Terminal;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const REFUTED: u8 = 3;

pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(threads) = cli.common.threads {
        // The pool can be built once only, and this is the first thing that happens.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(usize::from(threads)).build_global();
    }
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            let usage = error.is_usage();
            eprintln!("{:?}", miette::Report::new(*error));
            ExitCode::from(if usage { USAGE } else { FAILED })
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, Box<KymographError>> {
    let common = cli.common;
    match cli.command {
        Command::Run(args) => {
            let terminal = Terminal::new(&common);
            let request = RunRequest {
                study: args.study,
                seeds: args.seed.map(|s| vec![s]).or_else(|| args.seeds.map(Iterator::collect)),
                set: args.set,
                recipe: args.recipe,
                quick: args.quick,
                data_dir: args.data_dir,
                out: args.out,
                resume: args.resume,
                force: args.force,
                activation_budget: None,
                tensorboard: args.tensorboard,
            };
            let derived = kymograph::run_study(&request, &|event| terminal.show(&event))?;
            terminal.clear();
            finish(&derived, &common, args.pdf, args.check)
        }
        Command::Analyze(args) => {
            let terminal = Terminal::new(&common);
            let request = AnalyzeRequest {
                paths: args.paths,
                plan: args.plan,
                predictions: args.predictions,
                labels: args.labels,
                out: args.out,
                force: args.force,
            };
            let derived = kymograph::analyze(&request, &|event| terminal.show(&event))?;
            terminal.clear();
            finish(&derived, &common, args.pdf, args.check)
        }
        Command::Report(args) => {
            let terminal = Terminal::new(&common);
            let derived = kymograph::report(&args.experiment, &|event| terminal.show(&event))?;
            terminal.clear();
            finish(&derived, &common, args.pdf, false)
        }
        Command::Judge(args) => {
            let terminal = Terminal::new(&common);
            let request = JudgeRequest { paths: args.paths, predictions: args.predictions, plan: args.plan };
            let judged = kymograph::judge(&request, &|event| terminal.show(&event))?;
            terminal.clear();
            print::judged(&judged, &common);
            Ok(checked(&judged.verdicts, args.check))
        }
        Command::Capture(args) => {
            let CaptureArgs { model, data, hook, out, force } = args;
            let request = CaptureRequest { model, data, hooks: hook, out, force };
            print::captured(&kymograph::capture(&request)?, &common);
            Ok(ExitCode::SUCCESS)
        }
        Command::Export(args) => {
            let format = match args.format {
                Format::Safetensors => ExportFormat::Safetensors,
                Format::Torch => ExportFormat::Torch,
            };
            let request = ExportRequest { paths: args.paths, format, out: args.out, force: args.force };
            print::exported(&kymograph::export(&request)?, &common);
            Ok(ExitCode::SUCCESS)
        }
        Command::Inspect { path } => {
            print::inspected(&kymograph::inspect(&path)?, common.json);
            Ok(ExitCode::SUCCESS)
        }
        Command::Measure(args) => {
            let request = MeasureRequest { name: args.name, arrays: args.arrays, set: args.set };
            print::measured(&kymograph::measure(&request)?, &common);
            Ok(ExitCode::SUCCESS)
        }
        Command::Fit(args) => {
            if let (true, Some(option)) = (args.method != Method::Sae, args.sae.given()) {
                let detail = "is an option of `fit sae`; the others take --set KEY=VALUE".to_owned();
                return Err(Box::new(KymographError::Argument { argument: option.to_owned(), detail }));
            }
            let method = match args.method {
                Method::Sae => return fit_sae(args, &common),
                Method::Pca => FitMethod::Pca,
                Method::Ica => FitMethod::Ica,
                Method::Nmf => FitMethod::Nmf,
                Method::Tsne => FitMethod::Tsne,
                Method::Umap => FitMethod::Umap,
                Method::Kmeans => FitMethod::Kmeans,
            };
            let request = FitRequest { method, array: args.array, set: args.set, out: args.out, force: args.force };
            print::fitted(&kymograph::fit(&request)?, &common);
            Ok(ExitCode::SUCCESS)
        }
        Command::List { what } => {
            print::list(what, common.json);
            Ok(ExitCode::SUCCESS)
        }
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "kymograph", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn fit_sae(args: FitArgs, common: &Common) -> Result<ExitCode, Box<KymographError>> {
    let FitArgs { array, set, out, force, sae, .. } = args;
    if let Some((key, value)) = set.first() {
        let (argument, detail) = (format!("--set {key}={value}"), "`fit sae` has options of its own".to_owned());
        return Err(Box::new(KymographError::Argument { argument, detail }));
    }
    let request = SaeRequest {
        activations: array,
        targets: sae.targets,
        latents: sae.latents,
        variant: match sae.variant.unwrap_or(Variant::Topk) {
            Variant::Relu => SaeVariant::Relu,
            Variant::Topk => SaeVariant::TopK,
            Variant::Batchtopk => SaeVariant::BatchTopK,
            Variant::Jumprelu => SaeVariant::JumpRelu,
            Variant::Gated => SaeVariant::Gated,
            Variant::Matryoshka => SaeVariant::Matryoshka,
        },
        k: sae.k.unwrap_or(32),
        penalty: sae.l1.unwrap_or(0.01),
        tied: sae.tied,
        start: match sae.start.unwrap_or(Start::Random) {
            Start::Random => SaeStart::Random,
            Start::Orthogonal => SaeStart::Orthogonal,
            Start::Data => SaeStart::Data,
            Start::Pca => SaeStart::Pca,
            Start::Axes => SaeStart::Axes,
        },
        steps: sae.steps.unwrap_or(10_000),
        batch: sae.batch,
        learning_rate: sae.lr.unwrap_or(3e-4),
        dead_after: sae.dead_after.unwrap_or(1000),
        seed: sae.seed.unwrap_or(0),
        memory: sae.memory.unwrap_or(1024) << 20,
        out,
        from: sae.from,
        resume: sae.resume,
        force,
    };
    let terminal = Terminal::new(common);
    let fitted = kymograph::fit_sae(&request, &|event| terminal.show(&event))?;
    terminal.clear();
    print::fitted_sae(&fitted, common);
    Ok(ExitCode::SUCCESS)
}

fn finish(derived: &Derived, common: &Common, pdf: bool, check: bool) -> Result<ExitCode, Box<KymographError>> {
    if pdf {
        kymograph::figures_as_pdf(derived)?;
    }
    print::derived(derived, common);
    Ok(checked(&derived.verdicts, check))
}

fn checked(verdicts: &[Verdict], check: bool) -> ExitCode {
    let refuted = verdicts.iter().flat_map(|v| &v.predictions).any(|p| p.judgement == Judgement::Refuted);
    ExitCode::from(if check && refuted { REFUTED } else { 0 })
}
