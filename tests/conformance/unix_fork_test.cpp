// SPDX-License-Identifier: MIT
// CPython's test_unix_events.TestFork: a child that is forked in a callback has nothing of its parent's loop.
#include <csignal>
#include <functional>
#include <optional>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include <tutti/io/pipe.hpp>
#include <tutti/loop/policy.hpp>
#include <tutti/process/subprocess.hpp>
#include <tutti/task/run.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;

/// A child that runs `body` with the end of a pipe, and goes.
class Child {
 public:
  explicit Child(const std::function<void(int)>& body) {
    auto [reading, writing] = make_pipe();
    process_ = ::fork();
    if (process_ == 0) {
      try {
        body(writing.get());
      } catch (...) {
        say(writing.get(), "error: " + describe(std::current_exception()));
      }
      ::_exit(0);
    }
    reading_ = std::move(reading);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { ::waitpid(process_, nullptr, 0); }

  static void say(int pipe, const string& text) {
    if (::write(pipe, text.data(), text.size()) < 0) ::_exit(1);
  }
  [[nodiscard]] pid_t process() const { return process_; }
  /// What it says, up to the end of a line or of the child; waits for it without the loop.
  [[nodiscard]] string line() const {
    string text;
    for (char byte = 0; ::read(reading_.get(), &byte, 1) == 1 && byte != '\n';) text += byte;
    return text;
  }

 private:
  pid_t process_ = -1;
  Fd reading_;
};

CONFORMANCE_IO(test_unix_events, TestFork, test_fork_not_share_current_task) {
  auto& loop = get_running_loop();
  CO_ASSERT_TRUE(current_task(loop).has_value());
  const Child child([&](int pipe) { Child::say(pipe, current_task(loop) ? "a task" : "no task"); });
  EXPECT_EQ(child.line(), "no task");
  EXPECT_TRUE(current_task(loop).has_value());
}

CONFORMANCE_IO(test_unix_events, TestFork, test_fork_not_share_event_loop) {
  const Child child([](int pipe) {
    if (find_running_loop() != nullptr) return Child::say(pipe, "a running loop");
    try {
      (void)get_event_loop();
      Child::say(pipe, "a loop");
    } catch (const RuntimeError&) {
      Child::say(pipe, "no loop");
    }
  });
  EXPECT_EQ(child.line(), "no loop");
  EXPECT_NE(find_running_loop(), nullptr);
  co_return;
}

volatile std::sig_atomic_t pipe_of_child = -1;

CONFORMANCE_IO(test_unix_events, TestFork, test_fork_signal_handling) {
  bool parent_handled = false;
  auto& loop = get_running_loop();
  loop.add_signal_handler(SIGTERM, [&] { parent_handled = true; });
  const Child child([](int pipe) {
    pipe_of_child = pipe;
    std::signal(SIGTERM, [](int) {
      const char text[] = "handled\n";
      _exit(::write(pipe_of_child, text, sizeof(text) - 1) < 0 ? 1 : 0);
    });
    Child::say(pipe, "started\n");
    for (;;) ::pause();
  });
  EXPECT_EQ(child.line(), "started");
  ::kill(child.process(), SIGTERM);
  EXPECT_EQ(child.line(), "handled");
  // The parent's loop goes on, and has noticed nothing.
  EXPECT_EQ(co_await create_task(give_after(1ms, 42)), 42);
  EXPECT_FALSE(parent_handled);
  EXPECT_TRUE(loop.remove_signal_handler(SIGTERM));
}

CONFORMANCE_IO(test_unix_events, TestFork, test_fork_asyncio_run) {
  const Child child([](int pipe) { Child::say(pipe, std::to_string(run(give_after(1ms, 42)))); });
  EXPECT_EQ(child.line(), "42");
  co_return;
}

CONFORMANCE_IO(test_unix_events, TestFork, test_fork_asyncio_subprocess) {
  const Child child([](int pipe) {
    const auto wait_for_child = []() -> Coro<int> {
      auto process = co_await create_subprocess_exec("true");
      co_return co_await process.wait();
    };
    Child::say(pipe, std::to_string(run(wait_for_child())));
  });
  EXPECT_EQ(child.line(), "0");
  co_return;
}

}  // namespace
}  // namespace tutti::conformance
