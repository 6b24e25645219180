//! Subgroups as sets of elements: joining, conjugating, generating.

use std::collections::HashSet;

use super::super::Group;

/// One bit for each element of the group.
pub(super) type Bits = Vec<u64>;

/// A subgroup as its set.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) members: Bits,
    /// In rising order.
    pub(super) elements: Vec<usize>,
    generators: Vec<usize>,
}

impl Found {
    pub(super) fn trivial(group: &Group) -> Self {
        Self::of(group, vec![group.identity()], Vec::new())
    }

    fn of(group: &Group, mut elements: Vec<usize>, generators: Vec<usize>) -> Self {
        let mut members = vec![0; group.order().div_ceil(64)];
        for &element in &elements {
            insert(&mut members, element);
        }
        elements.sort_unstable();
        Self { members, elements, generators }
    }

    /// Elements that generate it, not as few as possible.
    pub(super) fn generators(&self) -> &[usize] {
        &self.generators
    }

    pub(super) fn order(&self) -> usize {
        self.elements.len()
    }

    pub(super) fn contains(&self, element: usize) -> bool {
        holds(&self.members, element)
    }

    pub(super) fn within(&self, other: &Self) -> bool {
        self.members.iter().zip(&other.members).all(|(a, b)| a & !b == 0)
    }

    /// Number of elements in both.
    pub(super) fn common(&self, other: &Self) -> usize {
        self.members.iter().zip(&other.members).map(|(a, b)| (a & b).count_ones() as usize).sum()
    }

    /// The smallest subgroup that holds this one and an element.
    pub(super) fn join(&self, group: &Group, element: usize) -> Self {
        let generators: Vec<usize> = self.generators.iter().copied().chain([element]).collect();
        let mut members = self.members.clone();
        let mut elements = self.elements.clone();
        // A union of cosets Hr, closed by moving one r of each.
        let mut movers = vec![group.identity()];
        let mut at = 0;
        while at < movers.len() {
            for &generator in &generators {
                let moved = group.product(movers[at], generator);
                if !holds(&members, moved) {
                    for &h in &self.elements {
                        let next = group.product(h, moved);
                        insert(&mut members, next);
                        elements.push(next);
                    }
                    movers.push(moved);
                }
            }
            at += 1;
        }
        elements.sort_unstable();
        Self { members, elements, generators }
    }

    /// g⁻¹ H g.
    pub(super) fn conjugate(&self, group: &Group, by: usize) -> Self {
        let conjugate = |h: &usize| group.product(group.inverse(by), group.product(*h, by));
        let elements = self.elements.iter().map(conjugate).collect();
        Self::of(group, elements, self.generators.iter().map(conjugate).collect())
    }

    /// Whether another subgroup goes into itself when conjugated by this one.
    pub(super) fn normalises(&self, group: &Group, other: &Self) -> bool {
        self.generators.iter().all(|&by| {
            let back = group.inverse(by);
            other.generators.iter().all(|&h| other.contains(group.product(back, group.product(h, by))))
        })
    }

    /// Generators to show: an element of the highest order, then at each step the one that adds most.
    pub(super) fn shown_generators(&self, group: &Group, orders: &[usize]) -> Vec<usize> {
        let mut made = Self::trivial(group);
        while made.order() < self.order() {
            let mut best: Option<Self> = None;
            for &element in self.elements.iter().filter(|&&element| !made.contains(element)) {
                // A first element adds its own order, so most need no join.
                if made.order() == 1 && best.as_ref().is_some_and(|best| best.order() >= orders[element]) {
                    continue;
                }
                let joined = made.join(group, element);
                if best.as_ref().is_none_or(|best| joined.order() > best.order()) {
                    let whole = joined.order() == self.order();
                    best = Some(joined);
                    if whole {
                        break;
                    }
                }
            }
            match best {
                Some(best) => made = best,
                None => break,
            }
        }
        made.generators
    }
}

/// One generator of every cyclic subgroup whose order is a power of a prime.
pub(super) fn prime_power_generators(group: &Group, orders: &[usize]) -> Vec<usize> {
    let trivial = Found::trivial(group);
    let mut seen = HashSet::new();
    (0..group.order())
        .filter(|&element| is_prime_power(orders[element]) && seen.insert(trivial.join(group, element).members))
        .collect()
}

fn is_prime_power(number: usize) -> bool {
    let Some(prime) = (2..=number).find(|divisor| number.is_multiple_of(*divisor)) else { return false };
    let mut rest = number;
    while rest.is_multiple_of(prime) {
        rest /= prime;
    }
    rest == 1
}

fn holds(bits: &Bits, element: usize) -> bool {
    bits[element / 64] >> (element % 64) & 1 == 1
}

fn insert(bits: &mut Bits, element: usize) {
    bits[element / 64] |= 1 << (element % 64);
}
