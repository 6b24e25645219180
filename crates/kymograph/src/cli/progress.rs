//! Progress on the terminal: a bar with loss and time left, and a line at every checkpoint of a training.

use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kymograph::Event;

use super::args::Common;

/// What the bar is showing.
#[derive(Clone, PartialEq, Eq)]
enum Stage {
    Nothing,
    Training(String),
    Capturing,
    Measuring,
    Drawing,
}

pub(crate) struct Terminal {
    quiet: bool,
    state: Mutex<(Stage, ProgressBar)>,
}

impl Terminal {
    pub(crate) fn new(common: &Common) -> Self {
        let quiet = common.quiet || common.json;
        Self { quiet, state: Mutex::new((Stage::Nothing, ProgressBar::hidden())) }
    }

    /// Removes the bar.
    pub(crate) fn clear(&self) {
        if let Ok(state) = self.state.lock() {
            state.1.finish_and_clear();
        }
    }

    pub(crate) fn show(&self, event: &Event<'_>) {
        if self.quiet {
            if let Event::Warning(text) = event {
                eprintln!("warning: {text}");
            }
            return;
        }
        match event {
            Event::Training(p) => {
                let bar = self.bar(Stage::Training(p.run()), p.steps as usize);
                bar.set_position(p.step);
                bar.set_message(format!("loss {:.4}", p.loss));
                if let Some(scores) = p.scores {
                    bar.suspend(|| eprintln!("{} step {:>5}  {scores}", p.run(), p.step));
                }
            }
            Event::AlreadyThere { run } => eprintln!("{run} is finished already and is not trained again"),
            Event::Capturing(done, all) => self.bar(Stage::Capturing, *all).set_position(*done as u64),
            Event::Measuring(done, all) => self.bar(Stage::Measuring, *all).set_position(*done as u64),
            Event::Drawing => self.bar(Stage::Drawing, 0).tick(),
            Event::Warning(text) => {
                self.clear();
                eprintln!("warning: {text}");
            }
        }
    }

    /// The bar of a stage, begun when the stage is new.
    fn bar(&self, stage: Stage, length: usize) -> ProgressBar {
        let Ok(mut state) = self.state.lock() else {
            return ProgressBar::hidden();
        };
        if state.0 != stage {
            state.1.finish_and_clear();
            let label = match &stage {
                Stage::Training(run) => format!("training {run}"),
                Stage::Capturing => "taking activations".to_owned(),
                Stage::Measuring => "measuring, with nulls".to_owned(),
                Stage::Drawing | Stage::Nothing => "drawing".to_owned(),
            };
            let bar = ProgressBar::with_draw_target(Some(length as u64), ProgressDrawTarget::stderr());
            let template = "{prefix} {wide_bar} {pos}/{len}  {msg}  {eta} left";
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(label);
            *state = (stage, bar);
        }
        state.1.clone()
    }
}
