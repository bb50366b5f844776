//! What is compared: of each request, who did what, in picodollars. Both the truth and the model's answer are put like this.

use aliquot_core::cause::Cause;
use aliquot_sim::coalition::TENANTS_MAX;
use aliquot_sim::matrix::{Matrix, PARTS, misallocation};

/// What one missed block costs beyond a cache read: a thousand picodollars for each part, so that all exact shares are whole.
pub(crate) const BLOCK_PICO: i64 = PARTS * 1_000;

/// Tokens of a block.
pub(crate) const BLOCK_TOKENS: u32 = 16;

/// One side of a request: its missed blocks, or those that it read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Side {
    /// What its tenant would have lost alone.
    pub(crate) own: i64,
    /// By culprit.
    pub(crate) charges: [i64; TENANTS_MAX],
    /// By culprit; not negative.
    pub(crate) credits: [i64; TENANTS_MAX],
}

impl Side {
    pub(crate) fn add_share(&mut self, culprit: usize, pico: i64) {
        if pico < 0 {
            self.credits[culprit] -= pico;
        } else {
            self.charges[culprit] += pico;
        }
    }

    fn add_to(&self, victim: usize, matrix: &mut Matrix) {
        matrix.add_own(victim, self.own);
        for (culprit, (charge, credit)) in self.charges.iter().zip(&self.credits).enumerate().take(matrix.tenants()) {
            matrix.add_share(culprit, victim, *charge);
            matrix.add_share(culprit, victim, -*credit);
        }
    }
}

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) victim: usize,
    /// Blocks that missed, without those that nobody had asked for before.
    pub(crate) missed: Side,
    /// Blocks that were read.
    pub(crate) read: Side,
    /// What would not have been lost without this culprit alone.
    pub(crate) avoidable: [i64; TENANTS_MAX],
    /// What it would have cost its tenant alone, beyond reading everything; `None` = it is not said.
    pub(crate) alone: Option<i64>,
    /// What is said to have a cause that no replay knows, or none.
    pub(crate) unexplained: i64,
}

/// What a model said of one request, for confusion matrices.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Tokens and money by cause.
    pub(crate) parts: Vec<(Cause, u64, i64)>,
    /// Leading blocks that it expected to be read, before it was told.
    pub(crate) predicted: usize,
}

/// All requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(pub(crate) Vec<Line>);

impl Lines {
    /// The sum, of the missed blocks or of those that were read.
    pub(crate) fn matrix(&self, side: impl Fn(&Line) -> &Side) -> Matrix {
        let mut matrix = Matrix::new(TENANTS_MAX);
        self.0.iter().for_each(|line| side(line).add_to(line.victim, &mut matrix));
        matrix
    }

    /// Both sides.
    pub(crate) fn whole(&self) -> Matrix {
        self.matrix(|line| &line.missed).plus(&self.matrix(|line| &line.read))
    }

    pub(crate) fn unexplained(&self) -> i64 {
        self.0.iter().map(|line| line.unexplained).sum()
    }

    /// The share of the money that `claimed` puts on the wrong line, in percent. What it leaves unexplained is on the wrong line.
    pub(crate) fn misplaced(&self, claimed: &Self) -> f64 {
        let truth = self.whole();
        let unexplained = claimed.unexplained() as f64 / (2 * truth.total().max(1)) as f64;
        100.0 * (misallocation(&truth, &claimed.whole()) + unexplained)
    }
}
