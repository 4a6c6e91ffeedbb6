//! Chance that a seed decides: the same seed, the same faults and the same mix.

use std::ops::Range;

/// SplitMix64: small, even, and good enough to deal out faults.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A row of numbers for one purpose, which these parts name.
    pub fn of(parts: &[u64]) -> Self {
        let mut random = Self(0x9e37_79b9_7f4a_7c15);
        for part in parts {
            random.0 ^= part;
            random.0 = random.next();
        }
        random
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of a range that is not empty; the tiny bias does no harm here.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }
}
