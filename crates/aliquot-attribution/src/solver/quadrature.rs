//! Points and weights for the numerical integral of a smooth function: Gauss and Legendre's rule of eight points, in one or more
//! panels. Knows nothing of what is integrated.

use crate::real;

/// The points of the rule on -1..1 that are above 0, with their weights; those below are their mirror images.
const RULE: [(f64, f64); 4] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
    (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
];

/// The points between `from` and `to` with their weights, which add up to the distance.
pub(super) fn nodes(from: f64, to: f64, panels: usize) -> impl Iterator<Item = (f64, f64)> {
    let half = (to - from) / (2.0 * real::from_usize(panels.max(1)));
    let middles = (0..panels.max(1)).map(move |panel| from + half * (2.0 * real::from_usize(panel) + 1.0));
    middles.flat_map(move |middle| {
        RULE.into_iter().flat_map(move |(point, weight)| {
            [(middle - half * point, half * weight), (middle + half * point, half * weight)]
        })
    })
}

#[cfg(test)]
mod tests {
    use super::nodes;

    #[test]
    fn a_polynomial_of_degree_15_is_integrated_exactly() {
        for panels in [1, 3] {
            let integral: f64 = nodes(0.5, 2.0, panels).map(|(at, weight)| weight * crate::real::power(at, 15)).sum();
            let exact = (crate::real::power(2.0, 16) - crate::real::power(0.5, 16)) / 16.0;
            assert!((integral / exact - 1.0).abs() < 1e-14, "{integral} instead of {exact}");
        }
    }
}
