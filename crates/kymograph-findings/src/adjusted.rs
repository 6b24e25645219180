//! P values of many findings at once: what a list of them may call beyond its null.

use std::collections::BTreeMap;

use kymograph_linalg::statistics::benjamini_hochberg;

use crate::finding::Finding;

/// Which findings still lie beyond their main null when a whole list of them is looked at? Each finding's p-value of its main
/// null, adjusted over the findings that are listed together: those of the same measure, network and null, main runs and
/// each control apart (Benjamini and Hochberg 1995, 10.1111/j.2517-6161.1995.tb02031.x).
///
/// In the findings' order; `None` where the main null has no p-value. Calling those of a list below q beyond their null
/// keeps the expected share of false calls below q. Rows of one run depend on one another, positively for similarities of
/// overlapping steps, as the correction allows. With m draws no p-value is below 1 / (1 + m), so that with few draws a list
/// of which only a small part is real shows nothing.
#[must_use]
pub fn adjusted_p(findings: &[Finding]) -> Vec<Option<f64>> {
    let mut lists: BTreeMap<[&str; 4], Vec<(usize, f64)>> = BTreeMap::new();
    for (index, finding) in findings.iter().enumerate() {
        if let Some((null, p)) = finding.null().and_then(|null| Some((null, null.p?))) {
            let control = finding.run.control.as_deref().unwrap_or_default();
            let list = [finding.measure.as_str(), finding.run.network.as_str(), control, null.kind.as_str()];
            lists.entry(list).or_default().push((index, p));
        }
    }
    let mut adjusted = vec![None; findings.len()];
    for list in lists.into_values() {
        let p: Vec<f64> = list.iter().map(|(_, p)| *p).collect();
        // Only a p-value outside [0, 1] is refused, which a file from elsewhere might hold: then nothing is called.
        let of_list = benjamini_hochberg(&p).unwrap_or_else(|_| vec![1.0; p.len()]);
        for ((index, _), p) in list.into_iter().zip(of_list) {
            adjusted[index] = Some(p);
        }
    }
    adjusted
}
