//! Groups of permutations of a few points.

use std::collections::HashMap;

use super::Group;

/// The permutations of a group in the order of its elements, each as the images of the points 0, 1, ….
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Permutations {
    images: Vec<Vec<u8>>,
}

impl Permutations {
    /// The products of one permutation from each level, the last level first; the first level runs fastest.
    pub(super) fn listed(points: usize, levels: &[&[&str]]) -> Self {
        let mut images = vec![(0..points as u8).collect::<Vec<u8>>()];
        for level in levels.iter().rev() {
            images = images
                .iter()
                .flat_map(|deep| {
                    level.iter().map(|text| deep.iter().map(|&point| text.as_bytes()[point as usize] - b'0').collect())
                })
                .collect();
        }
        Self { images }
    }

    /// The group, in which `ab` is a first, then b.
    pub(super) fn group(&self, name: &str) -> Group {
        let numbers: HashMap<&[u8], usize> =
            self.images.iter().enumerate().map(|(number, images)| (images.as_slice(), number)).collect();
        let mut composed = Vec::new();
        let mut table = Vec::with_capacity(self.images.len() * self.images.len());
        for a in &self.images {
            for b in &self.images {
                composed.clear();
                composed.extend(a.iter().map(|&point| b[point as usize]));
                table.push(numbers[composed.as_slice()]);
            }
        }
        Group::of(name, self.images.len(), |a, b| table[a * self.images.len() + b])
    }

    /// Number of points.
    pub(crate) fn points(&self) -> usize {
        self.images[0].len()
    }

    /// The element with these images.
    pub(crate) fn find(&self, images: &[u8]) -> Option<usize> {
        self.images.iter().position(|found| found == images)
    }

    /// How many points an element leaves in place.
    pub(crate) fn fixed_points(&self, element: usize) -> usize {
        self.images[element].iter().enumerate().filter(|(point, image)| *point == **image as usize).count()
    }

    /// Every element as its cycles, `e` for the identity.
    pub(super) fn names(&self) -> Vec<String> {
        self.images.iter().map(|images| cycles(images)).collect()
    }
}

fn cycles(images: &[u8]) -> String {
    let mut seen = vec![false; images.len()];
    let mut text = String::new();
    for start in 0..images.len() {
        let mut cycle = Vec::new();
        let mut point = start;
        while !seen[point] {
            seen[point] = true;
            cycle.push(point.to_string());
            point = images[point] as usize;
        }
        if cycle.len() > 1 {
            text.push_str(&format!("({})", cycle.join(" ")));
        }
    }
    if text.is_empty() { "e".to_owned() } else { text }
}
