//! Which representations the indicator of a subgroup is made of.

use ndarray::Array1;

use super::super::{Group, GroupError, Irrep};
use super::Subgroup;
use super::cosets::check;

/// **Which representations would a network use that only asks whether an element lies in a subgroup?**
///
/// The indicator of H (1 on it, 0 elsewhere), less its mean, projected on the spans of the matrix entries: for each of
/// `irreps` the share of its squared norm, from 0 to 1. Over all irreducible representations the shares sum to 1. A coset
/// of H, or a conjugate of H, has the same shares.
///
/// **Misleads**: a subgroup contained in another shares its representations, so shares do not tell which subgroup a
/// function comes from.
///
/// # Errors
/// H is the whole group, whose indicator does not vary; a subgroup or representations of another group.
///
/// ```
/// use kymograph_measures::groups::{Group, indicator_shares, irreps, subgroups};
///
/// let group = Group::named("S5")?;
/// let all = subgroups(&group)?;
/// let s4 = all.iter().find(|subgroup| subgroup.structure == "S4").expect("S5 has five");
/// let shares = indicator_shares(&group, &irreps(&group)?, s4)?;
/// assert!((shares[2] - 1.0).abs() < 1e-12); // all of it is `standard`
/// # Ok::<(), kymograph_measures::groups::GroupError>(())
/// ```
///
/// References: Stander et al. 2023, Grokking Group Multiplication with Cosets (arXiv:2312.06581), section 3.
pub fn indicator_shares(group: &Group, irreps: &[Irrep], subgroup: &Subgroup) -> Result<Vec<f64>, GroupError> {
    check(group, subgroup)?;
    let n = group.order();
    if let Some(other) = irreps.iter().find(|irrep| irrep.span.nrows() != n) {
        let what = "a representation of another group";
        return Err(GroupError::Misfit {
            what,
            found: other.span.nrows(),
            group: group.name().to_owned(),
            expected: n,
        });
    }
    let size = subgroup.elements.len();
    if size == n {
        return Err(GroupError::WholeGroup { group: group.name().to_owned() });
    }
    let mean = size as f64 / n as f64;
    let mut function = Array1::from_elem(n, -mean);
    for &element in &subgroup.elements {
        function[element] += 1.0;
    }
    let norm = size as f64 * (1.0 - mean);
    Ok(irreps
        .iter()
        .map(|irrep| irrep.span.t().dot(&function).iter().map(|x| x * x).sum::<f64>() / norm)
        .map(|share| share.min(1.0))
        .collect())
}
