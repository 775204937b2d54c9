//! The inverse of a matrix of at most three rows.

/// By elimination with row pivots (Gauss and Jordan); `None` where there is none. Rows and columns are scaled by the
/// diagonal first: the entries for α, β and γ differ by orders of magnitude.
pub(super) fn inverse(matrix: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let n = matrix.len();
    let scale: Vec<f64> = (0..n).map(|at| matrix[at][at].sqrt()).collect();
    if scale.iter().any(|it| !(*it > 0.0 && it.is_finite())) {
        return None;
    }
    let mut rows: Vec<Vec<f64>> = (0..n).map(|row| augmented(matrix, &scale, row)).collect();
    for column in 0..n {
        let pivot = (column..n).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()))?;
        if rows[pivot][column].abs() < f64::EPSILON {
            return None;
        }
        rows.swap(column, pivot);
        eliminate(&mut rows, column);
    }
    let unscaled = |row: usize| (0..n).map(|column| rows[row][n + column] / (scale[row] * scale[column])).collect();
    Some((0..n).map(unscaled).collect())
}

/// A row of the scaled matrix, followed by the same row of the identity.
fn augmented(matrix: &[Vec<f64>], scale: &[f64], row: usize) -> Vec<f64> {
    let n = matrix.len();
    let entries = (0..n).map(|column| matrix[row][column] / (scale[row] * scale[column]));
    entries.chain((0..n).map(|column| f64::from(u8::from(column == row)))).collect()
}

/// Makes the pivot of a column 1 and everything else in the column 0.
fn eliminate(rows: &mut [Vec<f64>], column: usize) {
    let pivot = rows[column][column];
    rows[column].iter_mut().for_each(|entry| *entry /= pivot);
    let pivot_row = rows[column].clone();
    for (_, row) in rows.iter_mut().enumerate().filter(|(at, _)| *at != column) {
        let factor = row[column];
        row.iter_mut().zip(&pivot_row).for_each(|(entry, pivot)| *entry -= factor * pivot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_times_its_inverse_is_one() {
        let matrix = vec![vec![4.0, 2e3, 0.5], vec![2e3, 9e6, 7.0], vec![0.5, 7.0, 3.0]];
        let inverse = inverse(&matrix).unwrap();
        for (row, line) in matrix.iter().enumerate() {
            for column in 0..3 {
                let entry: f64 = line.iter().zip(&inverse).map(|(a, b)| a * b[column]).sum();
                let expected = if row == column { 1.0 } else { 0.0 };
                assert!((entry - expected).abs() < 1e-9, "{row}, {column}: {entry}");
            }
        }
    }

    #[test]
    fn rows_that_say_the_same_have_none() {
        assert_eq!(inverse(&[vec![1.0, 2.0], vec![2.0, 4.0]]), None);
        assert_eq!(inverse(&[vec![0.0]]), None);
    }
}
