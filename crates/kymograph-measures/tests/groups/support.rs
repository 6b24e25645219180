//! Groups that the tests share.

use kymograph_measures::groups::Group;
use ndarray::Array2;

pub(crate) fn named(name: &str) -> Group {
    Group::named(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A group from a product of its elements, by way of its table.
pub(crate) fn from_product(name: &str, order: usize, product: impl Fn(usize, usize) -> usize) -> Group {
    let table = Array2::from_shape_fn((order, order), |(a, b)| product(a, b) as i64);
    Group::from_table(name, table.view()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// ±1, ±i, ±j, ±k as 0..4 for 1, i, j, k and 4 more for the opposite sign.
pub(crate) fn quaternions() -> Group {
    from_product("Q8", 8, |a, b| {
        // Row times column: which unit, and whether the sign turns.
        const UNITS: [[(usize, usize); 4]; 4] = [
            [(0, 0), (1, 0), (2, 0), (3, 0)],
            [(1, 0), (0, 1), (3, 0), (2, 1)],
            [(2, 0), (3, 1), (0, 1), (1, 0)],
            [(3, 0), (2, 0), (1, 1), (0, 1)],
        ];
        let (unit, sign) = UNITS[a % 4][b % 4];
        unit + 4 * ((a / 4 + b / 4 + sign) % 2)
    })
}

/// x → m^k x + t modulo p, with m of order `turns`, as t + p·k.
pub(crate) fn affine(p: usize, m: usize, turns: usize) -> Group {
    let power = |k: usize| (0..k).fold(1, |value, _| value * m % p);
    from_product(&format!("C{p}:C{turns}"), p * turns, |a, b| {
        // a first, then b.
        let shift = (power(b / p) * (a % p) + b % p) % p;
        shift + p * ((a / p + b / p) % turns)
    })
}

/// Every group that the general properties are tested on.
pub(crate) fn all() -> Vec<Group> {
    let mut groups: Vec<Group> = [
        "C1", "C2", "C3", "C4", "C7", "C12", "C113", "D1", "D2", "D3", "D4", "D5", "D6", "D59", "S1", "S2", "S3", "S4",
        "S5", "A1", "A2", "A3", "A4", "A5", "C2xC3", "C2xC2xC2", "S3xC4", "C3xA4", "S3xS3",
    ]
    .map(named)
    .into();
    groups.push(quaternions());
    groups.push(affine(7, 2, 3));
    groups.push(affine(13, 3, 3));
    groups.push(affine(5, 2, 4));
    let quaternions = quaternions();
    for other in ["C3", "S3"] {
        groups.push(Group::direct_product(&quaternions, &named(other)).expect("small"));
    }
    groups
}
