//! What every store promises, told by its trait alone.

pub mod commits;
pub mod lanes;
pub mod lines;
pub mod lists;
pub mod numbers;
