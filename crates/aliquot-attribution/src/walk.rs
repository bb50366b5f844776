//! A prompt as runs of tokens with one fate. Knows where blocks lie in a prompt and which of them were read; why not, it asks.

use alloc::vec::Vec;

use crate::layout::Layout;

/// Tokens with one fate: `from..to` of the prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run<F> {
    /// The first token.
    pub from: u64,
    /// The token after the last.
    pub to: u64,
    /// Blocks it is made of; 0 = tokens that no block of the chain covers.
    pub blocks: u32,
    /// The place in the chain of the last of them.
    pub last: Option<usize>,
    /// What became of them, and why.
    pub fate: F,
}

impl<F> Run<F> {
    /// How many tokens it has.
    pub const fn tokens(&self) -> u64 {
        self.to.saturating_sub(self.from)
    }
}

/// A stretch of a prompt that the walk asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The first token.
    pub from: u64,
    /// The token after the last.
    pub to: u64,
    /// The block's place in the chain; `None` = behind the chain.
    pub block: Option<usize>,
    /// Whether it was read from the cache.
    pub is_read: bool,
}

/// Walks a prompt from its root to its end, and joins neighbours of the same fate. A block that was read in part is two stretches.
pub fn runs<F: PartialEq>(layout: &Layout<'_>, mut fate: impl FnMut(Stretch) -> F) -> Vec<Run<F>> {
    let mut runs: Vec<Run<F>> = Vec::new();
    let mut push = |stretch: Stretch| {
        if stretch.from >= stretch.to {
            return;
        }
        let fate = fate(stretch);
        let blocks = u32::from(stretch.block.is_some());
        match runs.last_mut() {
            Some(last) if last.fate == fate && (last.blocks > 0) == (blocks > 0) => {
                last.to = stretch.to;
                last.last = stretch.block;
                last.blocks = last.blocks.saturating_add(blocks);
            }
            _ => runs.push(Run { from: stretch.from, to: stretch.to, blocks, last: stretch.block, fate }),
        }
    };
    let mut split = |from: u64, to: u64, block: Option<usize>| {
        let edge = layout.read().clamp(from, to);
        push(Stretch { from, to: edge, block, is_read: true });
        push(Stretch { from: edge, to, block, is_read: false });
    };
    let mut end = 0;
    for (block, number) in (0..layout.blocks().len()).zip(1..) {
        let to = layout.tokens(number);
        split(end, to, Some(block));
        end = to;
    }
    split(end, layout.blocks_end(), None);
    split(layout.blocks_end(), layout.total(), None);
    runs
}
