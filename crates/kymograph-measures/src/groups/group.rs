//! A finite group as its multiplication table.

use ndarray::ArrayView2;

use super::GroupError;
use super::families::Family;

/// A finite group: elements `0..order`, and the product of every two of them.
///
/// ```
/// use kymograph_measures::groups::Group;
///
/// let group = Group::named("D5")?;
/// let (r, s) = (1, 5);
/// assert_eq!(group.element_name(group.product(s, r)), "r^4 s");
/// # Ok::<(), kymograph_measures::groups::GroupError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    name: String,
    order: usize,
    products: Vec<u32>,
    inverses: Vec<u32>,
    identity: usize,
    elements: Vec<String>,
    family: Family,
}

impl Group {
    /// The most elements a group may have.
    pub const LARGEST: usize = 1000;

    /// From a product that is known to be that of a group.
    pub(crate) fn of(name: &str, order: usize, product: impl Fn(usize, usize) -> usize) -> Self {
        let products: Vec<u32> = (0..order * order).map(|at| product(at / order, at % order) as u32).collect();
        let identity = (0..order).find(|&e| products[e * order + e] as usize == e).unwrap_or(0);
        let mut inverses = vec![0; order];
        for at in (0..order * order).filter(|&at| products[at] as usize == identity) {
            inverses[at / order] = (at % order) as u32;
        }
        let elements = (0..order).map(|element| element.to_string()).collect();
        Self { name: name.to_owned(), order, products, inverses, identity, elements, family: Family::Table }
    }

    /// The same group with names for its elements and what is known about it.
    pub(crate) fn with(mut self, family: Family, elements: Vec<String>) -> Self {
        self.family = family;
        self.elements = elements;
        self
    }

    /// From its multiplication table, `[a, b]` → `ab`, which is checked: every entry an element, an identity, inverses,
    /// and the same product whichever two of three elements are multiplied first.
    ///
    /// # Errors
    /// A table that is not square, too large or no group, with the elements that show it.
    pub fn from_table(name: &str, table: ArrayView2<'_, i64>) -> Result<Self, GroupError> {
        let (rows, columns) = table.dim();
        let name = name.to_owned();
        if rows != columns || rows == 0 {
            return Err(GroupError::NotSquare { name, rows, columns });
        }
        check_order(&name, rows)?;
        if let Some(((row, column), &value)) =
            table.indexed_iter().find(|(_, value)| !(0..rows as i64).contains(*value))
        {
            return Err(GroupError::NoElement { name, row, column, value, order: rows });
        }
        let product = |a: usize, b: usize| table[[a, b]] as usize;
        let Some(identity) = (0..rows).find(|&e| (0..rows).all(|g| product(e, g) == g && product(g, e) == g)) else {
            return Err(GroupError::NoIdentity { name });
        };
        let undone = |g: usize| (0..rows).any(|h| product(g, h) == identity && product(h, g) == identity);
        if let Some(element) = (0..rows).find(|&g| !undone(g)) {
            return Err(GroupError::NoInverse { name, element });
        }
        // Light's test: the elements b with (ab)c = a(bc) for all a and c are closed under the product, so those that
        // generate the table are enough.
        for b in generators(rows, identity, product) {
            for a in 0..rows {
                let ab = product(a, b);
                for c in 0..rows {
                    let (left, right) = (product(ab, c), product(a, product(b, c)));
                    if left != right {
                        return Err(GroupError::NotAssociative { name, a, b, c, left, right });
                    }
                }
            }
        }
        Ok(Self::of(&name, rows, product))
    }

    /// Its name, such as `S5`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of elements.
    pub fn order(&self) -> usize {
        self.order
    }

    /// The product of two elements, `a` first.
    pub fn product(&self, a: usize, b: usize) -> usize {
        self.products[a * self.order + b] as usize
    }

    /// The whole table, `a · order + b` → `ab`.
    pub fn products(&self) -> &[u32] {
        &self.products
    }

    /// The inverse of an element.
    pub fn inverse(&self, a: usize) -> usize {
        self.inverses[a] as usize
    }

    /// The element that changes nothing.
    pub fn identity(&self) -> usize {
        self.identity
    }

    /// An element as one writes it: `(0 1)(2 3 4)` for a permutation of points counted from 0, `r^3 s` in a dihedral
    /// group, `(a, b)` in a product; its number in cyclic groups and tables. The identity is `e`, or 0.
    pub fn element_name(&self, a: usize) -> &str {
        &self.elements[a]
    }

    /// How often an element must be multiplied with itself to give the identity.
    pub fn element_order(&self, a: usize) -> usize {
        let mut power = a;
        let mut order = 1;
        while power != self.identity {
            power = self.product(power, a);
            order += 1;
        }
        order
    }

    /// Some few elements whose products are the whole group; none for the group of one element.
    pub fn generators(&self) -> Vec<usize> {
        let mut found = Vec::new();
        let mut inside = vec![false; self.order];
        inside[self.identity] = true;
        let mut members = vec![self.identity];
        // The first by its order, so that a cyclic group has one.
        let orders: Vec<usize> = (0..self.order).map(|a| self.element_order(a)).collect();
        let longest = (0..self.order).rev().max_by_key(|&a| orders[a]).unwrap_or(self.identity);
        for next in std::iter::once(longest).chain(0..self.order) {
            if !inside[next] {
                found.push(next);
                close(&mut members, &mut inside, &found, |a, b| self.product(a, b));
            }
        }
        found
    }

    pub(crate) fn family(&self) -> &Family {
        &self.family
    }
}

/// Whether a group of this many elements is taken.
pub(crate) fn check_order(what: &str, order: usize) -> Result<(), GroupError> {
    if order <= Group::LARGEST {
        return Ok(());
    }
    Err(GroupError::TooBig { what: what.to_owned(), order, limit: Group::LARGEST, why: "a group" })
}

/// Elements whose products, multiplied on from the right, are all elements of a table that may be no group.
fn generators(order: usize, identity: usize, product: impl Fn(usize, usize) -> usize) -> Vec<usize> {
    let mut found = Vec::new();
    let mut inside = vec![false; order];
    inside[identity] = true;
    let mut members = vec![identity];
    for next in 0..order {
        if !inside[next] {
            found.push(next);
            close(&mut members, &mut inside, &found, &product);
        }
    }
    found
}

/// Multiplies members by generators from the right until nothing new comes.
fn close(members: &mut Vec<usize>, inside: &mut [bool], generators: &[usize], product: impl Fn(usize, usize) -> usize) {
    let mut at = 0;
    while at < members.len() {
        for &generator in generators {
            let next = product(members[at], generator);
            if !inside[next] {
                inside[next] = true;
                members.push(next);
            }
        }
        at += 1;
    }
}
