//! Groups of permutations of a few points.

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
        let points = self.points();
        let code = |images: &mut dyn Iterator<Item = u8>| images.fold(0, |code, image| code * points + image as usize);
        let mut numbers = vec![0; points.pow(points as u32)];
        for (number, images) in self.images.iter().enumerate() {
            numbers[code(&mut images.iter().copied())] = number;
        }
        Group::of(name, self.images.len(), |a, b| {
            numbers[code(&mut self.images[a].iter().map(|&point| self.images[b][point as usize]))]
        })
    }

    /// Number of points.
    pub(crate) fn points(&self) -> usize {
        self.images[0].len()
    }

    /// Where an element moves a point.
    pub(crate) fn image(&self, element: usize, point: u8) -> u8 {
        self.images[element][point as usize]
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
