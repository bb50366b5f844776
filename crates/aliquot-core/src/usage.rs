//! What a request used, as disjoint classes: every token, search and GPU microsecond is in exactly one of them.

/// A class of usage with a price of its own. Classes are disjoint: a cached audio token is in `AudioCacheRead` and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Prompt tokens neither read from nor written to a cache.
    Uncached,
    /// Prompt tokens read from a prefix cache.
    CacheRead,
    /// Prompt tokens written to a cache that lives five minutes.
    CacheWrite5m,
    /// Prompt tokens written to a cache that lives one hour.
    CacheWrite1h,
    /// Prompt tokens written to a cache of any other lifetime.
    CacheWriteOther,
    /// Audio tokens in the prompt.
    AudioIn,
    /// Image tokens in the prompt.
    ImageIn,
    /// Video tokens in the prompt.
    VideoIn,
    /// Audio tokens of the prompt read from a cache.
    AudioCacheRead,
    /// Image tokens of the prompt read from a cache.
    ImageCacheRead,
    /// Visible output tokens.
    Output,
    /// Output tokens spent on reasoning.
    Reasoning,
    /// Audio tokens in the output.
    AudioOut,
    /// Image tokens in the output.
    ImageOut,
    /// Video tokens in the output.
    VideoOut,
    /// Web searches done on the request's behalf.
    WebSearches,
    /// The request itself, where a provider charges per call.
    Requests,
    /// Microseconds of one GPU.
    GpuMicros,
    /// Token-hours of an explicitly kept cache: the rent, which falls due whether or not anybody reads.
    ///
    /// Rents are published per token and hour, and only in that unit is each a whole number of picodollars ($1.00 per million
    /// is 1,000,000; per token-second it would be 277.7…). Who reports rent therefore reports whole token-hours and carries
    /// the rest into the next report, so that nothing is ever rounded away.
    CacheStorage,
}

impl Class {
    /// How many classes there are.
    pub const COUNT: usize = 19;

    /// Every class, in the order of their columns.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Uncached,
        Self::CacheRead,
        Self::CacheWrite5m,
        Self::CacheWrite1h,
        Self::CacheWriteOther,
        Self::AudioIn,
        Self::ImageIn,
        Self::VideoIn,
        Self::AudioCacheRead,
        Self::ImageCacheRead,
        Self::Output,
        Self::Reasoning,
        Self::AudioOut,
        Self::ImageOut,
        Self::VideoOut,
        Self::WebSearches,
        Self::Requests,
        Self::GpuMicros,
        Self::CacheStorage,
    ];

    /// The classes that together are the prompt, as the provider counts it.
    pub const PROMPT: [Self; 10] = [
        Self::Uncached,
        Self::CacheRead,
        Self::CacheWrite5m,
        Self::CacheWrite1h,
        Self::CacheWriteOther,
        Self::AudioIn,
        Self::ImageIn,
        Self::VideoIn,
        Self::AudioCacheRead,
        Self::ImageCacheRead,
    ];

    /// The classes that together are the output.
    pub const OUTPUT: [Self; 5] = [Self::Output, Self::Reasoning, Self::AudioOut, Self::ImageOut, Self::VideoOut];

    /// The one spelling used in events, columns, SQL and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uncached => "uncached",
            Self::CacheRead => "cache_read",
            Self::CacheWrite5m => "cache_write_5m",
            Self::CacheWrite1h => "cache_write_1h",
            Self::CacheWriteOther => "cache_write_other",
            Self::AudioIn => "audio_in",
            Self::ImageIn => "image_in",
            Self::VideoIn => "video_in",
            Self::AudioCacheRead => "audio_cache_read",
            Self::ImageCacheRead => "image_cache_read",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::AudioOut => "audio_out",
            Self::ImageOut => "image_out",
            Self::VideoOut => "video_out",
            Self::WebSearches => "web_searches",
            Self::Requests => "requests",
            Self::GpuMicros => "gpu_us",
            Self::CacheStorage => "cache_storage_token_hours",
        }
    }

    /// The class of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Its place in [`Class::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::Uncached => 0,
            Self::CacheRead => 1,
            Self::CacheWrite5m => 2,
            Self::CacheWrite1h => 3,
            Self::CacheWriteOther => 4,
            Self::AudioIn => 5,
            Self::ImageIn => 6,
            Self::VideoIn => 7,
            Self::AudioCacheRead => 8,
            Self::ImageCacheRead => 9,
            Self::Output => 10,
            Self::Reasoning => 11,
            Self::AudioOut => 12,
            Self::ImageOut => 13,
            Self::VideoOut => 14,
            Self::WebSearches => 15,
            Self::Requests => 16,
            Self::GpuMicros => 17,
            Self::CacheStorage => 18,
        }
    }
}

/// One value for each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ByClass<T>([T; Class::COUNT]);

impl<T: Copy> ByClass<T> {
    /// The same value for every class.
    pub const fn all(value: T) -> Self {
        Self([value; Class::COUNT])
    }

    /// The value of `class`.
    #[expect(clippy::indexing_slicing, reason = "`index` is below the length of the array for every variant")]
    pub const fn get(&self, class: Class) -> T {
        self.0[class.index()]
    }

    /// Puts `value` in the place of `class`.
    #[expect(clippy::indexing_slicing, reason = "`index` is below the length of the array for every variant")]
    pub const fn set(&mut self, class: Class, value: T) {
        self.0[class.index()] = value;
    }

    /// Each class with its value, in the order of [`Class::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Class, T)> + '_ {
        Class::ALL.into_iter().zip(self.0.iter().copied())
    }
}

impl ByClass<u64> {
    /// The sum over `classes`, or `None` past 2⁶⁴.
    pub fn sum_of(&self, classes: &[Class]) -> Option<u64> {
        classes.iter().try_fold(0_u64, |sum, class| sum.checked_add(self.get(*class)))
    }
}
