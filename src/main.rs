//! Parses arguments and hands over to the command line of the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    beckn_bpp::app::cli::main()
}
