//! A linear model fitted to a stream of observations: `y = intercept + Σ slope · x`, no coefficient negative. Keeps sums, no
//! observations; what the numbers mean is the caller's business.
//!
//! The sums are means and moments about the means, updated one observation at a time, so that long streams lose no digits. The
//! fit solves the normal equations; a variable that the others already determine is left out, later ones first, and one whose
//! slope would be negative stays at 0.

use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};

use crate::number::float;

/// Then older observations count half: the model follows a change of hardware or engine within as many again.
const COUNT_MAX: u64 = 1 << 16;

/// What of a variable the others leave unexplained, as a share of its variance, before it is worth a slope of its own. Far
/// above the rounding of the sums (2⁻⁵² times their number), far below what real traffic varies.
const INDEPENDENCE_MIN: f64 = 1e-9;

/// The stream's sums, for `N` variables.
#[derive(Clone, Debug, PartialEq)]
pub struct LeastSquares<const N: usize> {
    count: u64,
    mean_x: [f64; N],
    mean_y: f64,
    /// Σ (x − mean)(x − mean)ᵀ, row by row.
    moments: [[f64; N]; N],
    /// Σ (x − mean)(y − mean).
    cross: [f64; N],
}

/// What was fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit<const N: usize> {
    /// At x = 0.
    pub intercept: f64,
    /// By variable; `None` = the observations do not tell its part from the others'.
    pub slopes: [Option<f64>; N],
}

impl<const N: usize> Default for LeastSquares<N> {
    fn default() -> Self {
        Self { count: 0, mean_x: [0.0; N], mean_y: 0.0, moments: [[0.0; N]; N], cross: [0.0; N] }
    }
}

impl<const N: usize> LeastSquares<N> {
    /// How many observations count.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Adds one. Whatever is not finite is not an observation.
    pub fn observe(&mut self, x: [f64; N], y: f64) {
        if !x.iter().all(|x| x.is_finite()) || !y.is_finite() {
            return;
        }
        if self.count >= COUNT_MAX {
            self.halve();
        }
        self.count = self.count.saturating_add(1);
        let count = float(self.count);
        let mut before = [0.0; N];
        for ((before, mean), x) in before.iter_mut().zip(&mut self.mean_x).zip(x) {
            *before = x - *mean;
            *mean += *before / count;
        }
        self.mean_y += (y - self.mean_y) / count;
        let after_y = y - self.mean_y;
        for ((row, cross), before) in self.moments.iter_mut().zip(&mut self.cross).zip(before) {
            *cross += before * after_y;
            for ((moment, mean), x) in row.iter_mut().zip(&self.mean_x).zip(x) {
                *moment += before * (x - mean);
            }
        }
    }

    fn halve(&mut self) {
        self.count >>= 1;
        self.cross.iter_mut().chain(self.moments.iter_mut().flatten()).for_each(|sum| *sum *= 0.5);
    }

    /// The model of all observations so far; `None` without any.
    pub fn fit(&self) -> Option<Fit<N>> {
        if self.count == 0 {
            return None;
        }
        let slopes = slopes(&self.moments, &self.cross);
        let intercept = self.mean_y - dot(&slopes, &self.mean_x);
        if intercept >= 0.0 {
            return Some(Fit { intercept, slopes });
        }
        // Through the origin: moments about 0 are those about the mean and the mean's own.
        let count = float(self.count);
        let (mut moments, mut cross) = (self.moments, self.cross);
        for ((row, cross), left) in moments.iter_mut().zip(&mut cross).zip(self.mean_x) {
            *cross += count * left * self.mean_y;
            row.iter_mut().zip(self.mean_x).for_each(|(moment, right)| *moment += count * left * right);
        }
        let through_origin = self::slopes(&moments, &cross);
        // What does not vary is not told from the intercept either.
        let known = slopes.iter().zip(through_origin).map(|(slope, other)| slope.and(other));
        let mut slopes = [None; N];
        slopes.iter_mut().zip(known).for_each(|(slot, slope)| *slot = slope);
        Some(Fit { intercept: 0.0, slopes })
    }

    /// Writes the sums.
    pub fn save(&self, out: &mut Writer) {
        out.u64(self.count);
        out.u64(self.mean_y.to_bits());
        let sums = self.mean_x.iter().chain(self.moments.iter().flatten()).chain(&self.cross);
        sums.for_each(|sum| out.u64(sum.to_bits()));
    }

    /// Reads what [`Self::save`] wrote; `None` if it is anything else.
    pub fn restore(from: &mut Reader<'_>) -> Option<Self> {
        let mut sums = Self { count: from.u64().filter(|count| *count <= COUNT_MAX)?, ..Self::default() };
        let mut next = || from.u64().map(f64::from_bits).filter(|sum| sum.is_finite());
        sums.mean_y = next()?;
        let places = sums.mean_x.iter_mut().chain(sums.moments.iter_mut().flatten()).chain(&mut sums.cross);
        for place in places {
            *place = next()?;
        }
        Some(sums)
    }
}

fn dot<const N: usize>(slopes: &[Option<f64>; N], x: &[f64; N]) -> f64 {
    slopes.iter().zip(x).map(|(slope, x)| slope.unwrap_or_default() * x).sum()
}

/// What is asked of a variable while the equations are solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Free,
    /// Its slope would be negative.
    Zero,
    /// Others determine it.
    Unknown,
}

/// The slopes that solve `moments · slopes = cross` with none negative.
fn slopes<const N: usize>(moments: &[[f64; N]; N], cross: &[f64; N]) -> [Option<f64>; N] {
    let diagonal = moments.iter().enumerate().map(|(place, row)| row.get(place).copied().unwrap_or_default());
    let mut scales = [0.0; N];
    scales.iter_mut().zip(diagonal).for_each(|(scale, moment)| *scale = libm::sqrt(moment.max(0.0)));
    let mut parts = scales.map(|scale| if scale > 0.0 { Part::Free } else { Part::Unknown });
    loop {
        let Some(solution) = solve(equations(moments, cross, &scales, &parts)) else {
            // The first variable alone is always independent, so this ends.
            let last = parts.iter_mut().rev().find(|part| **part == Part::Free);
            last.into_iter().for_each(|part| *part = Part::Unknown);
            continue;
        };
        let mut solved = solution.iter().copied();
        let scaled = parts.map(|part| match part {
            Part::Free => solved.next(),
            Part::Zero => Some(0.0),
            Part::Unknown => None,
        });
        let least = scaled.iter().zip(&mut parts).filter_map(|(slope, part)| slope.map(|slope| (slope, part)));
        let least = least.min_by(|(left, _), (right, _)| left.total_cmp(right));
        if let Some((slope, part)) = least
            && slope < 0.0
        {
            *part = Part::Zero;
            continue;
        }
        let mut slopes = [None; N];
        for ((slot, slope), scale) in slopes.iter_mut().zip(scaled).zip(scales) {
            *slot = slope.map(|slope| if slope > 0.0 { slope / scale } else { 0.0 });
        }
        return slopes;
    }
}

/// The rows of the free variables, each ending with its right side, in units in which every variable varies by 1.
fn equations<const N: usize>(
    moments: &[[f64; N]; N],
    cross: &[f64; N],
    scales: &[f64; N],
    parts: &[Part; N],
) -> Vec<Vec<f64>> {
    let free = |place: &Part| *place == Part::Free;
    let rows = moments.iter().zip(cross).zip(scales).zip(parts).filter(|(_, part)| free(part));
    rows.map(|(((row, cross), scale), _)| {
        let left = row.iter().zip(scales).zip(parts).filter(|(_, part)| free(part));
        let left = left.map(|((moment, other), _)| moment / (scale * other));
        left.chain([cross / scale]).collect()
    })
    .collect()
}

/// Gaussian elimination; `None` if an equation says nothing that the others do not.
fn solve(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let lead = |row: &Vec<f64>| row.first().copied().unwrap_or_default().abs();
    let pivots = rows.iter().enumerate().max_by(|(_, left), (_, right)| lead(left).total_cmp(&lead(right)));
    let Some((place, _)) = pivots else {
        return Some(Vec::new());
    };
    let pivot_row = rows.swap_remove(place);
    let (pivot, pivot_rest) = pivot_row.split_first()?;
    if pivot.abs() < INDEPENDENCE_MIN {
        return None;
    }
    let reduce = |row: Vec<f64>| {
        let (lead, rest) = row.split_first()?;
        let times = lead / pivot;
        Some(rest.iter().zip(pivot_rest).map(|(term, other)| term - times * other).collect())
    };
    let later = solve(rows.into_iter().map(reduce).collect::<Option<Vec<_>>>()?)?;
    let (right, terms) = pivot_rest.split_last()?;
    let first = (right - terms.iter().zip(&later).map(|(term, slope)| term * slope).sum::<f64>()) / pivot;
    Some([first].into_iter().chain(later).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: Option<f64>, expected: f64) -> bool {
        found.is_some_and(|found| (found - expected).abs() <= 1e-6 * expected.abs().max(1.0))
    }

    #[test]
    fn an_exact_relation_is_found_whatever_the_units() {
        let mut sums = LeastSquares::<3>::default();
        for n in 0..200_u32 {
            let (a, b) = (f64::from(n * 37 % 101) * 1e4, f64::from(n * 53 % 89) * 1e-3);
            let c = a * a;
            sums.observe([a, b, c], 7.0 + 3.0 * a + 5.0 * b + 1e-7 * c);
        }
        let fit = sums.fit().unwrap();
        assert!(near(Some(fit.intercept), 7.0), "{fit:?}");
        assert!(near(fit.slopes[0], 3.0) && near(fit.slopes[1].map(|b| b / 1e3), 5e-3), "{fit:?}");
        assert!(near(fit.slopes[2].map(|c| c * 1e7), 1.0), "{fit:?}");
    }

    #[test]
    fn what_does_not_vary_or_follows_from_others_has_no_slope() {
        let mut sums = LeastSquares::<3>::default();
        for n in 0..50_u32 {
            let a = f64::from(n * 7 % 11);
            sums.observe([a, 4.0, 2.0 * a], 1.0 + 6.0 * a);
        }
        let fit = sums.fit().unwrap();
        assert!(near(fit.slopes[0], 6.0) && fit.slopes[1].is_none() && fit.slopes[2].is_none(), "{fit:?}");
    }

    #[test]
    fn no_coefficient_is_negative() {
        let mut sums = LeastSquares::<2>::default();
        for n in 1..50_u32 {
            let (a, b) = (f64::from(n * 7 % 11) + 10.0, f64::from(n * 5 % 13));
            sums.observe([a, b], 3.0 * a - 0.5 * b - 20.0);
        }
        let fit = sums.fit().unwrap();
        assert!(fit.intercept >= 0.0 && fit.slopes[1] == Some(0.0), "{fit:?}");
        assert!(fit.slopes[0].is_some_and(|slope| slope > 0.0), "{fit:?}");
    }

    #[test]
    fn it_follows_a_change() {
        let mut sums = LeastSquares::<1>::default();
        for n in 0..COUNT_MAX * 8 {
            let x = float(n % 17);
            sums.observe([x], if n < COUNT_MAX { 9.0 * x } else { 2.0 * x });
        }
        assert!(sums.count() <= COUNT_MAX);
        assert!(sums.fit().unwrap().slopes[0].is_some_and(|slope| (slope - 2.0).abs() < 0.02), "{:?}", sums.fit());
    }
}
