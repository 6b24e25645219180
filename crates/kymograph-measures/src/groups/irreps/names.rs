//! Names and order of representations that were found numerically.

use super::super::families::Permutations;
use super::super::{Group, Irrep, RealType};

/// The trivial one first, then by degree, type and falling character; called after group and degree.
pub(super) fn systematic(group: &Group, found: Vec<Irrep>) -> Vec<Irrep> {
    let (mut trivial, mut others) = divide(found, |irrep| irrep.character.iter().all(|x| (x - 1.0).abs() < 1e-6));
    number(group, &mut others);
    for irrep in &mut trivial {
        irrep.name = "trivial".to_owned();
    }
    trivial.append(&mut others);
    trivial
}

/// As [`systematic`], with `standard` after the trivial one, and for A5 the published names and order.
pub(super) fn alternating(group: &Group, permutations: &Permutations, found: Vec<Irrep>) -> Vec<Irrep> {
    let is_standard = |irrep: &Irrep| {
        let expected = |g: usize| permutations.fixed_points(g) as f64 - 1.0;
        irrep.degree > 1 && (0..group.order()).all(|g| (irrep.character[g] - expected(g)).abs() < 1e-6)
    };
    let (mut standard, others) = divide(found, is_standard);
    for irrep in &mut standard {
        irrep.name = "standard".to_owned();
    }
    let mut named = systematic(group, others);
    let rest = named.split_off(1);
    named.append(&mut standard);
    let Some(five_cycle) = permutations.find(&[1, 2, 3, 4, 0]) else {
        named.extend(rest);
        return named;
    };
    // On (0 1 2 3 4) the character of the published `a5_3d_a` would be the golden ratio.
    let (mut three, mut five) = divide(rest, |irrep| irrep.degree == 3);
    three.sort_by(|a, b| b.character[five_cycle].total_cmp(&a.character[five_cycle]));
    let names = ["a5_5d_a", "a5_3d_a", "a5_3d_b"];
    five.append(&mut three);
    for (irrep, name) in five.iter_mut().zip(names) {
        irrep.name = name.to_owned();
    }
    named.append(&mut five);
    named
}

fn divide(found: Vec<Irrep>, wanted: impl Fn(&Irrep) -> bool) -> (Vec<Irrep>, Vec<Irrep>) {
    found.into_iter().partition(wanted)
}

fn number(group: &Group, irreps: &mut [Irrep]) {
    let key = |irrep: &Irrep| -> (usize, RealType, Vec<i64>) {
        // Rounded, so that rounding errors do not decide.
        let falling = irrep.character.iter().map(|value| -(value * 1e6).round() as i64).collect();
        (irrep.degree, irrep.kind, falling)
    };
    irreps.sort_by_cached_key(key);
    let prefix: String =
        group.name().to_lowercase().chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' }).collect();
    let degrees: Vec<usize> = irreps.iter().map(|irrep| irrep.degree).collect();
    for (at, irrep) in irreps.iter_mut().enumerate() {
        let before = degrees[..at].iter().filter(|&&degree| degree == irrep.degree).count();
        let alone = degrees.iter().filter(|&&degree| degree == irrep.degree).count() == 1;
        let suffix = if alone { String::new() } else { format!("_{}", letters(before)) };
        irrep.name = format!("{prefix}_{}d{suffix}", irrep.degree);
    }
}

/// a, b, … z, aa, ab, …
fn letters(number: usize) -> String {
    let last = char::from(b'a' + (number % 26) as u8);
    if number < 26 { last.to_string() } else { format!("{}{last}", letters(number / 26 - 1)) }
}
