//! Which figure the directions of features form.

use std::collections::BTreeMap;
use std::fmt;

use kymograph_linalg::Real;
use ndarray::{Array2, ArrayView2};

use super::columns::represented;
use crate::{MeasureError, check};

/// Angle from a right angle up to which two directions count as orthogonal.
const ORTHOGONAL_DEGREES: f64 = 12.0;
/// Root mean square of the angles' deviation up to which a figure is recognised.
const TOLERANCE_DEGREES: f64 = 8.0;
/// Features above which a figure is given no name.
const MOST_CORNERS: usize = 16;

/// A figure that directions form among themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// One direction, orthogonal to all others.
    Single,
    /// Two opposite directions in one dimension.
    AntipodalPair,
    /// Three directions 120° apart in a plane.
    Triangle,
    /// Four directions, each 109.5° from the others.
    Tetrahedron,
    /// Five directions 72° apart in a plane.
    Pentagon,
    /// Directions in a plane, evenly spaced, of which there are this many.
    Polygon(usize),
    /// Directions that are all equally far from each other: a simplex of this many corners.
    Simplex(usize),
    /// Eight directions in space: a square over a square, turned by 45°.
    SquareAntiprism,
    /// None of these, of so many directions.
    Other(usize),
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single => f.write_str("single"),
            Self::AntipodalPair => f.write_str("antipodal pair"),
            Self::Triangle => f.write_str("triangle"),
            Self::Tetrahedron => f.write_str("tetrahedron"),
            Self::Pentagon => f.write_str("pentagon"),
            Self::Polygon(n) => write!(f, "{n}-gon"),
            Self::Simplex(n) => write!(f, "simplex of {n}"),
            Self::SquareAntiprism => f.write_str("square antiprism"),
            Self::Other(n) => write!(f, "irregular figure of {n}"),
        }
    }
}

/// Features whose directions are not orthogonal to each other, directly or through others.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// The features, ascending.
    pub features: Vec<usize>,
    /// The figure they form.
    pub shape: Shape,
    /// Root mean square difference from the figure's angles, in degrees; of an irregular figure from the nearest one of
    /// that many corners, and 0 where there is none.
    pub deviation: f64,
}

/// How often each figure occurs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shapes(pub BTreeMap<Shape, usize>);

impl Shapes {
    /// Of an arrangement.
    #[must_use]
    pub fn of(components: &[Component]) -> Self {
        let mut counts = BTreeMap::new();
        for component in components {
            *counts.entry(component.shape).or_insert(0) += 1;
        }
        Self(counts)
    }

    /// How many there are of a figure.
    #[must_use]
    pub fn count(&self, shape: Shape) -> usize {
        self.0.get(&shape).copied().unwrap_or(0)
    }
}

impl fmt::Display for Shapes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (at, (shape, count)) in self.0.iter().enumerate() {
            let plus = if at > 0 { " + " } else { "" };
            match count {
                1 => write!(f, "{plus}{shape}")?,
                _ => write!(f, "{plus}{count} × {shape}")?,
            }
        }
        Ok(())
    }
}

/// **Which figures do the represented features form?**
///
/// Columns of `w` (`hidden × feature`) with a norm above one half are joined where they are not orthogonal within 12°; each
/// component is named by the figure whose angles, sorted, differ least from its own, if by no more than 8° in root mean
/// square. Two antipodal pairs that are orthogonal to each other are two components, as in the source, and so are two
/// orthogonal singles.
///
/// **Misleads** where few directions are looked at: two random directions in a plane are a pair or orthogonal in about a
/// quarter of all draws. Compare with [`arrangement_of`] on random directions of the same number.
///
/// # Errors
/// Empty or not finite weights.
///
/// Reference: Elhage et al. 2022, Toy Models of Superposition, section 4 (tegum products of such figures).
///
/// ```
/// use kymograph_measures::superposition::{Shapes, arrangement};
/// let w = ndarray::array![[1.0, -1.0, 0.0], [0.0, 0.0, 0.9]];
/// assert_eq!(Shapes::of(&arrangement(w.view())?).to_string(), "single + antipodal pair");
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn arrangement<T: Real>(w: ArrayView2<'_, T>) -> Result<Vec<Component>, MeasureError> {
    arrangement_of(w, &represented(w)?)
}

/// [`arrangement`] of these columns, whatever their norms. Columns of zeros are left out.
///
/// # Errors
/// As [`arrangement`].
///
/// # Panics
/// When a feature is not below the number of columns.
pub fn arrangement_of<T: Real>(w: ArrayView2<'_, T>, features: &[usize]) -> Result<Vec<Component>, MeasureError> {
    check::matrix("weights", w)?;
    let direction = |&i: &usize| {
        let column = w.column(i).mapv(Real::to_f64);
        let largest = column.iter().fold(0.0f64, |most, v| most.max(v.abs()));
        (largest > 0.0).then(|| {
            let column = column / largest;
            let length = column.dot(&column).sqrt();
            (i, column / length)
        })
    };
    let found: Vec<_> = features.iter().filter_map(direction).collect();
    let n = found.len();
    let angles =
        Array2::from_shape_fn((n, n), |(a, b)| found[a].1.dot(&found[b].1).clamp(-1.0, 1.0).acos().to_degrees());
    let mut component = vec![usize::MAX; n];
    let mut components = Vec::new();
    for start in 0..n {
        if component[start] != usize::MAX {
            continue;
        }
        let (mut members, mut next) = (vec![start], 0);
        component[start] = components.len();
        while next < members.len() {
            let at = members[next];
            next += 1;
            for other in 0..n {
                if component[other] == usize::MAX && (angles[[at, other]] - 90.0).abs() > ORTHOGONAL_DEGREES {
                    component[other] = components.len();
                    members.push(other);
                }
            }
        }
        members.sort_unstable();
        let (shape, deviation) = named(&members, &angles);
        components.push(Component { features: members.iter().map(|&at| found[at].0).collect(), shape, deviation });
    }
    Ok(components)
}

/// The nearest figure of as many corners.
fn named(members: &[usize], angles: &Array2<f64>) -> (Shape, f64) {
    let corners = members.len();
    if corners == 1 {
        return (Shape::Single, 0.0);
    }
    let pairs = members.iter().enumerate().flat_map(|(at, &a)| members[..at].iter().map(move |&b| (a, b)));
    let mut own: Vec<f64> = pairs.map(|(a, b)| angles[[a, b]]).collect();
    own.sort_by(f64::total_cmp);
    let nearest = figures(corners)
        .into_iter()
        .map(|(shape, wanted)| {
            let squares: f64 = own.iter().zip(&wanted).map(|(a, b)| (a - b).powi(2)).sum();
            (shape, (squares / own.len() as f64).sqrt())
        })
        .min_by(|a, b| a.1.total_cmp(&b.1));
    match nearest {
        Some((shape, deviation)) if deviation <= TOLERANCE_DEGREES => (shape, deviation),
        Some((_, deviation)) => (Shape::Other(corners), deviation),
        None => (Shape::Other(corners), 0.0),
    }
}

/// The figures of so many corners, with their angles in degrees, ascending.
fn figures(corners: usize) -> Vec<(Shape, Vec<f64>)> {
    if !(2..=MOST_CORNERS).contains(&corners) {
        return Vec::new();
    }
    let pairs = corners * (corners - 1) / 2;
    let simplex = (-1.0 / (corners as f64 - 1.0)).acos().to_degrees();
    let equal = match corners {
        2 => Shape::AntipodalPair,
        3 => Shape::Triangle,
        4 => Shape::Tetrahedron,
        _ => Shape::Simplex(corners),
    };
    let mut all = vec![(equal, vec![simplex; pairs])];
    // A square is two antipodal pairs, and a triangle is a simplex.
    if corners >= 5 {
        let step = 360.0 / corners as f64;
        let apart = |a: usize, b: usize| {
            let turn = (a - b) as f64 * step;
            turn.min(360.0 - turn)
        };
        let mut angles: Vec<f64> = (0..corners).flat_map(|a| (0..a).map(move |b| apart(a, b))).collect();
        angles.sort_by(f64::total_cmp);
        all.push((if corners == 5 { Shape::Pentagon } else { Shape::Polygon(corners) }, angles));
    }
    if corners == 8 {
        // Squares at heights ±√(1/3), where all three axes carry equal weight.
        let (height, radius) = ((1.0f64 / 3.0).sqrt(), (2.0f64 / 3.0).sqrt());
        let corner = |i: usize| {
            let turn = (i % 4) as f64 * 90.0 + if i < 4 { 0.0 } else { 45.0 };
            let z = if i < 4 { height } else { -height };
            [radius * turn.to_radians().cos(), radius * turn.to_radians().sin(), z]
        };
        let angle = |a: usize, b: usize| {
            let dot: f64 = corner(a).iter().zip(corner(b)).map(|(x, y)| x * y).sum();
            dot.clamp(-1.0, 1.0).acos().to_degrees()
        };
        let mut angles: Vec<f64> = (0..8).flat_map(|a| (0..a).map(move |b| angle(a, b))).collect();
        angles.sort_by(f64::total_cmp);
        all.push((Shape::SquareAntiprism, angles));
    }
    all
}
