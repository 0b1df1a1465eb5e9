// SPDX-License-Identifier: MIT
//! The scheduler's workloads on tokio's current_thread runtime (one thread), with its drivers for I/O and time on.
//!   tasks_tokio W1|W1b|W2|W3|W4|W5|W6|W7|timers [n]
//!
//! W2 is measured with `yield_now`, and as "tokio-wake" with a future that wakes itself, which is quicker. W3 is measured with
//! an `async fn`, which becomes part of its caller, and as "tokio-box" with a child in a frame of its own, as C++ has.
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver, UnboundedSender};
use tokio::sync::Notify;

thread_local!(static COUNT: Cell<u64> = const { Cell::new(0) });

fn increment() {
    COUNT.with(|count| count.set(count.get() + 1))
}

fn take_count() -> u64 {
    COUNT.with(|count| count.replace(0))
}

fn status_kb(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(key));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kb| kb.parse().ok()).unwrap_or(0)
}

struct Bench {
    runtime: Runtime,
    base_kb: u64,
    n: Option<u64>,
}

impl Bench {
    fn n(&self, by_default: u64) -> u64 {
        self.n.unwrap_or(by_default)
    }

    fn report(&self, peer: &str, workload: &str, n: u64, time: Duration, ok: bool) {
        let ns = time.as_nanos() as f64;
        let (peak, base) = (status_kb("VmHWM:"), self.base_kb);
        let ok = if ok { "ok" } else { "BAD" };
        println!("RESULT\t{peer}\t{workload}\t{n}\t{:.2}\t{:.2}\t{peak}\t{base}\t-\t{ok}", ns / n as f64, ns / 1e6);
    }

    /// Runs `body` as a task and reports it; it is right if `expected` increments were made.
    fn measure(&self, peer: &str, workload: &str, n: u64, expected: u64, body: impl Future<Output = ()> + Send + 'static) {
        take_count();
        let begin = Instant::now();
        self.runtime.block_on(async { tokio::spawn(body).await.unwrap() });
        self.report(peer, workload, n, begin.elapsed(), take_count() == expected);
    }
}

async fn trivial() {
    increment()
}

async fn spawn_and_join(n: u64) {
    let mut tasks = Vec::with_capacity(n as usize);
    for _ in 0..n {
        tasks.push(tokio::spawn(trivial()));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

async fn spawn_in_batches(n: u64) {
    for _ in 0..n / 1000 {
        spawn_and_join(1000).await;
    }
}

/// Is pending once, and wakes itself at once: to the end of the queue.
struct Wake(bool);

impl Future for Wake {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

async fn two_yielders(n: u64, wake: bool) {
    let yielder = move || {
        tokio::spawn(async move {
            for _ in 0..n / 2 {
                if wake {
                    Wake(false).await
                } else {
                    tokio::task::yield_now().await
                }
                increment();
            }
        })
    };
    let (first, second) = (yielder(), yielder());
    first.await.unwrap();
    second.await.unwrap();
}

#[inline(never)]
fn lowest_bit(i: u64) -> u64 {
    std::hint::black_box(i & 1)
}

async fn child(i: u64) -> u64 {
    lowest_bit(i)
}

#[inline(never)]
fn boxed_child(i: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(child(i))
}

async fn await_children(n: u64, boxed: bool) {
    let mut sum = 0;
    for i in 0..n {
        sum += if boxed { boxed_child(i).await } else { child(i).await };
    }
    COUNT.with(|count| count.set(sum));
}

async fn sleepers(n: u64, time: Duration) {
    let mut tasks = Vec::with_capacity(n as usize);
    for _ in 0..n {
        tasks.push(tokio::spawn(async move {
            tokio::time::sleep(time).await;
            increment();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

/// Registers and drops timers at random distances while `pending` others wait.
async fn timers(n: u64, pending: u64) -> Duration {
    let mut random: u64 = 88172645463325252;
    let mut distance = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        Duration::from_secs(1) + Duration::from_nanos(random % 60_000_000_000)
    };
    // A timer is registered when it is polled first.
    let mut waiting = Vec::with_capacity(pending as usize);
    for _ in 0..pending {
        let mut timer = Box::pin(tokio::time::sleep(distance()));
        std::future::poll_fn(|context| Poll::Ready(timer.as_mut().poll(context).is_pending())).await;
        waiting.push(timer);
    }
    let begin = Instant::now();
    for i in 0..n {
        let mut timer = std::pin::pin!(tokio::time::sleep(distance()));
        if std::future::poll_fn(|context| Poll::Ready(timer.as_mut().poll(context).is_pending())).await {
            increment();
        }
        // Lets the runtime's budget of a task start anew; without it each timer beyond 128 is refused.
        if i % 100 == 99 {
            tokio::task::yield_now().await;
        }
    }
    begin.elapsed()
}

async fn through_a_channel(n: u64) {
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<u64>(128);
    let producer = tokio::spawn(async move {
        for i in 0..n {
            sender.send(i).await.unwrap();
        }
    });
    for _ in 0..n {
        if receiver.recv().await.unwrap() & 1 == 1 {
            increment();
        }
    }
    producer.await.unwrap();
}

/// Two runtimes on two threads notify each other in turn.
fn across_threads(bench: &Bench, n: u64) {
    let (there, here) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (theirs, ours) = (there.clone(), here.clone());
    let other = std::thread::spawn(move || {
        Builder::new_current_thread().build().unwrap().block_on(async move {
            for _ in 0..n {
                theirs.notified().await;
                ours.notify_one();
            }
        })
    });
    bench.measure("tokio", "W6", n, n, async move {
        for _ in 0..n {
            there.notify_one();
            here.notified().await;
            increment();
        }
    });
    other.join().unwrap();
}

type Call = Box<dyn FnOnce() + Send>;

/// Two busy runtimes on two threads send each other functions, a hundred in each turn.
fn between_busy_threads(bench: &Bench, n: u64) {
    async fn side(sender: UnboundedSender<Call>, mut receiver: UnboundedReceiver<Call>, n: u64) {
        let sending = tokio::spawn(async move {
            for i in 0..n {
                assert!(sender.send(Box::new(move || if i < n { increment() })).is_ok());
                if i % 100 == 99 {
                    tokio::task::yield_now().await;
                }
            }
        });
        for _ in 0..n {
            receiver.recv().await.unwrap()();
        }
        sending.await.unwrap();
    }
    let (to_us, from_them) = unbounded_channel();
    let (to_them, from_us) = unbounded_channel();
    let other = std::thread::spawn(move || Builder::new_current_thread().build().unwrap().block_on(side(to_us, from_us, n / 2)));
    bench.measure("tokio", "W7", n, n / 2, side(to_them, from_them, n / 2));
    other.join().unwrap();
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let what = arguments.get(1).map_or("", String::as_str);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let n = arguments.get(2).and_then(|n| n.parse().ok());
    let bench = Bench { runtime, base_kb: status_kb("VmRSS:"), n };
    match what {
        "W1" => {
            let n = bench.n(1_000_000);
            bench.measure("tokio", "W1", n, n, spawn_and_join(n));
            bench.measure("tokio", "W1warm", n, n, spawn_and_join(n));
        }
        "W1b" => {
            let n = bench.n(1_000_000);
            bench.measure("tokio", "W1b", n, n, spawn_in_batches(n));
        }
        "W2" => {
            let n = bench.n(10_000_000);
            bench.measure("tokio", "W2", n, n, two_yielders(n, false));
            bench.measure("tokio-wake", "W2", n, n, two_yielders(n, true));
        }
        "W3" => {
            let n = bench.n(10_000_000);
            bench.measure("tokio", "W3", n, n / 2, await_children(n, false));
            bench.measure("tokio-box", "W3", n, n / 2, await_children(n, true));
        }
        "W4" => {
            let n = bench.n(1_000_000);
            let seconds = std::env::var("SLEEP_S").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
            let asleep = Duration::from_secs(seconds);
            let begin = Instant::now();
            bench.runtime.block_on(async { tokio::spawn(sleepers(n, asleep)).await.unwrap() });
            let time = begin.elapsed();
            bench.report("tokio", "W4", n, time.saturating_sub(asleep), take_count() == n && time >= asleep);
        }
        "W5" => {
            let n = bench.n(5_000_000);
            bench.measure("tokio", "W5", n, n / 2, through_a_channel(n));
        }
        "W6" => across_threads(&bench, bench.n(100_000)),
        "W7" => between_busy_threads(&bench, bench.n(2_000_000)),
        "timers" => {
            let n = bench.n(1_000_000);
            for pending in [0, 1000, 1_000_000] {
                let time = bench.runtime.block_on(async move { tokio::spawn(timers(n, pending)).await.unwrap() });
                bench.report("tokio", &format!("timer-{pending}"), n, time, take_count() == n);
            }
        }
        _ => {
            eprintln!("usage: tasks_tokio W1|W1b|W2|W3|W4|W5|W6|W7|timers [n]");
            std::process::exit(2);
        }
    }
}
