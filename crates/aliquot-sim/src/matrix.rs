//! Who cost whom how many blocks, in whole parts of a block, and how far two such statements lie apart. It holds statements,
//! true or not; it makes none.

/// Parts of a block. Every Shapley value of a game with up to seven players whose outcomes are whole is a whole number of them.
pub const PARTS: i64 = 5_040;

/// For each victim: what it did to itself, and what each neighbour did to it, harm and help apart. In parts of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    tenants: usize,
    own: Vec<i64>,
    /// By culprit, then by victim.
    charges: Vec<i64>,
    credits: Vec<i64>,
}

impl Matrix {
    /// Nothing done to anybody.
    pub fn new(tenants: usize) -> Self {
        let cells = vec![0; tenants * tenants];
        Self { tenants, own: vec![0; tenants], charges: cells.clone(), credits: cells }
    }

    /// How many tenants it speaks of.
    pub const fn tenants(&self) -> usize {
        self.tenants
    }

    /// Adds what the victim would have lost alone.
    pub fn add_own(&mut self, victim: usize, parts: i64) {
        self.own[victim] += parts;
    }

    /// Adds a neighbour's share: a charge, or a credit if negative.
    pub fn add_share(&mut self, culprit: usize, victim: usize, parts: i64) {
        let cell = culprit * self.tenants + victim;
        if parts < 0 {
            self.credits[cell] -= parts;
        } else {
            self.charges[cell] += parts;
        }
    }

    /// What the victim would have lost alone.
    pub fn own(&self, victim: usize) -> i64 {
        self.own[victim]
    }

    /// What the culprit cost the victim; not negative.
    pub fn charges(&self, culprit: usize, victim: usize) -> i64 {
        self.charges[culprit * self.tenants + victim]
    }

    /// What it saved the victim; not negative.
    pub fn credits(&self, culprit: usize, victim: usize) -> i64 {
        self.credits[culprit * self.tenants + victim]
    }

    /// Charges less credits.
    pub fn share(&self, culprit: usize, victim: usize) -> i64 {
        self.charges(culprit, victim) - self.credits(culprit, victim)
    }

    /// What the victim lost: its own part and all shares.
    pub fn lost(&self, victim: usize) -> i64 {
        self.own(victim) + (0..self.tenants).map(|culprit| self.share(culprit, victim)).sum::<i64>()
    }

    /// What all lost.
    pub fn total(&self) -> i64 {
        (0..self.tenants).map(|victim| self.lost(victim)).sum()
    }

    /// What a tenant did to its neighbours.
    pub fn caused(&self, culprit: usize) -> i64 {
        (0..self.tenants).map(|victim| self.share(culprit, victim)).sum()
    }

    /// All charges.
    pub fn charged(&self) -> i64 {
        self.charges.iter().sum()
    }

    /// All credits.
    pub fn credited(&self) -> i64 {
        self.credits.iter().sum()
    }

    /// The sum of two statements about the same tenants.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let sum = |left: &[i64], right: &[i64]| left.iter().zip(right).map(|(left, right)| left + right).collect();
        Self {
            tenants: self.tenants,
            own: sum(&self.own, &other.own),
            charges: sum(&self.charges, &other.charges),
            credits: sum(&self.credits, &other.credits),
        }
    }
}

/// The share of `truth`'s total that `claimed` puts on the wrong line: half the sum of the differences of all shares and own
/// parts. 0 if nothing was lost.
pub fn misallocation(truth: &Matrix, claimed: &Matrix) -> f64 {
    let tenants = 0..truth.tenants;
    let own: u64 = tenants.clone().map(|victim| truth.own(victim).abs_diff(claimed.own(victim))).sum();
    let cells = tenants.clone().flat_map(|culprit| tenants.clone().map(move |victim| (culprit, victim)));
    let shares: u64 =
        cells.map(|(culprit, victim)| truth.share(culprit, victim).abs_diff(claimed.share(culprit, victim))).sum();
    ratio((own + shares) as i64, 2 * truth.total())
}

/// By which factor `claimed` changes what the culprit did to its neighbours; 1 if it is right, 0 if nothing was done.
pub fn bill_factor(truth: &Matrix, claimed: &Matrix, culprit: usize) -> f64 {
    ratio(claimed.caused(culprit), truth.caused(culprit))
}

/// For people and bounds; no sum is made of it.
fn ratio(part: i64, whole: i64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Splits `whole` by weights, of which one at least is not 0, by largest remainder; among equals the first gets more.
pub(crate) fn split(whole: i64, weights: &[u64]) -> Vec<i64> {
    let sum: u64 = weights.iter().sum();
    let exact = |weight: u64| i128::from(whole) * i128::from(weight);
    let floors: Vec<i64> = weights.iter().map(|weight| (exact(*weight) / i128::from(sum.max(1))) as i64).collect();
    let mut by_remainder: Vec<usize> = (0..weights.len()).filter(|place| weights[*place] > 0).collect();
    by_remainder.sort_by_key(|place| std::cmp::Reverse(exact(weights[*place]) % i128::from(sum.max(1))));
    let mut parts = floors;
    let left = whole - parts.iter().sum::<i64>();
    for place in by_remainder.into_iter().take(left as usize) {
        parts[place] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harm_and_help_stay_apart_and_add_up() {
        let mut matrix = Matrix::new(2);
        matrix.add_own(0, 100);
        matrix.add_share(1, 0, 30);
        matrix.add_share(1, 0, -50);
        assert_eq!((matrix.charges(1, 0), matrix.credits(1, 0), matrix.share(1, 0)), (30, 50, -20));
        assert_eq!((matrix.lost(0), matrix.lost(1), matrix.total(), matrix.caused(1)), (80, 0, 80, -20));
        let twice = matrix.plus(&matrix);
        assert_eq!((twice.own(0), twice.charged(), twice.credited()), (200, 60, 100));
    }

    #[test]
    fn misallocation_is_the_share_on_the_wrong_line() {
        let matrix = |own: i64, by_1: i64, by_2: i64| {
            let mut matrix = Matrix::new(3);
            matrix.add_own(0, own);
            matrix.add_share(1, 0, by_1);
            matrix.add_share(2, 0, by_2);
            matrix
        };
        let truth = matrix(10, 60, 30);
        assert_eq!(misallocation(&truth, &truth), 0.0);
        assert_eq!(misallocation(&truth, &matrix(10, 50, 40)), 0.1, "ten of a hundred moved from one to the other");
        assert_eq!(misallocation(&truth, &matrix(100, 0, 0)), 0.9, "the own part counts too");
        assert_eq!(bill_factor(&truth, &matrix(10, 45, 45), 1), 0.75);
        assert_eq!((misallocation(&matrix(0, 0, 0), &matrix(0, 0, 0)), bill_factor(&truth, &truth, 0)), (0.0, 0.0));
    }

    #[test]
    fn a_split_sums_to_the_whole() {
        assert_eq!(split(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(split(10, &[0, 5, 0]), [0, 10, 0]);
        assert_eq!(split(7, &[2, 3, 5]), [1, 2, 4], "1.4, 2.1, 3.5");
    }
}
