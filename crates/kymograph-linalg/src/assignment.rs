//! The cheapest matching of rows to columns.

use ndarray::ArrayView2;

use crate::{LinalgError, check_finite};

/// Which column goes to which row so that the summed cost is smallest and no column is used twice?
///
/// `cost` is row × column, with at least as many columns as rows; entry `i` of the result is row `i`'s column. To
/// maximise a similarity, pass its negative. Where several matchings cost the same, one of them is returned, always the
/// same one. Shortest augmenting paths (Jonker and Volgenant 1987; Crouse 2016, 10.1109/TAES.2016.140952), O(rows²·columns).
///
/// # Errors
/// More rows than columns (transpose then), or an entry that is not finite.
///
/// ```
/// use ndarray::array;
/// let cost = array![[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]];
/// assert_eq!(kymograph_linalg::assignment(cost.view()).unwrap(), vec![1, 0, 2]);
/// ```
pub fn assignment(cost: ArrayView2<'_, f64>) -> Result<Vec<usize>, LinalgError> {
    let (rows, columns) = cost.dim();
    if rows > columns {
        return Err(LinalgError::Shape {
            what: "assignment needs at least as many columns as rows (transpose the cost otherwise); columns",
            expected: rows,
            found: columns,
        });
    }
    check_finite(&cost)?;
    let largest = cost.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    if rows == 0 || largest == 0.0 {
        return Ok((0..rows).collect());
    }
    // Differences of costs near the largest f64 would overflow; a power of two keeps every comparison exact.
    let scale = if largest > 1e300 { 2f64.powi(-40) } else { 1.0 };
    let cost = cost.as_standard_layout();

    const FREE: usize = usize::MAX;
    let mut row_price = vec![0.0; rows];
    let mut column_price = vec![0.0; columns];
    let mut row_of = vec![FREE; columns];
    let mut column_of = vec![FREE; rows];
    let mut shortest = vec![f64::INFINITY; columns];
    let mut previous = vec![FREE; columns];
    let mut remaining: Vec<usize> = Vec::with_capacity(columns);
    let mut visited: Vec<usize> = Vec::with_capacity(columns);

    for start in 0..rows {
        shortest.fill(f64::INFINITY);
        remaining.clear();
        remaining.extend(0..columns);
        visited.clear();
        let (mut row, mut distance) = (start, 0.0);
        let sink = loop {
            let costs = cost.row(row);
            let (mut nearest, mut nearest_at) = (f64::INFINITY, 0);
            for (at, &column) in remaining.iter().enumerate() {
                let length = distance + (costs[column] * scale - row_price[row] - column_price[column]);
                if length < shortest[column] {
                    shortest[column] = length;
                    previous[column] = row;
                }
                // A free column of equal distance ends the path at once.
                let d = shortest[column];
                if d < nearest || d == nearest && row_of[column] == FREE && row_of[remaining[nearest_at]] != FREE {
                    (nearest, nearest_at) = (d, at);
                }
            }
            distance = nearest;
            let column = remaining.swap_remove(nearest_at);
            visited.push(column);
            if row_of[column] == FREE {
                break column;
            }
            row = row_of[column];
        };
        row_price[start] += distance;
        for &column in &visited {
            if column != sink {
                let slack = distance - shortest[column];
                row_price[row_of[column]] += slack;
                column_price[column] -= slack;
            }
        }
        let mut column = sink;
        loop {
            let row = previous[column];
            row_of[column] = row;
            std::mem::swap(&mut column_of[row], &mut column);
            if row == start {
                break;
            }
        }
    }
    Ok(column_of)
}
