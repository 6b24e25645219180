//! Conjugacy classes and characters.

use super::Group;

/// Which elements are the same up to relabelling by the group itself?
///
/// The conjugacy classes, each in rising order; that of the identity first, the others by their smallest element.
pub fn conjugacy_classes(group: &Group) -> Vec<Vec<usize>> {
    let (label, sizes) = orbits(group, |_| None);
    collect(&label, sizes.len())
}

/// Conjugacy classes, each joined with the class of the inverses: the class of every element, and the size of every class.
pub(super) fn real_classes(group: &Group) -> (Vec<usize>, Vec<usize>) {
    orbits(group, |g| Some(group.inverse(g)))
}

fn collect(label: &[usize], count: usize) -> Vec<Vec<usize>> {
    let mut classes = vec![Vec::new(); count];
    for (element, &class) in label.iter().enumerate() {
        classes[class].push(element);
    }
    classes
}

/// Sets closed under conjugation and one more map.
fn orbits(group: &Group, more: impl Fn(usize) -> Option<usize>) -> (Vec<usize>, Vec<usize>) {
    let generators = group.generators();
    let mut label = vec![usize::MAX; group.order()];
    let mut sizes = Vec::new();
    for start in std::iter::once(group.identity()).chain(0..group.order()) {
        if label[start] != usize::MAX {
            continue;
        }
        let mut members = vec![start];
        label[start] = sizes.len();
        let mut at = 0;
        while at < members.len() {
            let member = members[at];
            let conjugates = generators.iter().map(|&by| group.product(group.inverse(by), group.product(member, by)));
            for next in conjugates.chain(more(member)) {
                if label[next] == usize::MAX {
                    label[next] = sizes.len();
                    members.push(next);
                }
            }
            at += 1;
        }
        sizes.push(members.len());
    }
    (label, sizes)
}
