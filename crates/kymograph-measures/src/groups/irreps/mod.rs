//! All real irreducible representations of a group.

mod circular;
mod extend;
mod general;
mod names;
mod wrong_a5;
mod young;

pub use wrong_a5::published_wrong_a5_irreps;

use super::families::Family;
use super::{Group, GroupError, Irrep};

/// **Into which irreducible parts do the functions on a group split?**
///
/// All real irreducible representations, by orthogonal matrices: rotations and reflections for C_n and D_n, Young's
/// orthogonal form for S_n, and for every other group a numerical splitting of the functions on it (first by a random
/// combination of its classes, then by a random symmetric combination of its right translations), with a fixed seed.
/// The spans of their matrix entries are orthogonal and their dimensions sum to the order of the group.
///
/// Names are those of the code of Chughtai et al. 2023 where it has one (`trivial`, `sign`, `standard`, `s5_5d_a`,
/// `freq_3` …), in its order; others are called after group and degree (`s6_9d_a`), by falling character.
///
/// **Misleads**: representations are known up to a change of basis only, so a single matrix entry means nothing by
/// itself.
///
/// # Errors
/// If the numerical splitting fails. Cost: order³ at most; 0.01 s for 100 elements, 1 s for
/// 1000.
///
/// ```
/// use kymograph_measures::groups::{Group, irreps};
///
/// let all = irreps(&Group::named("S5")?)?;
/// assert_eq!(all.iter().map(|irrep| irrep.degree * irrep.degree).sum::<usize>(), 120);
/// assert_eq!(all[2].name, "standard");
/// # Ok::<(), kymograph_measures::groups::GroupError>(())
/// ```
///
/// References: James and Kerber 1981, The Representation Theory of the Symmetric Group, section 3.4 (orthogonal form);
/// Serre 1977, Linear Representations of Finite Groups, sections 6.2 and 13.2 (idempotents, real types); Dixon 1970,
/// Computing irreducible representations of groups (doi:10.1090/S0025-5718-1970-0280611-6).
pub fn irreps(group: &Group) -> Result<Vec<Irrep>, GroupError> {
    match group.family() {
        Family::Cyclic => circular::cyclic(group.order()),
        Family::Dihedral(n) => circular::dihedral(*n),
        Family::Symmetric(permutations) => young::symmetric(group, permutations),
        Family::Alternating(permutations) => {
            general::split(group).map(|found| names::alternating(group, permutations, found))
        }
        Family::Table => general::split(group).map(|found| names::systematic(group, found)),
    }
    .map_err(|message| GroupError::Representations { group: group.name().to_owned(), message })
}

/// **Which of the representations does the published code look for, and in which order?**
///
/// Those of [`irreps`] that the code of Chughtai et al. 2023 lists. For S6 these are six of eleven: no fraction over them
/// need sum to 1. For every other group all of them. The published matrices differ by a change of basis.
///
/// # Errors
/// As [`irreps`].
pub fn published_irreps(group: &Group) -> Result<Vec<Irrep>, GroupError> {
    let mut found = irreps(group)?;
    if matches!(group.family(), Family::Symmetric(_)) && group.order() == 720 {
        found.truncate(young::PUBLISHED_OF_S6);
    }
    Ok(found)
}
