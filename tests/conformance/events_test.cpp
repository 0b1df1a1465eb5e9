// SPDX-License-Identifier: MIT
// CPython's test_events: running loops, callbacks, descriptors, signals, handles, policies.
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <tutti/base/fd.hpp>
#include <tutti/loop/policy.hpp>
#include <tutti/net/sock.hpp>
#include <tutti/task/executor.hpp>
#include <tutti/task/run.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;

struct SocketPair {
  Fd one;
  Fd other;
  SocketPair() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
      throw_os_error(errno, "socketpair");
    one = Fd(fds[0]);
    other = Fd(fds[1]);
  }
};

CONFORMANCE_OUTSIDE(test_events, EventLoopTestsMixin, test_run_until_complete_nesting) {
  const auto loop = new_test_loop();
  const auto outer = [&]() -> Coro<> {
    EXPECT_TRUE(loop->is_running());
    loop->run_until_complete(sleeper(0s));
    co_return;
  };
  EXPECT_THROW(loop->run_until_complete(outer()), RuntimeError);
}

CONFORMANCE_OUTSIDE(test_events, EventLoopTestsMixin, test_run_until_complete) {
  const auto loop = new_test_loop();
  const Elapsed elapsed(*loop);
  loop->run_until_complete(sleeper(100ms));
  EXPECT_EQ(elapsed(), 100ms);
}

CONFORMANCE_OUTSIDE(test_events, EventLoopTestsMixin, test_run_until_complete_stopped) {
  const auto loop = new_test_loop();
  const auto task = loop->create_task([&]() -> Coro<> {
    loop->stop();
    co_await sleep(100ms);
  });
  EXPECT_THROW(loop->run_until_complete(task), RuntimeError);
  loop->run_until_complete(task);
}

CONFORMANCE_OUTSIDE(test_events, EventLoopTestsMixin, test_call_later) {
  const auto loop = new_test_loop();
  std::vector<string> results;
  const Elapsed elapsed(*loop);
  loop->call_later(100ms, [&] {
    results.emplace_back("hello world");
    loop->stop();
  });
  loop->run_forever();
  EXPECT_EQ(results, std::vector<string>{"hello world"});
  EXPECT_EQ(elapsed(), 100ms);
}

CONFORMANCE_OUTSIDE(test_events, EventLoopTestsMixin, test_call_soon) {
  const auto loop = new_test_loop();
  std::vector<string> results;
  const auto callback = [&](const string& a, const string& b) {
    results.push_back(a + " " + b);
    loop->stop();
  };
  loop->call_soon([&] { callback("hello", "world"); });
  loop->run_forever();
  EXPECT_EQ(results, std::vector<string>{"hello world"});
}

CONFORMANCE_OUTSIDE(test_events, EventLoopTestsMixin, test_call_soon_threadsafe_same_thread) {
  const auto loop = new_test_loop();
  std::vector<string> results;
  const auto callback = [&](const char* text) {
    results.emplace_back(text);
    if (results.size() >= 2) loop->stop();
  };
  loop->call_soon_threadsafe([&] { callback("hello"); });
  loop->call_soon([&] { callback("world"); });
  loop->run_forever();
  EXPECT_EQ(results, (std::vector<string>{"hello", "world"}));
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_reader_callback) {
  EventLoop& loop = get_running_loop();
  SocketPair pair;
  string read;
  const Future<> ended;
  const auto until = [&](std::size_t count) -> Coro<> {
    while (read.size() < count) co_await turn();
  };
  loop.add_reader(pair.one.get(), [&] {
    char buffer[1024];
    const ssize_t count = ::recv(pair.one.get(), buffer, sizeof buffer, 0);
    if (count < 0) return;  // not ready, in spite of what was said
    read.append(buffer, static_cast<std::size_t>(count));
    if (count > 0) return;
    EXPECT_TRUE(loop.remove_reader(pair.one.get()));
    pair.one.reset();
    ended.set_result();
  });
  loop.call_soon([&] { EXPECT_EQ(::send(pair.other.get(), "abc", 3, 0), 3); });
  co_await until(3);
  loop.call_soon([&] { EXPECT_EQ(::send(pair.other.get(), "def", 3, 0), 3); });
  co_await until(6);
  loop.call_soon([&] { pair.other.reset(); });
  co_await ended;
  EXPECT_EQ(read, "abcdef");
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_writer_callback) {
  EventLoop& loop = get_running_loop();
  const SocketPair pair;
  const string data(1024, 'x');
  const Future<> written;
  loop.add_writer(pair.other.get(), [&] {
    if (written.done()) return;
    EXPECT_EQ(::send(pair.other.get(), data.data(), data.size(), 0), static_cast<ssize_t>(data.size()));
    written.set_result();
  });
  co_await written;
  EXPECT_TRUE(loop.remove_writer(pair.other.get()));
  EXPECT_FALSE(loop.remove_writer(pair.other.get()));
  string read(2 * data.size(), '\0');
  read.resize(static_cast<std::size_t>(::recv(pair.one.get(), read.data(), read.size(), 0)));
  EXPECT_EQ(read, data);
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_add_signal_handler) {
  EventLoop& loop = get_running_loop();
  struct sigaction before{};
  ::sigaction(SIGUSR1, nullptr, &before);
  const Future<> caught;
  const auto nothing = [] {};
  for (const int wrong : {NSIG + 1, 0, -1}) {
    EXPECT_THROW(loop.add_signal_handler(wrong, nothing), ValueError);
    EXPECT_THROW(loop.remove_signal_handler(wrong), ValueError);
  }
  EXPECT_THROW(loop.add_signal_handler(SIGKILL, nothing), RuntimeError);
  EXPECT_FALSE(loop.remove_signal_handler(SIGKILL));

  loop.add_signal_handler(SIGUSR1, [&] { caught.set_result(); });
  ::kill(::getpid(), SIGUSR1);
  co_await caught;
  EXPECT_TRUE(loop.remove_signal_handler(SIGUSR1));
  struct sigaction after{};
  ::sigaction(SIGUSR1, nullptr, &after);
  EXPECT_EQ(after.sa_handler, before.sa_handler);
  EXPECT_FALSE(loop.remove_signal_handler(SIGUSR1));
}

// Sends SIGALRM a moment from now, when the loop waits for it.
void send_alarm_soon() {
  itimerval soon{};
  soon.it_value.tv_usec = 1000;
  ::setitimer(ITIMER_REAL, &soon, nullptr);
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_signal_handling_while_selecting) {
  EventLoop& loop = get_running_loop();
  int caught = 0;
  const Future<> done;
  loop.add_signal_handler(SIGALRM, [&] {
    ++caught;
    done.set_result();
  });
  send_alarm_soon();
  co_await done;
  EXPECT_EQ(caught, 1);
  EXPECT_TRUE(loop.remove_signal_handler(SIGALRM));
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_signal_handling_args) {
  EventLoop& loop = get_running_loop();
  const int some_args[] = {42, 43};
  int caught = 0;
  const Future<> done;
  loop.add_signal_handler(SIGALRM, [&, some_args] {
    caught = some_args[0] + some_args[1];
    done.set_result();
  });
  send_alarm_soon();
  co_await done;
  EXPECT_EQ(caught, 85);
  EXPECT_TRUE(loop.remove_signal_handler(SIGALRM));
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_prompt_cancellation) {
  const SocketPair pair;
  const auto task = create_task(sock_recv(pair.one.get(), 1));
  co_await turn();
  get_running_loop().call_soon([=] { task.cancel(); });
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_THROW(task.result(), CancelledError);
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_timeout_rounding) {
  using Seconds = std::chrono::duration<double>;
  EventLoop& loop = get_running_loop();
  const std::uint64_t before = loop.iterations();
  for (const double delay : {1e-2, 1e-4, 1e-6, 1e-8, 1e-10}) co_await sleep(Seconds(delay));
  EXPECT_LE(loop.iterations() - before, 20U);
}

CONFORMANCE_OUTSIDE(test_events, EventLoopTestsMixin, test_remove_fds_after_closing) {
  const SocketPair pair;
  const auto loop = new_test_loop();
  loop->add_reader(pair.one.get(), [] {});
  loop->add_writer(pair.other.get(), [] {});
  loop->close();
  EXPECT_FALSE(loop->remove_reader(pair.one.get()));
  EXPECT_FALSE(loop->remove_writer(pair.other.get()));
}

CONFORMANCE_OUTSIDE(test_events, EventLoopTestsMixin, test_add_fds_after_closing) {
  const SocketPair pair;
  const auto loop = new_test_loop();
  loop->close();
  EXPECT_THROW(loop->add_reader(pair.one.get(), [] {}), RuntimeError);
  EXPECT_THROW(loop->add_writer(pair.other.get(), [] {}), RuntimeError);
}

CONFORMANCE_OUTSIDE(test_events, EventLoopTestsMixin, test_close_running_event_loop) {
  const auto loop = new_test_loop();
  const auto close_loop = [&]() -> Coro<> {
    loop->close();
    co_return;
  };
  EXPECT_THROW(loop->run_until_complete(close_loop()), RuntimeError);
  EXPECT_FALSE(loop->is_closed());
}

CONFORMANCE_OUTSIDE(test_events, EventLoopTestsMixin, test_close) {
  const auto loop = new_test_loop();
  loop->close();
  const auto nothing = [] {};
  const Future<> future(*loop);
  EXPECT_THROW(loop->run_forever(), RuntimeError);
  EXPECT_THROW(loop->run_until_complete(future), RuntimeError);
  EXPECT_THROW(loop->call_soon(nothing), RuntimeError);
  EXPECT_THROW(loop->call_soon_threadsafe(nothing), RuntimeError);
  EXPECT_THROW(loop->call_later(1s, nothing), RuntimeError);
  EXPECT_THROW(loop->call_at(loop->time(), nothing), RuntimeError);
  EXPECT_THROW(loop->create_task(sleeper(0s)), RuntimeError);
  EXPECT_THROW(loop->add_signal_handler(SIGTERM, nothing), RuntimeError);
  EXPECT_THROW((void)loop->run_in_executor(nothing), RuntimeError);
  EXPECT_TRUE(testing::take_reports().empty());
}

// ---- HandleTests, TimerTests ----

CONFORMANCE_OUTSIDE(test_events, HandleTests, test_handle) {
  const auto loop = new_test_loop();
  const Handle handle = loop->call_soon([] {});
  EXPECT_FALSE(handle.cancelled());
  handle.cancel();
  EXPECT_TRUE(handle.cancelled());
}

CONFORMANCE_OUTSIDE(test_events, HandleTests, test_callback_with_exception) {
  const auto loop = new_test_loop();
  loop->call_soon([] { throw ValueError("raised"); });
  loop->run_once();
  const auto reports = testing::take_reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_TRUE(contains(reports[0].message, "exception in callback")) << reports[0].message;
  EXPECT_TRUE(holds<ValueError>(reports[0].exception));
}

CONFORMANCE_OUTSIDE(test_events, TimerTests, test_when) {
  const auto loop = new_test_loop();
  const TimePoint when = loop->time() + 3s;
  EXPECT_EQ(loop->call_at(when, [] {}).when(), when);
}

CONFORMANCE_OUTSIDE(test_events, TimerTests, test_timer) {
  const auto loop = new_test_loop();
  const auto captured = std::make_shared<int>();
  const TimerHandle handle = loop->call_at(loop->time(), [captured] {});
  EXPECT_FALSE(handle.cancelled());
  EXPECT_EQ(captured.use_count(), 2);
  handle.cancel();
  EXPECT_TRUE(handle.cancelled());
  EXPECT_EQ(captured.use_count(), 1);  // the callback is gone at once
}

// ---- PolicyTests, GetEventLoopTestsMixin ----

class WatchedPolicy : public DefaultEventLoopPolicy {
 public:
  void set_event_loop(EventLoop* loop) override {
    ++calls;
    DefaultEventLoopPolicy::set_event_loop(loop);
  }
  int calls = 0;
};

CONFORMANCE_OUTSIDE(test_events, PolicyTests, test_get_event_loop) {
  DefaultEventLoopPolicy policy;
  EXPECT_THROW((void)policy.get_event_loop(), RuntimeError);
}

CONFORMANCE_OUTSIDE(test_events, PolicyTests, test_get_event_loop_does_not_call_set_event_loop) {
  WatchedPolicy policy;
  EXPECT_THROW((void)policy.get_event_loop(), RuntimeError);
  EXPECT_EQ(policy.calls, 0);
}

CONFORMANCE_OUTSIDE(test_events, PolicyTests, test_get_event_loop_after_set_none) {
  DefaultEventLoopPolicy policy;
  policy.set_event_loop(nullptr);
  EXPECT_THROW((void)policy.get_event_loop(), RuntimeError);
}

CONFORMANCE_OUTSIDE(test_events, PolicyTests, test_new_event_loop) {
  DefaultEventLoopPolicy policy;
  const auto loop = policy.new_event_loop();
  EXPECT_FALSE(loop->is_closed());
  loop->close();
}

CONFORMANCE_OUTSIDE(test_events, PolicyTests, test_set_event_loop) {
  DefaultEventLoopPolicy policy;
  const auto old_loop = policy.new_event_loop();
  policy.set_event_loop(old_loop.get());
  EXPECT_EQ(&policy.get_event_loop(), old_loop.get());
  const auto loop = policy.new_event_loop();
  policy.set_event_loop(loop.get());
  EXPECT_EQ(&policy.get_event_loop(), loop.get());
  policy.set_event_loop(nullptr);
}

CONFORMANCE_OUTSIDE(test_events, PolicyTests, test_get_event_loop_policy) {
  const auto policy = get_event_loop_policy();
  EXPECT_NE(policy, nullptr);
  EXPECT_EQ(get_event_loop_policy(), policy);
}

CONFORMANCE_OUTSIDE(test_events, PolicyTests, test_set_event_loop_policy) {
  const auto old_policy = get_event_loop_policy();
  const auto policy = std::make_shared<DefaultEventLoopPolicy>();
  set_event_loop_policy(policy);
  EXPECT_EQ(get_event_loop_policy(), policy);
  EXPECT_NE(get_event_loop_policy(), old_policy);
  set_event_loop_policy(old_policy);
}

CONFORMANCE(test_events, GetEventLoopTestsMixin, test_get_running_loop_already_running) {
  EventLoop& running_loop = get_running_loop();
  {
    const auto loop = new_test_loop();
    EXPECT_THROW(loop->run_forever(), RuntimeError);
  }
  EXPECT_EQ(&get_running_loop(), &running_loop);
  co_return;
}

struct TestError : std::runtime_error {
  TestError() : std::runtime_error("asked") {}
};
class RefusingPolicy : public DefaultEventLoopPolicy {
 public:
  EventLoop& get_event_loop() override { throw TestError(); }
};

CONFORMANCE_OUTSIDE(test_events, GetEventLoopTestsMixin, test_get_event_loop_returns_running_loop) {
  set_event_loop_policy(std::make_shared<RefusingPolicy>());
  const auto loop = new_test_loop();
  EXPECT_THROW((void)get_event_loop(), TestError);
  set_event_loop(nullptr);
  EXPECT_THROW((void)get_event_loop(), TestError);
  EXPECT_THROW((void)get_running_loop(), RuntimeError);
  EXPECT_EQ(find_running_loop(), nullptr);
  loop->run_until_complete([&]() -> Coro<> {
    EXPECT_EQ(&get_event_loop(), loop.get());
    EXPECT_EQ(&get_running_loop(), loop.get());
    EXPECT_EQ(find_running_loop(), loop.get());
    co_return;
  });
  set_event_loop(loop.get());
  EXPECT_THROW((void)get_event_loop(), TestError);
  set_event_loop(nullptr);
  EXPECT_THROW((void)get_event_loop(), TestError);
  set_event_loop_policy(nullptr);
  EXPECT_THROW((void)get_running_loop(), RuntimeError);
  EXPECT_EQ(find_running_loop(), nullptr);
}

CONFORMANCE_OUTSIDE(test_events, GetEventLoopTestsMixin, test_get_event_loop_returns_running_loop2) {
  set_event_loop_policy(std::make_shared<DefaultEventLoopPolicy>());
  const auto loop = new_test_loop();
  EXPECT_THROW((void)get_event_loop(), RuntimeError);
  set_event_loop(nullptr);
  EXPECT_THROW((void)get_event_loop(), RuntimeError);
  loop->run_until_complete([&]() -> Coro<> {
    EXPECT_EQ(&get_event_loop(), loop.get());
    EXPECT_EQ(&get_running_loop(), loop.get());
    co_return;
  });
  set_event_loop(loop.get());
  EXPECT_EQ(&get_event_loop(), loop.get());
  set_event_loop(nullptr);
  EXPECT_THROW((void)get_event_loop(), RuntimeError);
  set_event_loop_policy(nullptr);
  EXPECT_THROW((void)get_running_loop(), RuntimeError);
}

}  // namespace
}  // namespace tutti::conformance
