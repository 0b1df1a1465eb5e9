// SPDX-License-Identifier: MIT
// The scheduler's workloads on Boost.Asio's coroutines.
//
// Built twice: as a program of Asio's own examples is written (any_io_executor), and with BENCH_ASIO_TUNED as its
// authors advise for speed (one concrete executor, and a hint that one thread runs the context). Both recycle frames.
//   tasks_asio W1|W1b|W2|W3|W4|W5|W6|W7|timers [n]
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio.hpp>
#include <boost/asio/experimental/channel.hpp>

#include "measure.hpp"

namespace asio = boost::asio;
using asio::deferred;

namespace {

#ifdef BENCH_ASIO_TUNED
using Executor = asio::io_context::executor_type;
constexpr const char* kPeer = "asio-tuned";
constexpr int kConcurrencyHint = 1;
#else
using Executor = asio::any_io_executor;
constexpr const char* kPeer = "asio";
constexpr int kConcurrencyHint = -1;
#endif

template <class T>
using Coro = asio::awaitable<T, Executor>;
using Clock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

std::uint64_t count = 0;

// What Asio has no word for: to wait until so many coroutines have ended. A timer that the last one cancels.
class Latch {
 public:
  Latch(const Executor& executor, std::uint64_t n) : left_(n), timer_(executor, Timer::time_point::max()) {}
  void count_down() {
    if (--left_ == 0) timer_.cancel();
  }
  Coro<void> wait() {
    if (left_ > 0) co_await timer_.async_wait(asio::as_tuple(deferred));
  }

 private:
  std::uint64_t left_;
  Timer timer_;
};

void rethrow(const std::exception_ptr& exception) {
  if (exception) std::rethrow_exception(exception);
}

[[gnu::noinline]] Coro<void> trivial() {
  ++count;
  co_return;
}

// From inside the loop co_spawn starts each coroutine at once, without a turn through the queue.
Coro<void> spawn_and_join(std::uint64_t n) {
  const Executor executor = co_await asio::this_coro::executor;
  Latch latch(executor, n);
  for (std::uint64_t i = 0; i < n; ++i) {
    asio::co_spawn(executor, trivial(), [&latch](const std::exception_ptr& exception) {
      rethrow(exception);
      latch.count_down();
    });
  }
  co_await latch.wait();
}

Coro<void> spawn_in_batches(std::uint64_t n) {
  for (std::uint64_t batch = 0; batch < n / 1000; ++batch) co_await spawn_and_join(1000);
}

Coro<void> yielder(std::uint64_t n) {
  const Executor executor = co_await asio::this_coro::executor;
  for (std::uint64_t i = 0; i < n; ++i) {
    co_await asio::post(executor, deferred);
    ++count;
  }
}

Coro<void> two_yielders(std::uint64_t n) {
  const Executor executor = co_await asio::this_coro::executor;
  asio::co_spawn(executor, yielder(n / 2), rethrow);
  asio::co_spawn(executor, yielder(n / 2), rethrow);
}

[[gnu::noinline]] Coro<std::uint64_t> child(std::uint64_t i) { co_return i & 1; }

Coro<void> await_children(std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) count += co_await child(i);
}

Coro<void> sleeper(std::chrono::seconds time) {
  Timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(deferred);
  ++count;
}

Coro<void> sleepers(std::uint64_t n, std::chrono::seconds time) {
  const Executor executor = co_await asio::this_coro::executor;
  Latch latch(executor, n);
  for (std::uint64_t i = 0; i < n; ++i) {
    asio::co_spawn(executor, sleeper(time), [&latch](const std::exception_ptr& exception) {
      rethrow(exception);
      latch.count_down();
    });
  }
  co_await latch.wait();
}

// As the workload of Tutti: sets and cancels timers at random distances while `pending` others wait.
std::uint64_t timers(asio::io_context& context, std::uint64_t n, std::uint64_t pending) {
  std::uint64_t random = 88172645463325252ULL;
  const auto distance = [&random] {
    random ^= random << 13U;
    random ^= random >> 7U;
    random ^= random << 17U;
    return std::chrono::seconds(1) + std::chrono::nanoseconds(random % 60'000'000'000ULL);
  };
  const auto work = asio::make_work_guard(context);  // without work the first poll would stop the context
  context.restart();
  std::vector<Timer> waiting;
  waiting.reserve(pending);
  for (std::uint64_t i = 0; i < pending; ++i) {
    waiting.emplace_back(context.get_executor(), distance());
    waiting.back().async_wait([](const boost::system::error_code&) {});
  }
  const std::uint64_t begin = bench::now_ns();
  Timer timer(context.get_executor());
  for (std::uint64_t i = 0; i < n; ++i) {
    timer.expires_after(distance());
    timer.async_wait([](const boost::system::error_code& error) { count += error ? 1 : 0; });
    timer.cancel();
    if (i % 1000 == 999) context.poll();
  }
  context.poll();
  const std::uint64_t ns = bench::now_ns() - begin;
  waiting.clear();
  context.poll();
  return ns;
}

using Channel = asio::experimental::basic_channel<Executor, asio::experimental::channel_traits<>,
                                                  void(boost::system::error_code, std::uint64_t)>;

Coro<void> produce(Channel& channel, std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) co_await channel.async_send({}, i, deferred);
}

Coro<void> consume(Channel& channel, std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) count += (co_await channel.async_receive(deferred)) & 1;
}

// Two contexts on two threads post to each other in turn. Each has a timer, as any that waits for something has: a context without one and
// without I/O would sleep on a condition variable, where nothing but a post reaches it.
struct PingPong {
  asio::io_context here;
  asio::io_context there;
  asio::steady_timer timer_here{here};
  asio::steady_timer timer_there{there};
  std::uint64_t left = 0;

  void ping() {
    asio::post(there, [this] { asio::post(here, [this] { pong(); }); });
  }
  void pong() {
    ++count;
    if (--left != 0) return ping();
    there.stop();
    here.stop();
  }
};

void across_threads(std::uint64_t n) {
  PingPong game;
  game.left = n;
  const auto open = asio::make_work_guard(game.there);
  const auto open_here = asio::make_work_guard(game.here);
  std::thread other([&] { game.there.run(); });
  count = 0;
  const std::uint64_t begin = bench::now_ns();
  asio::post(game.here, [&] { game.ping(); });
  game.here.run();
  bench::report(kPeer, "W6", n, bench::now_ns() - begin, count == n);
  other.join();
}

// Two busy contexts on two threads post to each other, a hundred times in each turn.
struct Busy {
  asio::io_context context{1};
  Busy* other = nullptr;
  std::uint64_t to_send = 0;
  std::uint64_t to_receive = 0;

  void turn() {
    for (int i = 0; i < 100 && to_send != 0; ++i, --to_send)
      asio::post(other->context, [this] { --other->to_receive; });
    if (to_send == 0 && to_receive == 0) return context.stop();
    asio::post(context, [this] { turn(); });
  }
  void run(std::latch& begin) {
    begin.arrive_and_wait();
    asio::post(context, [this] { turn(); });
    context.run();
  }
};

void between_busy_threads(std::uint64_t n) {
  Busy busy[2];
  for (int i = 0; i < 2; ++i) {
    busy[i].other = &busy[1 - i];
    busy[i].to_send = busy[i].to_receive = n / 2;
  }
  std::latch begin(2);
  std::thread second([&] { busy[1].run(begin); });
  const std::uint64_t start = bench::now_ns();
  busy[0].run(begin);
  second.join();
  bench::report(kPeer, "W7", n, bench::now_ns() - start, busy[0].to_receive == 0 && busy[1].to_receive == 0);
}

std::uint64_t run(asio::io_context& context, Coro<void> body) {
  count = 0;
  context.restart();
  const std::uint64_t begin = bench::now_ns();
  asio::co_spawn(context.get_executor(), std::move(body), rethrow);
  context.run();
  return bench::now_ns() - begin;
}

void measure(asio::io_context& context, const char* name, std::uint64_t n, std::uint64_t expected, Coro<void> body) {
  const std::uint64_t ns = run(context, std::move(body));
  bench::report(kPeer, name, n, ns, count == expected);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const auto n = [&](std::uint64_t by_default) { return bench::argument(argc, argv, 2, by_default); };
  asio::io_context context(kConcurrencyHint);
  bench::set_base();
  if (what == "W1") {
    measure(context, "W1", n(1'000'000), n(1'000'000), spawn_and_join(n(1'000'000)));
    measure(context, "W1warm", n(1'000'000), n(1'000'000), spawn_and_join(n(1'000'000)));
  } else if (what == "W1b") {
    measure(context, "W1b", n(1'000'000), n(1'000'000), spawn_in_batches(n(1'000'000)));
  } else if (what == "W2") {
    measure(context, "W2", n(10'000'000), n(10'000'000), two_yielders(n(10'000'000)));
  } else if (what == "W3") {
    measure(context, "W3", n(10'000'000), n(10'000'000) / 2, await_children(n(10'000'000)));
  } else if (what == "W4") {
    const std::uint64_t seconds = bench::sleep_seconds();
    const std::uint64_t ns = run(context, sleepers(n(1'000'000), std::chrono::seconds(seconds)));
    bench::report_sleep(kPeer, n(1'000'000), ns, seconds * 1'000'000'000ULL, count == n(1'000'000));
  } else if (what == "W5") {
    Channel channel(context.get_executor(), 128);
    count = 0;
    const std::uint64_t begin = bench::now_ns();
    asio::co_spawn(context.get_executor(), produce(channel, n(5'000'000)), rethrow);
    asio::co_spawn(context.get_executor(), consume(channel, n(5'000'000)), rethrow);
    context.run();
    bench::report(kPeer, "W5", n(5'000'000), bench::now_ns() - begin, count == n(5'000'000) / 2);
  } else if (what == "W6") {
    across_threads(n(100'000));
  } else if (what == "W7") {
    between_busy_threads(n(2'000'000));
  } else if (what == "timers") {
    for (const std::uint64_t pending : {0ULL, 1000ULL, 1'000'000ULL}) {
      count = 0;
      const std::uint64_t ns = timers(context, n(1'000'000), pending);
      bench::report(kPeer, ("timer-" + std::to_string(pending)).c_str(), n(1'000'000), ns, count == n(1'000'000));
    }
  } else {
    std::fputs("usage: tasks_asio W1|W1b|W2|W3|W4|W5|W6|W7|timers [n]\n", stderr);
    return 2;
  }
}
