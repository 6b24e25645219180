//! Classes of examples, and their even division into parts that are held out in turn.

use std::collections::BTreeMap;
use std::ops::Range;

use kymograph_linalg::{Real, random};
use ndarray::{Array2, ArrayView1};

use crate::{MeasureError, Reading};

/// Labels renumbered from 0 in increasing order.
pub(super) struct Classes {
    of_example: Vec<usize>,
    count: usize,
}

impl Classes {
    pub(super) fn of(labels: ArrayView1<'_, i64>) -> Result<Self, MeasureError> {
        let mut numbers: BTreeMap<i64, usize> = labels.iter().map(|&label| (label, 0)).collect();
        numbers.values_mut().enumerate().for_each(|(place, number)| *number = place);
        if numbers.len() < 2 {
            return Err(MeasureError::BadLabels {
                found: numbers.len(),
                what: "class",
                needed: "a probe needs at least 2 classes to tell apart",
            });
        }
        Ok(Self { of_example: labels.iter().map(|label| numbers[label]).collect(), count: numbers.len() })
    }

    /// `[example, class]`, examples in the order given.
    pub(super) fn one_hot<T: Real>(&self, order: &[usize]) -> Array2<T> {
        let mut targets = Array2::zeros((order.len(), self.count));
        for (row, &example) in order.iter().enumerate() {
            targets[[row, self.of_example[example]]] = T::ONE;
        }
        targets
    }
}

/// A division of the examples into parts of equal size (±1) and like shares of every class.
pub(super) struct Folds {
    /// The examples, part after part.
    pub(super) order: Vec<usize>,
    starts: Vec<usize>,
}

impl Folds {
    /// Each class is shuffled and dealt out like cards, going on where the class before it stopped.
    pub(super) fn deal(
        measure: &'static str,
        classes: &Classes,
        folds: usize,
        seed: u64,
    ) -> Result<Self, MeasureError> {
        let n = classes.of_example.len();
        if folds < 2 || folds > n {
            return Err(MeasureError::BadOption {
                measure,
                option: "folds",
                value: folds.to_string(),
                expected: format!("from 2 to the number of examples, {n}"),
            });
        }
        let mut rng = random::stream(seed, "folds");
        let mut members = vec![Vec::new(); classes.count];
        for (example, &class) in classes.of_example.iter().enumerate() {
            members[class].push(example);
        }
        let mut parts = vec![Vec::new(); folds];
        let mut dealt = 0;
        for mut class in members {
            random::shuffle(&mut rng, &mut class);
            for example in class {
                parts[dealt % folds].push(example);
                dealt += 1;
            }
        }
        let mut starts = vec![0];
        for part in &parts {
            starts.push(starts[starts.len() - 1] + part.len());
        }
        Ok(Self { order: parts.concat(), starts })
    }

    pub(super) fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// Where a part lies in `order`.
    pub(super) fn range(&self, fold: usize) -> Range<usize> {
        self.starts[fold]..self.starts[fold + 1]
    }

    /// How many examples train the probe that is tested on this part.
    pub(super) fn training(&self, fold: usize) -> usize {
        self.order.len() - self.range(fold).len()
    }

    /// The accuracy of the classes named for every example, in the order of the parts.
    pub(super) fn reading(&self, classes: &Classes, named: &[usize]) -> Reading {
        let n = self.order.len();
        let truth: Vec<usize> = self.order.iter().map(|&example| classes.of_example[example]).collect();
        let mut totals = vec![0_usize; classes.count];
        truth.iter().for_each(|&class| totals[class] += 1);
        let mut per_row = vec![0.0; n];
        let (mut by_fold, mut n_train, mut n_test) = (Vec::new(), Vec::new(), Vec::new());
        let (mut right, mut majority_right) = (0, 0);
        for fold in 0..self.count() {
            let range = self.range(fold);
            let mut held_out = vec![0_usize; classes.count];
            truth[range.clone()].iter().for_each(|&class| held_out[class] += 1);
            // The lower class number of equals, as the probe itself does.
            let commonest = (0..classes.count).rev().max_by_key(|&class| totals[class] - held_out[class]).unwrap_or(0);
            majority_right += held_out[commonest];
            let mut right_here = 0;
            for place in range.clone() {
                if named[place] == truth[place] {
                    right_here += 1;
                    per_row[self.order[place]] = 1.0;
                }
            }
            right += right_here;
            by_fold.push(f64::from(right_here) / range.len() as f64);
            n_train.push((n - range.len()) as f64);
            n_test.push(range.len() as f64);
        }
        Reading::of(f64::from(right) / n as f64)
            .with_part("per_row", per_row)
            .with_part("fold_accuracy", by_fold)
            .with_part("majority_baseline", vec![majority_right as f64 / n as f64])
            .with_part("n_train", n_train)
            .with_part("n_test", n_test)
            .with_part("classes", vec![classes.count as f64])
    }
}
