//! Parses arguments and hands over to the command line of the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// A fifth of the processor time of a cancel goes into allocating with glibc; with this, a tenth.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    beckn_bpp::app::cli::main()
}
