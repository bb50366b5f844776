//! The outcome of one access under every coalition of the victim's neighbours, and its Shapley value, exact. Where the outcomes
//! come from is not its concern.

use crate::matrix::PARTS;

/// Players at most; see [`super::TENANTS_MAX`].
pub const PLAYERS_MAX: usize = 7;

/// Outcomes by coalition: a miss or not. Need not be monotone: a player may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Game {
    players: usize,
    /// Bit S = it misses when the players of S are there.
    misses: u128,
}

impl Game {
    /// The game of so many players in which the coalitions miss for which `misses` says so. Bit k of a coalition = player k.
    pub fn new(players: usize, misses: impl Fn(usize) -> bool) -> Self {
        assert!(players <= PLAYERS_MAX, "{players} players do not fit");
        let bits = (0..1_usize << players).filter(|coalition| misses(*coalition)).map(|coalition| 1_u128 << coalition);
        Self { players, misses: bits.fold(0, |all, bit| all | bit) }
    }

    /// Whether it misses when those are there.
    pub const fn misses(&self, coalition: usize) -> bool {
        self.misses >> coalition & 1 == 1
    }

    /// The outcome without any neighbour.
    pub const fn solo(&self) -> bool {
        self.misses(0)
    }

    /// The outcome with all of them.
    pub const fn actual(&self) -> bool {
        self.misses((1 << self.players) - 1)
    }

    /// Whether no coalition changes the outcome.
    pub const fn is_settled(&self) -> bool {
        let count = self.misses.count_ones();
        count == 0 || count == 1 << self.players
    }

    /// Each player's Shapley value in [`PARTS`] of the miss; negative for a player that helps. With the solo outcome they add
    /// up to the actual one.
    pub fn shares(&self) -> [i64; PLAYERS_MAX] {
        let mut shares = [0; PLAYERS_MAX];
        if self.is_settled() {
            return shares;
        }
        let weights = self.weights();
        let mut left = self.misses;
        while left != 0 {
            let coalition = left.trailing_zeros() as usize;
            left &= left - 1;
            let size = coalition.count_ones() as usize;
            for (player, share) in shares.iter_mut().enumerate().take(self.players) {
                if coalition >> player & 1 == 1 {
                    *share += weights[size - 1];
                } else {
                    *share -= weights[size];
                }
            }
        }
        shares
    }

    /// In how many parts of the orders exactly a given coalition of so many stands before a player.
    fn weights(&self) -> [i64; PLAYERS_MAX] {
        let factorial = |number: usize| (1..=number as i64).product::<i64>();
        let mut weights = [0; PLAYERS_MAX];
        for (before, weight) in weights.iter_mut().enumerate().take(self.players) {
            let orders = factorial(before) * factorial(self.players - before - 1);
            *weight = orders * (PARTS / factorial(self.players));
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// The definition: in every order of the players, each gets what its coming changes.
    fn by_orders(game: &Game) -> [i64; PLAYERS_MAX] {
        fn go_on(game: &Game, present: usize, worth: i64, shares: &mut [i64; PLAYERS_MAX]) {
            let absent: Vec<usize> = (0..game.players).filter(|player| present >> player & 1 == 0).collect();
            for player in &absent {
                let then = present | 1 << player;
                let each = worth / absent.len() as i64;
                shares[*player] += each * (i64::from(game.misses(then)) - i64::from(game.misses(present)));
                go_on(game, then, each, shares);
            }
        }
        let mut shares = [0; PLAYERS_MAX];
        go_on(game, 0, PARTS, &mut shares);
        shares
    }

    #[test]
    fn shares_are_what_all_orders_say() {
        let mut random = Random::new(1, "games");
        for players in 0..=PLAYERS_MAX {
            for _ in 0..6 {
                let outcomes: Vec<bool> = (0..1 << players).map(|_| random.below(2) == 1).collect();
                let game = Game::new(players, |coalition| outcomes[coalition]);
                let shares = game.shares();
                assert_eq!(shares, by_orders(&game), "{game:?}");
                let change = i64::from(game.actual()) - i64::from(game.solo());
                assert_eq!(shares.iter().sum::<i64>(), change * PARTS);
            }
        }
    }

    #[test]
    fn known_games_have_known_shares() {
        let weights = [4, 2, 1];
        let sum = |coalition: usize| {
            (0..3).filter(|player| coalition >> player & 1 == 1).map(|player| weights[player]).sum::<i32>()
        };
        let at_least = |quota: i32| Game::new(3, move |coalition| sum(coalition) >= quota).shares()[..3].to_vec();
        assert_eq!(at_least(4), [PARTS, 0, 0], "the others together are too small");
        assert_eq!(at_least(5), [PARTS * 2 / 3, PARTS / 6, PARTS / 6]);
        assert_eq!(at_least(7), [PARTS / 3; 3], "all are needed, however small");
        let helper = Game::new(2, |coalition| coalition & 1 == 0);
        assert_eq!((helper.solo(), helper.actual(), helper.shares()[..2].to_vec()), (true, false, vec![-PARTS, 0]));
    }
}
