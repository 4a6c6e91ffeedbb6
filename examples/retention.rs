//! How much disk a store takes while days go by and what is old is removed.
//!
//! Each simulated day so many orders are handed over, cancelled and their callbacks delivered;
//! then everything older than the evidence's and the orders' days is pruned, as the server does
//! in the background. Printed for each day: the bytes that are live (keys and values of what is
//! kept, as handed in), what sled's directory takes, and the ratio of its largest size so far to
//! the largest live size so far. The directory is removed at the end; nothing listens anywhere.
//!
//! `cargo run --release --example retention -- [DAYS] [CANCELS_PER_DAY]`; exit code 1 when the
//! directory ever takes more than three times the peak of what is live.
