//! Conjugacy classes and characters.

use ndarray::{Array2, ArrayView1};

use super::{Group, GroupError, Irrep};

/// The characters of representations at one element of each class.
#[derive(Clone, Debug)]
pub struct CharacterTable {
    /// The conjugacy classes, as [`conjugacy_classes`] gives them.
    pub classes: Vec<Vec<usize>>,
    /// The names of the representations.
    pub names: Vec<String>,
    /// representation × class.
    pub values: Array2<f64>,
}

/// What are the traces of these representations on each conjugacy class?
///
/// Characters of real representations: one that splits over the complex numbers shows the sum of its parts. With the sizes
/// of the classes as weights the rows are orthogonal.
///
/// # Errors
/// Representations of another group.
pub fn character_table(group: &Group, irreps: &[Irrep]) -> Result<CharacterTable, GroupError> {
    for irrep in irreps {
        check_length(group, irrep.character.len())?;
    }
    let classes = conjugacy_classes(group);
    let values =
        Array2::from_shape_fn((irreps.len(), classes.len()), |(row, class)| irreps[row].character[classes[class][0]]);
    Ok(CharacterTable { classes, names: irreps.iter().map(|irrep| irrep.name.clone()).collect(), values })
}

/// Over which numbers does a representation live?
///
/// The mean of χ(g²) over the group. For a complex irreducible character: 1 if its matrices can be made real, 0 if it
/// differs from its conjugate, −1 if it is real and its matrices are not. For the character of one of [`super::irreps`]:
/// 1, 0 or −2.
///
/// # Errors
/// A character of another length.
///
/// References: Frobenius and Schur 1906; Serre 1977, Linear Representations of Finite Groups, section 13.2.
pub fn frobenius_schur_indicator(group: &Group, character: ArrayView1<'_, f64>) -> Result<f64, GroupError> {
    check_length(group, character.len())?;
    let sum: f64 = (0..group.order()).map(|g| character[group.product(g, g)]).sum();
    Ok(sum / group.order() as f64)
}

fn check_length(group: &Group, found: usize) -> Result<(), GroupError> {
    if found == group.order() {
        return Ok(());
    }
    let what = "a character of another length";
    Err(GroupError::Misfit { what, found, group: group.name().to_owned(), expected: group.order() })
}

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
