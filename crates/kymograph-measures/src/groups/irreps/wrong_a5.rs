//! The matrices of A5 in the published code, two of which are no representation.

use std::f64::consts::TAU;

use kymograph_linalg::qr;
use ndarray::{Array2, Array3, Axis, array};

use super::super::families::Family;
use super::super::irrep::entries;
use super::super::{Group, GroupError, Irrep, RealType};

/// For each element the generators whose product the published code takes: `a` for (0 1 2 3 4), `A` for its inverse, `b`
/// for (1 2)(3 4), `-` for none. Written by `tests/reference/make_group_reference.py`.
const WORDS: &str = "- a aa aaa AAbaa b ab aab aaab AAbaab bAAbabb abAAbabb aabAAbabb aaabAAbabb AAbaabAAbabb AAba aAAba \
    aaAAba aaaAAba A bAAbab abAAbab aabAAbab aaabAAbab AAbaabAAbab bbAAbab abbAAbab aabbAAbab aaabbAAbab AAbaabbAAbab \
    Abaa abAAbabbbAAbab aabAAbabbbAAbab aaabAAbabbbAAbab AAbaabAAbabbbAAbab AAbabAAbab aAAbabAAbab aaAAbabAAbab \
    aaaAAbabAAbab AAbaaAAbabAAbab bAbaab abAAbabbAAbab aabAAbabbAAbab aaabAAbabbAAbab AAbaabAAbabbAAbab bbAAbabbAAbab \
    abbAAbabbAAbab aabbAAbabbAAbab aaabbAAbabbAAbab AAbaabbAAbabbAAbab bAAbabbbAAbabbAAbab abAAbabbbAAbabbAAbab \
    aabAAbabbbAAbabbAAbab aaabAAbabbbAAbabbAAbab AAbaabAAbabbbAAbabbAAbab AAbabAAbabbAAbab aAAbabAAbabbAAbab \
    aaAAbabAAbabbAAbab aaaAAbabAAbabbAAbab AAbaaAAbabAAbabbAAbab";

/// **Which matrices stand behind the published numbers of A5?**
///
/// The list of [`super::published_irreps`] for A5 with `a5_3d_a` and `a5_3d_b` as the code of Chughtai et al. 2023 has
/// them: (0 1 2 3 4) goes to a turn by 61.9° about an axis whose second coordinate is (1+√5)/5 where (1+√5)/4, and 72°,
/// would be right. They are orthogonal, but ρ(a) ρ(b) is not ρ(ab); their spans are the reduced QR of the matrix entries,
/// are not orthogonal to the others, and fractions over all five sum to .95 to 1.02.
///
/// For comparing with published numbers only; everything else takes [`super::irreps`].
///
/// # Errors
/// A group that is not `Group::alternating(5)`.
///
/// References: Chughtai, Chan and Nanda 2023 (arXiv:2302.03025), `utils/groups.py` of the released code.
pub fn published_wrong_a5_irreps(group: &Group) -> Result<Vec<Irrep>, GroupError> {
    let failed = |message: String| GroupError::Representations { group: group.name().to_owned(), message };
    let Family::Alternating(permutations) = group.family() else { return Err(other(group)) };
    if permutations.points() != 5 {
        return Err(other(group));
    }
    let flip = |point: u8| if point < 2 { 1 - point } else { point };
    let exchanged: Vec<usize> = (0..group.order())
        .map(|g| {
            let images: Vec<u8> = (0..5).map(|point| flip(permutations.image(g, flip(point)))).collect();
            permutations.find(&images).ok_or_else(|| failed("a conjugate is missing".to_owned()))
        })
        .collect::<Result<_, _>>()?;
    let first = matrices();
    let second = first.select(Axis(0), &exchanged);
    let mut found = super::published_irreps(group)?;
    found.retain(|irrep| irrep.degree != 3);
    for (name, rho) in [("a5_3d_a", first), ("a5_3d_b", second)] {
        let span = qr(entries(&rho).view()).map_err(|error| failed(error.to_string()))?.q;
        found.push(Irrep::with_span(name, RealType::Real, rho, span));
    }
    Ok(found)
}

fn other(group: &Group) -> GroupError {
    GroupError::OtherGroup { what: "the published matrices of A5", expected: "A5", found: group.name().to_owned() }
}

fn matrices() -> Array3<f64> {
    let five = 5.0_f64.sqrt();
    let stretch = (8.0 / (5.0 + five)).sqrt();
    let a = turn([TAU / 5.0 * stretch / 2.0, TAU / 5.0 * stretch * (1.0 + five) / 5.0, 0.0]);
    let b = array![[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]];
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut all = Array3::zeros((words.len(), 3, 3));
    for (word, mut matrix) in words.iter().zip(all.outer_iter_mut()) {
        let product = word.bytes().fold(Array2::eye(3), |product: Array2<f64>, letter| match letter {
            b'a' => product.dot(&a),
            b'A' => product.dot(&a.t()),
            b'b' => product.dot(&b),
            _ => product,
        });
        matrix.assign(&product);
    }
    all
}

/// The turn about a vector by its length (Rodrigues).
fn turn(vector: [f64; 3]) -> Array2<f64> {
    let angle = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    let [x, y, z] = vector.map(|coordinate| coordinate / angle);
    let cross = array![[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]];
    let (sin, cos) = angle.sin_cos();
    Array2::eye(3) + &cross * sin + cross.dot(&cross) * (1.0 - cos)
}
