//! The normal distribution and its density from a table: a dozen operations instead of an exponential function and a division. The
//! same bits everywhere. Knows nothing of games.

use alloc::vec::Vec;

/// Standard deviations beyond which nothing is expected.
const FAR: f64 = 6.0;

/// Points of the table per standard deviation.
const STEPS: f64 = 32.0;

/// The last point: at [`FAR`] above the mean.
const LAST: u32 = 384;

const ROOT_OF_TWO_PI: f64 = 2.506_628_274_631_000_2;

const TWO_TO_52: f64 = 4_503_599_627_370_496.0;

/// The distribution and its density at points 1/32 apart; between them, by Taylor's series.
#[derive(Debug)]
pub(super) struct Bell {
    points: Vec<(f64, f64)>,
}

impl Default for Bell {
    fn default() -> Self {
        let point = |place: u32| {
            let z = f64::from(place) / STEPS - FAR;
            (0.5 * libm::erfc(-z / core::f64::consts::SQRT_2), libm::exp(-0.5 * z * z) / ROOT_OF_TWO_PI)
        };
        Self { points: (0..=LAST).map(point).collect() }
    }
}

impl Bell {
    /// The probability of less than `z`, and the density there, to within 10⁻⁷; beyond six deviations 0 or 1, and 0.
    pub(super) fn at(&self, z: f64) -> (f64, f64) {
        if z.is_nan() || z.abs() >= FAR {
            return (if z > 0.0 { 1.0 } else { 0.0 }, 0.0);
        }
        // Adding 2⁵² leaves the nearest whole number in the lowest bits.
        let shifted = (z + FAR) * STEPS + TWO_TO_52;
        let place = usize::try_from(shifted.to_bits() & 0xffff).unwrap_or_default();
        let nearest = (shifted - TWO_TO_52) / STEPS - FAR;
        let (below, bell) = self.points.get(place).copied().unwrap_or_default();
        let (step, square) = (z - nearest, nearest * nearest);
        let third = (square - 1.0) / 2.0;
        let fourth = nearest * (3.0 - square) / 6.0;
        let below = below + bell * step * (1.0 - step * (nearest / 2.0 - step * third / 3.0));
        (below, bell * (1.0 - step * (nearest - step * (third + step * fourth))))
    }
}

#[cfg(test)]
mod tests {
    use super::{Bell, ROOT_OF_TWO_PI};

    #[test]
    fn the_table_is_the_distribution_and_its_density() {
        let bell = Bell::default();
        for place in -7_000..=7_000_i32 {
            let z = f64::from(place) / 1_000.0 + 0.000_3;
            let (below, density) = bell.at(z);
            let truth = (0.5 * libm::erfc(-z / core::f64::consts::SQRT_2), libm::exp(-0.5 * z * z) / ROOT_OF_TWO_PI);
            assert!((below - truth.0).abs() < 1e-7, "{z}: {below} and not {}", truth.0);
            assert!((density - truth.1).abs() < 1e-7, "{z}: {density} and not {}", truth.1);
        }
        assert_eq!(bell.at(f64::NAN), (0.0, 0.0));
        assert_eq!(bell.at(f64::INFINITY), (1.0, 0.0));
    }
}
