//! Which representations are key, and in which order they were learned.

use kymograph_measures::groups::circuit::one_cube_loss;

use super::{Rows, WHOLE, exact};

/// Trace similarity above which a representation counts as learned: that of the published counts over runs.
const LEARNED: f64 = 0.05;
/// Shares of the logits' variance that the two families of released runs with sign and standard have explained.
const FAMILIES: [f64; 2] = [0.59, 0.85];

impl Rows<'_> {
    pub(super) fn learning(&mut self) {
        let table = self.numbers.table(self.composer);
        let Some(last) = self.numbers.last() else {
            return;
        };
        let names: Vec<String> = self.numbers.irreps.iter().map(|irrep| irrep.name.clone()).collect();
        let column = |name: &str| format!("logit_{name}_rep_trace_similarity");
        let mut learned = Vec::new();
        let mut firsts: Vec<(String, u64)> = Vec::new();
        let mut shown = Vec::new();
        for name in &names {
            let Some(&similarity) = last.get(&column(name)) else {
                continue;
            };
            if similarity > LEARNED {
                learned.push(name.clone());
            }
            shown.push((name.clone(), f64::from(u8::from(similarity > LEARNED))));
            if let Some((steps, values)) = table.column(&column(name)).filter(|(steps, _)| steps.len() > 2)
                && let Some(at) = values.iter().position(|v| *v > LEARNED)
            {
                firsts.push((name.clone(), steps[at]));
            }
        }
        for (name, value) in &shown {
            self.add("key_representation", name, *value);
        }
        let earliest = firsts.iter().map(|(_, step)| *step).min();
        if let Some(earliest) = earliest {
            for (name, _) in &shown {
                let at = firsts.iter().find(|(first, _)| first == name).map(|(_, step)| *step);
                self.add("learned_first", name, f64::from(u8::from(at == Some(earliest))));
                if let Some(at) = at {
                    self.add("learned_at_step", name, at as f64);
                }
            }
        }
        self.add("key_representations", WHOLE, learned.len() as f64);
        learned.sort();
        if let Some(&explained) = last.get("percent_logits_explained").filter(|_| learned == ["sign", "standard"]) {
            let nearest = FAMILIES.iter().map(|family| (explained - family).abs()).fold(f64::INFINITY, f64::min);
            self.add("distance_to_published_family", WHOLE, nearest);
        }
        if !names.iter().any(|name| name == "sign") {
            return;
        }
        let cube = one_cube_loss(self.composer.group.order());
        let closed = "the published \"baseline loss\" is this closed form, the loss of the sign character alone";
        let row = self.add("sign_cube_loss", "sign", cube);
        row.nulls = exact("closed_form", cube);
        row.notes.push(closed.to_owned());
    }
}
