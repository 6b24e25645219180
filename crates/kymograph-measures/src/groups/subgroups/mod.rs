//! All subgroups of a group, their cosets, and what representations their indicators are made of.

mod cosets;
mod join;
mod shares;
mod structure;

pub use cosets::{left_cosets, right_cosets};
pub use shares::indicator_shares;

use std::collections::HashSet;

use super::{Group, GroupError};
use join::{Bits, Found, prime_power_generators};

/// A subgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subgroup {
    /// What it is and which elements make it, such as `S4 ⟨(0 1 2 3), (0 1)⟩`.
    pub name: String,
    /// What it is up to isomorphism, such as `S4`; `order 16` where that is not told. The name of a dihedral group counts
    /// its elements (`D10` has 10), as in Stander et al. 2023.
    pub structure: String,
    /// Number of elements.
    pub order: usize,
    /// Subgroups of the same number are conjugate; they follow each other.
    pub class: usize,
    /// Its elements, in rising order.
    pub elements: Vec<usize>,
    /// Few elements that generate it; none for the trivial one.
    pub generators: Vec<usize>,
}

/// The most elements of a group whose subgroups are listed.
const LARGEST: usize = 720;
/// The most subgroups that are listed: S6 has 1455.
const MOST: usize = 20_000;

/// **Which subgroups does a group have?**
///
/// All of them, the trivial one and the whole group included, by order, then by conjugacy class. Every subgroup is joined
/// from cyclic ones of prime-power order, one after the other; up to conjugacy it is enough to join to one of each class.
///
/// # Errors
/// A group of more than 720 elements, or with more than 20,000 subgroups. Cost: classes × cyclic subgroups × order; less
/// than a second for the 1455 of S6.
///
/// ```
/// use kymograph_measures::groups::{Group, subgroups};
///
/// let all = subgroups(&Group::named("S5")?)?;
/// assert_eq!(all.len(), 156);
/// assert_eq!(all.last().map(|whole| whole.structure.as_str()), Some("S5"));
/// # Ok::<(), kymograph_measures::groups::GroupError>(())
/// ```
///
/// References: Neubüser 1960, Untersuchungen des Untergruppenverbandes endlicher Gruppen (doi:10.1007/BF01386229).
pub fn subgroups(group: &Group) -> Result<Vec<Subgroup>, GroupError> {
    if group.order() > LARGEST {
        let what = group.name().to_owned();
        return Err(GroupError::TooBig { what, order: group.order(), limit: LARGEST, why: "a list of subgroups" });
    }
    let orders: Vec<usize> = (0..group.order()).map(|element| group.element_order(element)).collect();
    let mut classes = conjugacy_classes_of_subgroups(group, &orders)?;
    for class in &mut classes {
        class.sort_by(|a, b| a.elements.cmp(&b.elements));
    }
    classes.sort_by(|a, b| (a[0].elements.len(), &a[0].elements).cmp(&(b[0].elements.len(), &b[0].elements)));
    let structures = structure::structures(group, &classes, &orders);
    let mut all = Vec::new();
    for (number, (class, structure)) in classes.iter().zip(structures).enumerate() {
        for found in class {
            let generators = found.shown_generators(group, &orders);
            let names: Vec<&str> = generators.iter().map(|&element| group.element_name(element)).collect();
            let name =
                if names.is_empty() { structure.clone() } else { format!("{structure} ⟨{}⟩", names.join(", ")) };
            all.push(Subgroup {
                name,
                structure: structure.clone(),
                order: found.elements.len(),
                class: number,
                elements: found.elements.clone(),
                generators,
            });
        }
    }
    Ok(all)
}

fn conjugacy_classes_of_subgroups(group: &Group, orders: &[usize]) -> Result<Vec<Vec<Found>>, GroupError> {
    let generators = group.generators();
    let steps = prime_power_generators(group, orders);
    let mut known: HashSet<Bits> = HashSet::new();
    let trivial = Found::trivial(group);
    known.insert(trivial.members.clone());
    let mut classes = vec![vec![trivial]];
    let mut at = 0;
    while at < classes.len() {
        for &step in &steps {
            if classes[at][0].contains(step) {
                continue;
            }
            let joined = classes[at][0].join(group, step);
            if known.contains(&joined.members) {
                continue;
            }
            known.insert(joined.members.clone());
            let mut class = vec![joined];
            let mut next = 0;
            while next < class.len() {
                for &by in &generators {
                    let conjugate = class[next].conjugate(group, by);
                    if known.insert(conjugate.members.clone()) {
                        class.push(conjugate);
                    }
                }
                next += 1;
                if known.len() > MOST {
                    return Err(GroupError::TooManySubgroups { group: group.name().to_owned(), limit: MOST });
                }
            }
            classes.push(class);
        }
        at += 1;
    }
    Ok(classes)
}
