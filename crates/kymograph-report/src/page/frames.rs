//! A figure per step behind a slider: filters, attention maps, similarity matrices.

use serde_json::{Value, json};

use super::chart;
use crate::ReportError;
use crate::figure::Figure;

/// Figures of one kind and one shape, one of them visible at a time.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Frames {
    /// What the slider moves along, such as `step`.
    pub label: String,
    /// The frames, in the slider's order.
    pub frames: Vec<Frame>,
    /// Number of the frame shown first.
    pub start: usize,
}

/// One position of the slider.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Name of the position, such as the step.
    pub name: String,
    /// What it shows. Frames compare only if their colour scales have equal, fixed ranges.
    pub figure: Figure,
}

impl Frames {
    /// Data for the page's script; nothing when there are fewer than two frames or one of them stays a picture.
    ///
    /// # Errors
    /// Those of [`Figure::check`].
    pub(super) fn data(&self) -> Result<Option<Value>, ReportError> {
        self.frames.iter().try_for_each(|f| f.figure.check())?;
        let charts: Option<Vec<Value>> = self.frames.iter().map(|f| chart::chart(&f.figure)).collect();
        let alike = |charts: &Vec<Value>| charts.windows(2).all(|w| w[0]["kind"] == w[1]["kind"]);
        let names: Vec<&str> = self.frames.iter().map(|f| f.name.as_str()).collect();
        Ok(charts.filter(|c| c.len() > 1 && alike(c)).map(|charts| {
            let start = self.start.min(charts.len() - 1);
            json!({
                "kind": "frames", "label": self.label, "names": names, "start": start,
                "title": charts[start]["title"], "note": charts[start]["note"], "charts": charts,
            })
        }))
    }
}
