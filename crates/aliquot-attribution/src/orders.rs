//! The Shapley value of a game of few players, added up coalition by coalition, in whole numbers. Which game is played, and what
//! becomes of the values, is the caller's.

/// Adds what one coalition is worth to the values of those in it and subtracts it from those of the others, each as often as there
/// are orders of the players that pass through the coalition with them last, or next. After all coalitions the values are those
/// of Shapley times the factorial of the number of players. Bit `place` of `there` says whether `values[place]` is in it.
pub fn credit(values: &mut [i128], there: usize, worth: i128) {
    let all = u32::try_from(values.len()).unwrap_or(u32::MAX);
    let inside = there.count_ones();
    let outside = all.saturating_sub(inside);
    let last = worth.saturating_mul(orders(inside.saturating_sub(1), outside));
    let next = worth.saturating_mul(orders(inside, outside.saturating_sub(1)));
    for (place, value) in values.iter_mut().enumerate() {
        *value = if is_in(there, place) { value.saturating_add(last) } else { value.saturating_sub(next) };
    }
}

/// Whether a coalition has a place in it.
pub fn is_in(coalition: usize, place: usize) -> bool {
    u32::try_from(place).ok().and_then(|place| coalition.checked_shr(place)).is_some_and(|bits| bits & 1 == 1)
}

/// In how many orders so many come before and so many after.
fn orders(before: u32, after: u32) -> i128 {
    let factorial = |number: u32| (1..=number).fold(1_i128, |product, factor| product.saturating_mul(factor.into()));
    factorial(before).saturating_mul(factorial(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_are_the_means_over_all_orders() {
        // Three players; only all three are worth something, but 0 alone is worth 6.
        let worth = |there: usize| if there == 0b111 { 12 } else { i128::from(is_in(there, 0)) * 6 };
        let mut values = [0; 3];
        (0..8).for_each(|there| credit(&mut values, there, worth(there)));
        assert_eq!(values, [6 * 8, 6 * 2, 6 * 2]);
    }
}
