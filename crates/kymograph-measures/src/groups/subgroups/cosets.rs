//! The cosets of a subgroup.

use super::super::{Group, GroupError};
use super::Subgroup;

/// In which coset gH does each element lie?
///
/// One number for each element; cosets are numbered by their smallest element, from 0.
///
/// # Errors
/// A subgroup of another group.
pub fn left_cosets(group: &Group, subgroup: &Subgroup) -> Result<Vec<usize>, GroupError> {
    number(group, subgroup, |g, h| group.product(g, h))
}

/// In which coset Hg does each element lie? As [`left_cosets`].
///
/// # Errors
/// A subgroup of another group.
pub fn right_cosets(group: &Group, subgroup: &Subgroup) -> Result<Vec<usize>, GroupError> {
    number(group, subgroup, |g, h| group.product(h, g))
}

fn number(
    group: &Group,
    subgroup: &Subgroup,
    product: impl Fn(usize, usize) -> usize,
) -> Result<Vec<usize>, GroupError> {
    check(group, subgroup)?;
    let mut label = vec![usize::MAX; group.order()];
    let mut count = 0;
    for g in 0..group.order() {
        if label[g] == usize::MAX {
            for &h in &subgroup.elements {
                label[product(g, h)] = count;
            }
            count += 1;
        }
    }
    Ok(label)
}

/// Whether the elements are a subgroup of this group.
pub(super) fn check(group: &Group, subgroup: &Subgroup) -> Result<(), GroupError> {
    let misfit = |what: &'static str, found: usize, expected: usize| {
        Err(GroupError::Misfit { what, found, group: group.name().to_owned(), expected })
    };
    let mut inside = vec![false; group.order()];
    for &element in &subgroup.elements {
        match inside.get_mut(element) {
            Some(place) => *place = true,
            None => return misfit("an element of a subgroup", element, group.order()),
        }
    }
    let closed = |&a: &usize| subgroup.elements.iter().all(|&b| inside[group.product(a, b)]);
    if !inside[group.identity()] || !subgroup.elements.iter().all(closed) {
        return misfit("a set of elements that is no subgroup", subgroup.elements.len(), group.order());
    }
    Ok(())
}
