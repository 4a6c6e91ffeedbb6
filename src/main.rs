//! Parses arguments and hands over to the command line of the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// With glibc a fifth of a cancel's processor time went into allocating. Without huge pages: they
/// cost some forty megabytes and were not seen to make anything faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    beckn_bpp::app::cli::main()
}
