//! A finite group as its multiplication table.

/// A finite group: elements `0..order`, and the product of every two of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    name: String,
    order: usize,
    products: Vec<u32>,
    inverses: Vec<u32>,
    identity: usize,
}

impl Group {
    /// From a product that is known to be that of a group.
    pub(crate) fn of(name: &str, order: usize, product: impl Fn(usize, usize) -> usize) -> Self {
        let products: Vec<u32> = (0..order * order).map(|at| product(at / order, at % order) as u32).collect();
        let identity = (0..order).find(|&e| products[e * order + e] as usize == e).unwrap_or(0);
        let mut inverses = vec![0; order];
        for at in (0..order * order).filter(|&at| products[at] as usize == identity) {
            inverses[at / order] = (at % order) as u32;
        }
        Self { name: name.to_owned(), order, products, inverses, identity }
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
}
