//! Which players of a large game never decide anything. Exact where it finds an answer within its limit of steps; what it cannot
//! decide counts as deciding. Says nothing about how much the others decide.

/// Steps of one search. Where weights are varied enough that a search takes longer, hardly any player decides nothing.
const STEPS_MAX: usize = 1024;

/// Among `weights`, the heaviest first, how many at the end never decide whether `quota` is reached. If a player decides nothing,
/// nor does any lighter one; so the lightest `k` all do nothing exactly if no coalition of the others falls short of the quota by
/// at most the sum of those `k`.
pub(super) fn count(weights: &[u64], quota: u64) -> usize {
    if !all_idle(weights, 1, quota) {
        return 0;
    }
    let (mut idle, mut deciding) = (1_usize, weights.len());
    while deciding.saturating_sub(idle) > 1 {
        let middle = idle.midpoint(deciding);
        if all_idle(weights, middle, quota) {
            idle = middle;
        } else {
            deciding = middle;
        }
    }
    idle
}

/// Whether the last `count` players never decide.
fn all_idle(weights: &[u64], count: usize, quota: u64) -> bool {
    let (others, last) = weights.split_at(weights.len().saturating_sub(count));
    let sum = last.iter().fold(0_u64, |sum, weight| sum.saturating_add(*weight));
    let rest = others.iter().fold(0_u64, |sum, weight| sum.saturating_add(*weight));
    let mut search = Search { least: quota.saturating_sub(sum), quota, steps_left: STEPS_MAX };
    !search.finds(others, 0, rest)
}

struct Search {
    least: u64,
    quota: u64,
    steps_left: usize,
}

impl Search {
    /// Whether `weight` and some of `others`, whose sum is `rest`, come to at least `least` and less than the quota; or whether the
    /// steps are used up.
    fn finds(&mut self, others: &[u64], weight: u64, rest: u64) -> bool {
        let (mut others, mut rest) = (others, rest);
        loop {
            if weight >= self.least {
                return true;
            }
            if weight.saturating_add(rest) < self.least {
                return false;
            }
            let Some(steps_left) = self.steps_left.checked_sub(1) else { return true };
            self.steps_left = steps_left;
            let Some((next, after)) = others.split_first() else { return false };
            (others, rest) = (after, rest.saturating_sub(*next));
            let with = weight.saturating_add(*next);
            if with < self.quota && self.finds(others, with, rest) {
                return true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn those_who_never_decide_are_found() {
        let mut weights = [1_u64; 63];
        weights[..3].fill(100);
        assert_eq!(count(&weights, 160), 0, "one heavy and all the light ones reach it");
        assert_eq!(count(&weights, 161), 60, "it takes two heavy ones, and they suffice");
        assert_eq!(count(&[5, 3, 1], 5), 2, "the heaviest alone decides");
        assert_eq!(count(&[4, 4, 2, 1], 8), 2);
        assert_eq!(count(&[4, 4, 2, 2], 8), 0);
        assert_eq!(count(&[7], 3), 0);
    }
}
