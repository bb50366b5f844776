//! How much one message may hold. Each limit has a reason; beyond it the answer is `TooLarge`, never a shortened event.

/// Bytes of one message: the largest a Kafka broker takes with a generous setting, and little beside a batch in memory.
pub const MESSAGE_BYTES: usize = 4 << 20;

/// Bytes of one string: names and ids are short; what is longer is not a name.
pub const FIELD_BYTES: usize = 1_024;

/// Events of one message: enough for a node's second, few enough to bound what one message can set in motion.
pub const EVENTS_PER_MESSAGE: u32 = 10_000;

/// Blocks of one list of an event. Of a prefix chain: a prompt of two million tokens at 32 tokens a block, unsampled.
pub const BLOCKS_PER_EVENT: usize = 65_536;

/// Shared limits of one request: requests, tokens in, tokens out and money, of four pools.
pub const LIMITS_PER_EVENT: usize = 16;

/// The limits of one decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message.
    pub message_bytes: usize,
    /// Bytes of one string in an event.
    pub field_bytes: usize,
    /// Events of one message.
    pub events_per_message: u32,
    /// Blocks of one list of an event: of a prefix chain, of the blocks a cache stored, of those it removed.
    pub blocks_per_event: usize,
    /// Shared limits of one request.
    pub limits_per_event: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: MESSAGE_BYTES,
            field_bytes: FIELD_BYTES,
            events_per_message: EVENTS_PER_MESSAGE,
            blocks_per_event: BLOCKS_PER_EVENT,
            limits_per_event: LIMITS_PER_EVENT,
        }
    }
}
