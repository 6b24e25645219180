//! How well a classifier does: loss, accuracy, and precision, recall and F1 averaged over classes.

use std::fmt;

use ndarray::ArrayView2;

/// Scores of a classifier on a set of examples.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// Mean cross-entropy, nats.
    pub loss: f64,
    /// Share of examples whose largest logit is at their label.
    pub accuracy: f64,
    /// Mean over classes of TP / (TP + FP); a class never predicted counts 0.
    pub macro_precision: f64,
    /// Mean over classes present of TP / (TP + FN).
    pub macro_recall: f64,
    /// Mean over classes of the harmonic mean of precision and recall.
    pub macro_f1: f64,
    /// Recall of each class, which is its accuracy; `None` for a class without examples.
    pub class_accuracy: Vec<Option<f64>>,
}

/// Scores logits (example, class) against labels. Ties go to the lower class, as in NumPy's and PyTorch's argmax.
///
/// # Panics
/// If there are no examples, if the lengths differ, or if a label is no class: the callers built these arrays.
#[must_use]
pub fn scores(logits: ArrayView2<'_, f32>, labels: &[usize]) -> Scores {
    let classes = logits.ncols();
    assert!(!labels.is_empty() && logits.nrows() == labels.len(), "one row of logits for each label");
    let mut confusion = vec![vec![0_usize; classes]; classes];
    let mut loss = 0.0;
    for (row, &label) in logits.rows().into_iter().zip(labels) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let predicted = row.iter().position(|&v| v == largest).unwrap_or(0);
        let sum: f64 = row.iter().map(|&v| f64::from(v - largest).exp()).sum();
        loss += sum.ln() - f64::from(row[label] - largest);
        confusion[label][predicted] += 1;
    }
    let n = labels.len() as f64;
    let hits = |c: usize| confusion[c][c] as f64;
    let of_class = |c: usize| confusion[c].iter().sum::<usize>() as f64;
    let predicted_as = |c: usize| confusion.iter().map(|row| row[c]).sum::<usize>() as f64;
    let ratio = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
    let present: Vec<usize> = (0..classes).filter(|&c| of_class(c) > 0.0).collect();
    let mean = |f: &dyn Fn(usize) -> f64| present.iter().map(|&c| f(c)).sum::<f64>() / present.len() as f64;
    Scores {
        loss: loss / n,
        accuracy: (0..classes).map(hits).sum::<f64>() / n,
        macro_precision: mean(&|c| ratio(hits(c), predicted_as(c))),
        macro_recall: mean(&|c| ratio(hits(c), of_class(c))),
        macro_f1: mean(&|c| ratio(2.0 * hits(c), of_class(c) + predicted_as(c))),
        class_accuracy: (0..classes).map(|c| (of_class(c) > 0.0).then(|| hits(c) / of_class(c))).collect(),
    }
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "held out: loss {:.4}  accuracy {:.4}  F1 {:.4}  precision {:.4}  recall {:.4}  by class %",
            self.loss, self.accuracy, self.macro_f1, self.macro_precision, self.macro_recall
        )?;
        for class in &self.class_accuracy {
            match class {
                Some(accuracy) => write!(f, " {:.0}", 100.0 * accuracy)?,
                None => f.write_str(" –")?,
            }
        }
        Ok(())
    }
}

impl Scores {
    /// The scores as columns of a series table.
    #[must_use]
    pub fn columns(&self) -> Vec<(String, f64)> {
        let mut columns = vec![
            ("loss".to_owned(), self.loss),
            ("accuracy".to_owned(), self.accuracy),
            ("macro_precision".to_owned(), self.macro_precision),
            ("macro_recall".to_owned(), self.macro_recall),
            ("macro_f1".to_owned(), self.macro_f1),
        ];
        let classes = self.class_accuracy.iter().enumerate();
        columns.extend(classes.filter_map(|(c, a)| Some((format!("accuracy_class_{c}"), (*a)?))));
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn scores_of_a_case_worked_by_hand() {
        // Predictions 0, 1, 1, 1 for labels 0, 0, 1, 2.
        let logits = array![[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 2.0, 0.0], [0.0, 2.0, 0.0_f32]];
        let s = scores(logits.view(), &[0, 0, 1, 2]);
        assert!((s.accuracy - 0.5).abs() < 1e-15);
        assert_eq!(s.class_accuracy, vec![Some(0.5), Some(1.0), Some(0.0)]);
        assert!((s.macro_precision - (1.0 + 1.0 / 3.0 + 0.0) / 3.0).abs() < 1e-15);
        assert!((s.macro_recall - 0.5).abs() < 1e-15);
        assert!((s.macro_f1 - (2.0 / 3.0 + 0.5 + 0.0) / 3.0).abs() < 1e-15);
        let z = 2.0_f64.exp() + 2.0;
        let expected = (2.0 * (z.ln() - 2.0) + 2.0 * z.ln()) / 4.0;
        assert!((s.loss - expected).abs() < 1e-7);
    }

    #[test]
    fn huge_logits_do_not_overflow_and_absent_classes_do_not_count() {
        let logits = array![[1e30, -1e30], [1e30, 0.0_f32]];
        let s = scores(logits.view(), &[0, 0]);
        assert_eq!((s.accuracy, s.macro_f1, s.loss), (1.0, 1.0, 0.0));
        assert_eq!(s.class_accuracy, vec![Some(1.0), None]);
    }
}
