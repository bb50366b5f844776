//! Where the blocks of a chain lie in a prompt, and which of them were read. A chain that lists all blocks says it exactly. Of a
//! sampled one, whose blocks' places are not known, the listed blocks stand for equal parts of what was read, and of what was not;
//! and of the latter, those that somebody had used before for what the session's previous prompt had already.
//!
//! How many listed blocks are among those read follows from the tokens only to within chance; within it, those count as read that
//! the cache should have had. Which are read or missed beyond chance is told, because only those say anything of the cache.

use aliquot_core::event::{Event, PrefixChain};

use crate::price::{read_tokens, total_tokens};

/// Standard deviations that are taken for chance.
const CHANCE: u64 = 3;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'e> {
    chain: Option<&'e PrefixChain>,
    /// Tokens that were read.
    read: u64,
    /// Tokens of the prompt.
    total: u64,
    /// Leading blocks of the chain that were read to their end.
    read_blocks: usize,
    /// Leading blocks that were read for certain.
    surely_read: usize,
    /// From here on, blocks were missed for certain.
    surely_missed: usize,
    /// Of a sampled chain, so many leading blocks end at that token; in order.
    anchors: [(usize, u64); 3],
}

/// What is known of a block that a sampled chain lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// The cache should have it.
    Held,
    /// Somebody used it.
    Used,
    /// Nothing.
    New,
}

impl<'e> Layout<'e> {
    /// The layout of the event's prompt, of whose session the previous prompt had `previous` tokens. `known` is asked of sampled
    /// chains only.
    pub fn new(event: &'e Event<'_>, previous: Option<u64>, known: impl Fn(u64) -> Listed) -> Self {
        let (chain, read, total) = (event.prefix.as_ref(), read_tokens(event), total_tokens(event));
        let anchors = [(0, 0); 3];
        let mut layout = Self { chain, read, total, read_blocks: 0, surely_read: 0, surely_missed: 0, anchors };
        let Some(chain) = chain else { return layout };
        let listed = chain.blocks.len();
        let end = layout.blocks_end();
        if !layout.is_sampled() {
            let whole = read.checked_div(u64::from(chain.block_tokens)).unwrap_or_default();
            layout.read_blocks = usize::try_from(whole).unwrap_or(usize::MAX).min(listed);
            (layout.surely_read, layout.surely_missed) = (layout.read_blocks, layout.read_blocks);
            return layout;
        }
        let read = read.min(end);
        (layout.surely_read, layout.surely_missed) = likely(listed, read, end);
        let held = chain.blocks.iter().take_while(|hash| known(**hash) == Listed::Held).count();
        layout.read_blocks = held.clamp(layout.surely_read, layout.surely_missed);
        let used = chain.blocks.iter().take_while(|hash| known(**hash) != Listed::New).count();
        layout.anchors = layout.anchored((used, previous.unwrap_or_default()), (listed, end));
        layout
    }

    /// The places that are known: where what was read ends, perhaps where what was used before ends, and where all ends.
    fn anchored(&self, used: (usize, u64), all: (usize, u64)) -> [(usize, u64); 3] {
        let before = (self.read_blocks, self.read.min(all.1));
        let blocks = |from: (usize, u64), to: (usize, u64)| to.0.saturating_sub(from.0);
        let tokens = |from: (usize, u64), to: (usize, u64)| to.1.saturating_sub(from.1);
        let (least, most) = likely(blocks(before, all), tokens(before, used), tokens(before, all));
        let is_between = used.0 > before.0 && used.0 < all.0 && used.1 > before.1 && used.1 < all.1;
        let is_likely = is_between && (least..=most).contains(&blocks(before, used));
        [before, if is_likely { used } else { before }, all]
    }

    /// The blocks, root first.
    pub fn blocks(&self) -> &'e [u64] {
        self.chain.map(|chain| chain.blocks.as_slice()).unwrap_or_default()
    }

    /// Whether not all blocks are listed.
    pub fn is_sampled(&self) -> bool {
        self.chain.is_some_and(|chain| chain.sampled_of > 1)
    }

    /// Tokens that were read.
    pub const fn read(&self) -> u64 {
        self.read
    }

    /// Tokens of the prompt.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Leading blocks of the chain that were read to their end.
    pub const fn read_blocks(&self) -> usize {
        self.read_blocks
    }

    /// Of so many leading blocks, how many were read for certain.
    pub fn surely_read(&self, blocks: usize) -> usize {
        self.surely_read.min(blocks)
    }

    /// Whether the block at that place was missed for certain.
    pub const fn is_surely_missed(&self, place: usize) -> bool {
        place >= self.surely_missed
    }

    /// Tokens that whole blocks cover, listed or not; behind them is a partial block, or what the chain leaves out.
    pub fn blocks_end(&self) -> u64 {
        let Some(chain) = self.chain else { return 0 };
        let tokens = u64::from(chain.block_tokens);
        if self.is_sampled() {
            return self.total.saturating_sub(self.total.checked_rem(tokens).unwrap_or_default());
        }
        u64::try_from(chain.blocks.len()).unwrap_or(u64::MAX).saturating_mul(tokens).min(self.total)
    }

    /// Tokens up to the end of so many leading blocks.
    pub fn tokens(&self, blocks: usize) -> u64 {
        let Some(chain) = self.chain else { return 0 };
        let number = |blocks: usize| u64::try_from(blocks).unwrap_or(u64::MAX);
        if !self.is_sampled() {
            return number(blocks).saturating_mul(u64::from(chain.block_tokens)).min(self.total);
        }
        let mut from = (0, 0);
        for to in self.anchors {
            if blocks <= to.0 && to.0 > from.0 {
                let (part, whole) = (blocks.saturating_sub(from.0), to.0.saturating_sub(from.0));
                let tokens = to.1.saturating_sub(from.1);
                return portion(tokens, number(part), number(whole)).saturating_add(from.1);
            }
            from = to;
        }
        from.1
    }
}

/// Between which numbers of `count` listed blocks chance leaves those that lie in `part` of `whole` tokens.
fn likely(count: usize, part: u64, whole: u64) -> (usize, usize) {
    let likely = portion(u64::try_from(count).unwrap_or(u64::MAX), part, whole);
    let variance = portion(likely, whole.saturating_sub(part), whole);
    let is_certain = part == 0 || part >= whole;
    let chance = if is_certain { 0 } else { variance.isqrt().saturating_add(1).saturating_mul(CHANCE) };
    let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).min(count);
    (place(likely.saturating_sub(chance)), place(likely.saturating_add(chance)))
}

/// `part / whole` of an amount, rounded to the nearest; nothing of nothing.
fn portion(amount: u64, part: u64, whole: u64) -> u64 {
    let (amount, part, whole) = (u128::from(amount), u128::from(part), u128::from(whole));
    let product = amount.saturating_mul(part).saturating_add(whole.wrapping_shr(1));
    product.checked_div(whole).and_then(|portion| u64::try_from(portion).ok()).unwrap_or_default()
}
