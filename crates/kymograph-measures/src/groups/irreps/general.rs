//! The real irreducible representations of any group, by splitting the functions on it.

use kymograph_linalg::{matmul, matmul_tn, qr, random, svd, symmetric_eigen};
use ndarray::{Array1, Array2, Array3, s};
use rand::Rng;

use super::super::classes::real_classes;
use super::super::{Group, Irrep, RealType};
use super::extend::{extend, largest_defect};

/// Random combinations that may come out nearly degenerate before it is an error.
const DRAWS: u64 = 8;
/// Eigenvalues that are closer than this, relative to the largest, count as one. What a representation inherits from the
/// mixing of two is the square of (rounding error / gap).
const GAP: f64 = 1e-8;

pub(super) fn split(group: &Group) -> Result<Vec<Irrep>, String> {
    let parts = isotypic_parts(group)?;
    let generators = group.generators();
    let mut problem = String::new();
    'draw: for draw in 0..DRAWS {
        let operator = right_translations(group, draw);
        let mut found = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter().enumerate() {
            match irreducible(group, part, &operator, &generators, at as u64) {
                Ok(irrep) => found.push(irrep),
                Err(message) => {
                    problem = message;
                    continue 'draw;
                }
            }
        }
        return Ok(found);
    }
    Err(problem)
}

/// The functions that all copies of one representation span together.
struct Part {
    /// The function that leaves them as they are, and removes all others, by convolution.
    idempotent: Array1<f64>,
    /// Their dimension.
    dimension: usize,
    degree: usize,
    kind: RealType,
}

/// Eigenfunctions of a random combination of classes (each joined with that of the inverses) under convolution.
fn isotypic_parts(group: &Group) -> Result<Vec<Part>, String> {
    let (class_of, sizes) = real_classes(group);
    let representatives: Vec<usize> =
        (0..sizes.len()).map(|class| class_of.iter().position(|&other| other == class).unwrap_or(0)).collect();
    for draw in 0..DRAWS {
        let mut rng = random::stream_at(0, "irreps/classes", draw);
        let weights: Vec<f64> = sizes.iter().map(|&size| random::normal(&mut rng) / (size as f64).sqrt()).collect();
        let mut matrix = Array2::<f64>::zeros((sizes.len(), sizes.len()));
        for (row, &element) in representatives.iter().enumerate() {
            for h in 0..group.order() {
                matrix[[row, class_of[h]]] += weights[class_of[group.product(element, group.inverse(h))]];
            }
        }
        for ((row, column), value) in matrix.indexed_iter_mut() {
            *value *= (sizes[row] as f64 / sizes[column] as f64).sqrt();
        }
        let symmetric = (&matrix + &matrix.t()) / 2.0;
        let eigen = symmetric_eigen(symmetric.view()).map_err(|error| error.to_string())?;
        let scale = eigen.values.iter().fold(f64::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
        if eigen.values.windows(2).any(|pair| pair[0] - pair[1] < GAP * scale) {
            continue;
        }
        return (0..sizes.len())
            .map(|column| {
                let function = |g: usize| eigen.vectors[[class_of[g], column]] / (sizes[class_of[g]] as f64).sqrt();
                let factor = function(group.identity());
                part(group, (0..group.order()).map(|g| factor * function(g)).collect())
            })
            .collect();
    }
    Err("every random combination of the classes had nearly equal eigenvalues".to_owned())
}

/// Degree and type of a part: for d² functions of the real type the values of its idempotent at all squares sum to d, for
/// d²/2 of the complex type to 0, for d²/4 of the quaternionic type to −d/2.
fn part(group: &Group, idempotent: Array1<f64>) -> Result<Part, String> {
    let exact = group.order() as f64 * idempotent[group.identity()];
    let dimension = exact.round() as usize;
    let squares: f64 = (0..group.order()).map(|g| idempotent[group.product(g, g)]).sum();
    let root = (dimension as f64).sqrt();
    let (kind, degree) = if squares > 0.5 * root {
        (RealType::Real, root)
    } else if squares < -0.5 * root {
        (RealType::Quaternionic, 2.0 * root)
    } else {
        (RealType::Complex, (2.0 * dimension as f64).sqrt())
    };
    let degree = degree.round() as usize;
    if dimension == 0 || (exact - dimension as f64).abs() > 1e-4 || kind.span_dimension(degree) != dimension {
        return Err(format!("a part of dimension {exact} cannot be of the {kind:?} type"));
    }
    Ok(Part { idempotent, dimension, degree, kind })
}

/// A random symmetric combination of right translations, which commutes with all left translations.
fn right_translations(group: &Group, draw: u64) -> Array2<f64> {
    let n = group.order();
    let mut rng = random::stream_at(0, "irreps/translations", draw);
    let mut weights: Vec<f64> = (0..n).map(|_| random::normal(&mut rng) / (n as f64).sqrt()).collect();
    for g in 0..n {
        weights[g.max(group.inverse(g))] = weights[g.min(group.inverse(g))];
    }
    Array2::from_shape_fn((n, n), |(g, h)| weights[group.product(group.inverse(g), h)])
}

fn irreducible(
    group: &Group,
    part: &Part,
    operator: &Array2<f64>,
    generators: &[usize],
    number: u64,
) -> Result<Irrep, String> {
    let basis = invariant_basis(group, part, operator, number)?;
    let generators: Vec<(usize, Array2<f64>)> = generators
        .iter()
        .map(|&generator| {
            let back = group.inverse(generator);
            let moved = Array2::from_shape_fn(basis.dim(), |(h, column)| basis[[group.product(back, h), column]]);
            (generator, nearest_orthogonal(matmul_tn(basis.view(), moved.view())))
        })
        .collect();
    let matrices: Array3<f64> = extend(group, &generators, part.degree);
    let defect = largest_defect(group, &generators, &matrices);
    if defect > 1e-10 {
        return Err(format!("the matrices of degree {} miss the products by {defect:e}", part.degree));
    }
    Irrep::of("", part.kind, matrices).map_err(|error| error.to_string())
}

/// Orthonormal functions (element × degree) of the part that left translations mix among themselves only.
fn invariant_basis(group: &Group, part: &Part, operator: &Array2<f64>, number: u64) -> Result<Array2<f64>, String> {
    let n = group.order();
    if part.dimension == 1 {
        let norm = part.idempotent.dot(&part.idempotent).sqrt();
        return Ok(Array2::from_shape_fn((n, 1), |(g, _)| part.idempotent[g] / norm));
    }
    let mut rng = random::stream_at(0, "irreps/basis", number);
    let all = match spanning_translates(group, part, &mut rng)? {
        Some(all) => all,
        None => {
            let projector = Array2::from_shape_fn((n, n), |(g, h)| part.idempotent[group.product(g, group.inverse(h))]);
            let draws = random::normal_matrix::<f64, _>(&mut rng, n, part.dimension);
            qr(matmul(projector.view(), draws.view()).view()).map_err(|error| error.to_string())?.q
        }
    };
    if part.dimension == part.degree {
        return Ok(all);
    }
    let inside = matmul_tn(all.view(), matmul(operator.view(), all.view()).view());
    let symmetric = (&inside + &inside.t()) / 2.0;
    let eigen = symmetric_eigen(symmetric.view()).map_err(|error| error.to_string())?;
    let scale = eigen.values.iter().fold(f64::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
    // Each eigenvalue belongs to as many functions as the degree; the one farthest from its neighbours is cleanest.
    let values = &eigen.values;
    let distance = |start: usize| {
        let before = if start == 0 { f64::INFINITY } else { values[start - 1] - values[start] };
        let end = start + part.degree;
        let after = if end == values.len() { f64::INFINITY } else { values[end - 1] - values[end] };
        before.min(after)
    };
    let start = (0..part.dimension)
        .step_by(part.degree)
        .max_by(|&a, &b| distance(a).total_cmp(&distance(b)))
        .ok_or_else(|| "a part without functions".to_owned())?;
    let spread = values[start] - values[start + part.degree - 1];
    if distance(start) < GAP * scale || spread > GAP * scale {
        return Err(format!("the {} functions of a part do not split by {}", part.dimension, part.degree));
    }
    Ok(matmul(all.view(), eigen.vectors.slice(s![.., start..start + part.degree])))
}

/// An orthonormal basis of a small part from random translates of its idempotent, where these span it well; what abelian
/// groups have hundreds of.
fn spanning_translates<R: Rng>(group: &Group, part: &Part, rng: &mut R) -> Result<Option<Array2<f64>>, String> {
    if part.dimension > 8 {
        return Ok(None);
    }
    let by: Vec<usize> = (0..4 * part.dimension).map(|_| random::below(rng, group.order())).collect();
    let translates =
        Array2::from_shape_fn((group.order(), by.len()), |(g, at)| part.idempotent[group.product(g, by[at])]);
    let found = svd(translates.view()).map_err(|error| error.to_string())?;
    let well = found.s.get(part.dimension - 1).is_some_and(|smallest| *smallest > 0.1 * found.s[0]);
    Ok(well.then(|| found.u.slice(s![.., ..part.dimension]).to_owned()))
}

/// One step of Newton's iteration, which squares a small distance from the orthogonal matrices.
fn nearest_orthogonal(matrix: Array2<f64>) -> Array2<f64> {
    let excess = matmul(matrix.view(), matmul_tn(matrix.view(), matrix.view()).view());
    matrix * 1.5 - excess * 0.5
}
