//! What a subgroup is up to isomorphism, told by the orders of its elements and its normal subgroups.

use super::super::Group;
use super::join::Found;

/// The structure of the first subgroup of every class; classes come by rising order.
pub(super) fn structures(group: &Group, classes: &[Vec<Found>], orders: &[usize]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(classes.len());
    for class in classes {
        let found = &class[0];
        let name = abelian(group, found, orders)
            .or_else(|| dihedral(group, found, orders))
            .or_else(|| known(found, orders))
            .or_else(|| direct_product(group, found, classes, &names))
            .unwrap_or_else(|| format!("order {}", found.order()));
        names.push(name);
    }
    names
}

/// Number of elements of order 1, 2, ….
fn histogram(found: &Found, orders: &[usize]) -> Vec<usize> {
    let mut counts = vec![0; found.order() + 1];
    for &element in &found.elements {
        counts[orders[element]] += 1;
    }
    counts
}

/// A product of cyclic groups, each order a divisor of the one before.
fn abelian(group: &Group, found: &Found, orders: &[usize]) -> Option<String> {
    let commutes = |a: usize| found.elements.iter().all(|&b| group.product(a, b) == group.product(b, a));
    if !found.generators().iter().all(|&a| commutes(a)) {
        return None;
    }
    let mut factors: Vec<usize> = vec![1];
    let mut rest = found.order();
    for prime in 2..=found.order() {
        if !rest.is_multiple_of(prime) {
            continue;
        }
        // Elements whose order divides p^k are p to the sum of min(k, exponent) over the cyclic parts.
        let mut at_least = Vec::new();
        let mut power = prime;
        let mut before = 1;
        while rest.is_multiple_of(prime) {
            let count = found.elements.iter().filter(|&&element| power.is_multiple_of(orders[element])).count();
            let parts = (count / before).ilog(prime) as usize;
            at_least.push(parts);
            rest /= prime.pow(parts as u32);
            before = count;
            power *= prime;
        }
        factors.resize(factors.len().max(at_least[0]), 1);
        for parts in at_least {
            factors.iter_mut().take(parts).for_each(|factor| *factor *= prime);
        }
    }
    Some(factors.iter().map(|factor| format!("C{factor}")).collect::<Vec<_>>().join("x"))
}

/// A cyclic half, and nothing but involutions outside it.
fn dihedral(group: &Group, found: &Found, orders: &[usize]) -> Option<String> {
    let order = found.order();
    let turn = *found.elements.iter().find(|&&element| 2 * orders[element] == order)?;
    let turns = Found::trivial(group).join(group, turn);
    if found.elements.iter().any(|&element| !turns.contains(element) && orders[element] != 2) {
        return None;
    }
    Some(match order {
        6 => "S3".to_owned(),
        12 => "S3xS2".to_owned(),
        _ => format!("D{order}"),
    })
}

/// Groups that no other of their order shares the orders of elements with.
fn known(found: &Found, orders: &[usize]) -> Option<String> {
    let counts = histogram(found, orders);
    let has = |order: usize, count: usize| counts.get(order) == Some(&count);
    let name = match found.order() {
        8 if has(4, 6) => "Q8",
        12 if has(3, 8) => "A4",
        12 if has(4, 6) => "C3:C4",
        18 if has(2, 9) => "C3^2:C2",
        20 if has(4, 10) && has(2, 5) => "F20",
        21 => "C7:C3",
        24 if has(3, 8) && has(4, 6) && has(2, 9) => "S4",
        24 if has(3, 8) && has(2, 1) => "SL(2,3)",
        36 if has(4, 18) && has(2, 9) => "C3^2:C4",
        60 if has(5, 24) => "A5",
        120 if has(5, 24) && has(2, 25) => "S5",
        120 if has(5, 24) && has(2, 1) => "SL(2,5)",
        360 if has(5, 144) => "A6",
        720 if has(5, 144) && has(2, 75) && has(6, 240) => "S6",
        _ => return None,
    };
    Some(name.to_owned())
}

/// Two normal subgroups that have nothing in common and fill the group, the first as large as possible.
fn direct_product(group: &Group, found: &Found, classes: &[Vec<Found>], names: &[String]) -> Option<String> {
    let mut normal: Vec<(&Found, &String)> = classes
        .iter()
        .zip(names)
        .flat_map(|(class, name)| class.iter().map(move |other| (other, name)))
        .filter(|(other, _)| {
            let order = other.order();
            order > 1 && found.order().is_multiple_of(order) && other.within(found) && found.normalises(group, other)
        })
        .collect();
    normal.sort_by_key(|(other, _)| std::cmp::Reverse(other.order()));
    for (large, name) in &normal {
        for (small, other) in &normal {
            let fills = large.order() * small.order() == found.order() && large.order() >= small.order();
            if fills && large.common(small) == 1 {
                let exchange = name.starts_with('S') && other.as_str() == "C2";
                return Some(format!("{name}x{}", if exchange { "S2" } else { other.as_str() }));
            }
        }
    }
    None
}
