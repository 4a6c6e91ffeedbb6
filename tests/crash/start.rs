//! Starting where it cannot: the directory is somebody else's.

use std::path::Path;

use crate::outside::process::Process;
use crate::town::{BINARY, Town, WAIT};

#[test]
fn a_second_process_on_the_same_directory_says_so_and_ends() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _inside = runtime.enter();
    let town = Town::new();
    let first = town.start();
    let second = Process::start(&mut town.around.serve(Path::new(BINARY)));
    let (status, log) = second.expect("a process").ended(WAIT).expect("an end");
    assert_eq!(status.code(), Some(1), "{log}");
    let sentence = format!(
        "another process holds the store at {}",
        town.around.store().display()
    );
    assert!(log.contains(&sentence), "{log}");
    let healthy = runtime.block_on(first.admin.get("/health/ready"));
    assert_eq!(healthy.expect("the first goes on")["status"], "ready");
}
