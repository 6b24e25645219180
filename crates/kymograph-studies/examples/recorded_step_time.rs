//! Answers `benches/peers/step_seed1.py`: steps of the networks it describes in a folder, with everything recorded that the
//! study `optimization` records at every step.

#[path = "../../kymograph-nets/examples/peer/classifier.rs"]
mod classifier;
#[path = "../../kymograph-nets/examples/peer/mod.rs"]
mod peer;

use std::error::Error;
use std::path::Path;

use classifier::Classifier;
use kymograph_nets::StepStats;
use kymograph_runs::{Manifest, Recorder};
use kymograph_studies::classification::{Followed, Settings};
use kymograph_studies::{Choice, StudyFile, optimization};
use serde_json::Value;

struct Recorded {
    classifier: Classifier,
    followed: Followed,
    recorder: Recorder,
}

impl peer::Case for Recorded {
    fn open(folder: &Path, name: &str) -> Result<Self, Box<dyn Error>> {
        let classifier = Classifier::open(folder, name)?;
        // What is done on a schedule is left out: the second pass, whole gradients.
        let set = ["second_pass_every", "gradients_every"].map(|key| (key.to_owned(), "0".to_owned()));
        let study = &optimization::STUDY;
        let choice = Choice { set: &set, ..Choice::default() };
        let settings = Settings::read(study, &StudyFile::read(study)?, &["cnn_adam"], choice)?;
        let followed = Followed::new(&settings, &classifier.net)?.ok_or("the study follows no gradients")?;
        let place = (0..).map(|k| folder.join(format!("{name}-run-{k}"))).find(|place| !place.exists());
        let manifest = Manifest::new("step time", Value::Null, Value::Null, None);
        Ok(Self { classifier, followed, recorder: Recorder::create(place.ok_or("no place")?, &manifest)? })
    }

    fn step(&mut self) -> Result<StepStats, Box<dyn Error>> {
        let stats = self.classifier.step()?;
        // The batch is looked at again by the second pass alone.
        let (images, labels) = self.classifier.batch();
        let step = self.classifier.taken as u64;
        self.followed.step(&mut self.recorder, &self.classifier.net, step, images, labels)?;
        Ok(stats)
    }

    fn gradients(&self) -> peer::State {
        self.classifier.net.gradients()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    peer::answer::<Recorded>()
}
