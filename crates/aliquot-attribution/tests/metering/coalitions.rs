//! The truth that estimates are held against: a game replayed for every coalition, and its Shapley value.

/// Players and tenants have bits in a coalition.
pub(crate) type Coalition = usize;

/// Who did how much to whom: the diagonal is one's own doing. In the unit of the game.
pub(crate) type Matrix = Vec<Vec<f64>>;

pub(crate) fn zero(tenants: usize) -> Matrix {
    vec![vec![0.0; tenants]; tenants]
}

/// Adds one victim's game to the matrix: `value` of a coalition of neighbours, the victim being always there. What the victim
/// suffers alone is its own.
pub(crate) fn add_game(matrix: &mut Matrix, victim: usize, value: impl Fn(Coalition) -> f64) {
    let tenants = matrix.len();
    let alone = 1 << victim;
    matrix[victim][victim] += value(alone);
    let players = tenants - 1;
    let weight: Vec<f64> =
        (0..players).map(|before| factorial(before) * factorial(players - 1 - before) / factorial(players)).collect();
    let all = (1 << tenants) - 1;
    for culprit in (0..tenants).filter(|culprit| *culprit != victim) {
        for coalition in (0..=all).filter(|others| others & alone == 0 && others & (1 << culprit) == 0) {
            let with = value(coalition | alone | 1 << culprit) - value(coalition | alone);
            matrix[victim][culprit] += weight[usize::try_from(coalition.count_ones()).unwrap()] * with;
        }
    }
}

fn factorial(number: usize) -> f64 {
    (1..=number).map(|factor| f64::from(u32::try_from(factor).unwrap())).product()
}

/// The share of the whole that stands on the wrong line: half the distance of the matrices, with what was not placed at all.
pub(crate) fn misallocated(truth: &Matrix, found: &Matrix, unexplained: f64) -> f64 {
    let cells = || truth.iter().flatten().zip(found.iter().flatten());
    let distance: f64 = cells().map(|(truth, found)| (truth - found).abs()).sum();
    let whole: f64 = truth.iter().flatten().sum();
    (distance + unexplained) / 2.0 / whole
}

#[test]
fn the_shapley_value_of_a_glove_game() {
    // Tenant 0 is hurt if 1 is there and one of 2 and 3: 1 bears two thirds.
    let mut matrix = zero(4);
    add_game(&mut matrix, 0, |there| f64::from(u8::from(there & 2 != 0 && there & 12 != 0)));
    let expected = [0.0, 2.0 / 3.0, 1.0 / 6.0, 1.0 / 6.0];
    assert!(matrix[0].iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12), "{matrix:?}");
}
