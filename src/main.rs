//! Parses arguments and hands over to the command line of the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// With glibc a fifth of a cancel's processor time went into allocating. Its version 2, which takes
/// some ten megabytes less than version 3 for the same work; without huge pages, which cost forty more and
/// were not seen to make anything faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    beckn_bpp::app::cli::main()
}
