// SPDX-License-Identifier: MIT
//! Runs /bin/true again and again on tokio's single-threaded runtime, so many at a time: processes_tokio COUNT AT_ONCE
use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;
use tokio::process::Command;

/// Processor time of this process, in seconds: what /proc tells in nanoseconds, of each thread.
fn used() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let of = |path: std::path::PathBuf| std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
    tasks.map(|task| of(task.unwrap().path()).split(' ').next().unwrap().parse::<f64>().unwrap_or(0.0) / 1e9).sum()
}

async fn run_until_done(left: Rc<Cell<u64>>) {
    while left.get() != 0 {
        left.set(left.get() - 1);
        assert!(Command::new("/bin/true").status().await.unwrap().success(), "a process fails");
    }
}

fn main() {
    let number = |index| std::env::args().nth(index).and_then(|text| text.parse().ok()).expect("processes_tokio COUNT AT_ONCE");
    let (count, at_once): (u64, u64) = (number(1), number(2));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (own, start) = (used(), Instant::now());
    let left = Rc::new(Cell::new(count));
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let runners: Vec<_> = (0..at_once).map(|_| tokio::task::spawn_local(run_until_done(left.clone()))).collect();
        for runner in runners {
            runner.await.unwrap();
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    println!("{{\"count\": {count}, \"seconds\": {seconds:.6}, \"us\": {:.4}}}", (used() - own) * 1e6 / count as f64);
}
