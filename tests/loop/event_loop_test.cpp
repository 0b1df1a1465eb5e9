// SPDX-License-Identifier: MIT
// The event loop: the order of callbacks and timers, starting and stopping.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tutti/base/fd.hpp>
#include <tutti/loop/operation.hpp>

#include "loop/loop_fixture.hpp"

namespace tutti::tests {
namespace {

class EventLoopTest : public OnEachBackend {};
INSTANTIATE_TEST_SUITE_P(Each, EventLoopTest, ::testing::Values("uring", "epoll", "poll"),
                         [](const auto& tested) { return std::string(tested.param); });

// ---- call_soon ----

// test_events::EventLoopTestsMixin.test_call_soon
TEST_P(EventLoopTest, CallsSoonInOrder) {
  std::string out;
  loop().call_soon([&] { out += "a"; });
  loop().call_soon([&] { out += "b"; });
  loop().call_soon([&] {
    out += "c";
    loop().stop();
  });
  EXPECT_EQ(out, "");
  loop().run_forever();
  EXPECT_EQ(out, "abc");
}

// test_base_events::BaseEventLoopTests.test__run_once_schedule_handle
TEST_P(EventLoopTest, CallsWhatACallbackAddsInTheNextIteration) {
  std::string out;
  loop().call_soon([&] {
    out += "a";
    loop().call_soon([&] { out += "c"; });
  });
  loop().call_soon([&] { out += "b"; });
  run_briefly();
  EXPECT_EQ(out, "ab");
  run_briefly();
  EXPECT_EQ(out, "abc");
}

// test_base_events::BaseEventLoopTests.test__add_callback_cancelled_handle
TEST_P(EventLoopTest, DoesNotCallWhatWasCancelled) {
  bool called = false;
  auto witness = std::make_shared<int>(0);
  const Handle handle = loop().call_soon([&called, witness] { called = true; });
  EXPECT_FALSE(handle.cancelled());
  handle.cancel();
  EXPECT_TRUE(handle.cancelled());
  run_briefly();
  EXPECT_FALSE(called);
}

// oracle/semantics.py, "cancel handle same tick"
TEST_P(EventLoopTest, DoesNotCallWhatWasCancelledInTheSameIteration) {
  std::string out;
  Handle second;
  loop().call_soon([&] {
    out += "a";
    second.cancel();
  });
  second = loop().call_soon([&] { out += "b"; });
  run_briefly();
  EXPECT_EQ(out, "a");
}

TEST_P(EventLoopTest, RemembersACancelThatComesTooLate) {
  const Handle handle = loop().call_soon([] {});
  run_briefly();
  EXPECT_FALSE(handle.cancelled());
  handle.cancel();
  EXPECT_TRUE(handle.cancelled());
}

TEST_P(EventLoopTest, AChildThatACallbackForkedMayCancelThatCallback) {
  int status = -1;
  Handle handle;
  handle = loop().call_soon([&] {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(60);
      handle.cancel();
      ::_exit(handle.cancelled() ? 0 : 1);
    }
    ::waitpid(child, &status, 0);
  });
  run_briefly();
  EXPECT_EQ(status, 0);
}

TEST_P(EventLoopTest, LetsACallbackGoOnceItWasCalled) {
  auto witness = std::make_shared<int>(0);
  const Handle handle = loop().call_soon([witness] {});
  run_briefly();
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_P(EventLoopTest, TellsWhereACallbackWasScheduled) {
  const auto here = std::source_location::current();
  const Handle handle = loop().call_soon([] {});
  EXPECT_STREQ(handle.where().file_name(), here.file_name());
  EXPECT_EQ(handle.where().line(), here.line() + 1);
  run_briefly();
}

// ---- timers ----

// test_events::EventLoopTestsMixin.test_call_later
TEST_P(EventLoopTest, CallsLater) {
  const TimePoint begin = loop().time();
  TimePoint called;
  loop().call_later(10ms, [&] {
    called = loop().time();
    loop().stop();
  });
  loop().run_forever();
  EXPECT_GE(called, begin + 10ms);
}

// test_base_events::BaseEventLoopTests.test_time_and_call_at
TEST_P(EventLoopTest, CallsAtAMoment) {
  const TimePoint when = loop().time() + 5ms;
  TimePoint called;
  const TimerHandle handle = loop().call_at(when, [&] {
    called = loop().time();
    loop().stop();
  });
  EXPECT_EQ(handle.when(), when);
  loop().run_forever();
  EXPECT_GE(called, when);
}

// test_base_events::BaseEventLoopTests.test_call_later_negative_delays
TEST_P(EventLoopTest, TakesANegativeDelayAsNowAndTheEarliestFirst) {
  std::string out;
  loop().call_later(-1s, [&] { out += "a"; });
  loop().call_later(-2s, [&] { out += "b"; });
  run_briefly();
  EXPECT_EQ(out, "ba");
}

// oracle/semantics.py, "equal timers": CPython's order is undefined; ours is first in, first out
TEST_P(EventLoopTest, CallsTimersOfEqualDeadlinesFirstInFirstOut) {
  std::string out;
  const TimePoint when = loop().time();
  for (char name = 'a'; name < 'k'; ++name) {
    loop().call_at(when, [&out, name] { out += name; });
  }
  run_briefly();
  EXPECT_EQ(out, "abcdefghij");
}

// oracle/semantics.py, "timers"
TEST_P(EventLoopTest, CallsTimersInTheOrderOfTheirDeadlines) {
  std::string out;
  loop().call_later(2ms, [&] {
    out += " b";
    loop().stop();
  });
  loop().call_later(1ms, [&] { out += " a"; });
  loop().call_later(0s, [&] { out += " z"; });
  loop().call_later(-1s, [&] { out += " neg"; });
  loop().call_soon([&] { out += " soon"; });
  loop().run_forever();
  EXPECT_EQ(out, " soon neg z a b");
}

// test_base_events::BaseEventLoopTests.test__run_once_cancelled_event_cleanup: here a cancelled timer goes at once
TEST_P(EventLoopTest, ForgetsACancelledTimerAtOnce) {
  auto witness = std::make_shared<int>(0);
  const TimerHandle handle = loop().call_later(1h, [witness] {});
  EXPECT_EQ(witness.use_count(), 2);
  handle.cancel();
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_TRUE(handle.cancelled());
}

TEST_P(EventLoopTest, LetsATimersCallbackCancelAnotherThatIsDueToo) {
  std::string out;
  TimerHandle second;
  loop().call_later(-2s, [&] {
    out += "a";
    second.cancel();
  });
  second = loop().call_later(-1s, [&] { out += "b"; });
  run_briefly();
  EXPECT_EQ(out, "a");
}

// ---- one iteration ----

class Receive final : public lowlevel::Operation {
 public:
  explicit Receive(std::string& out) : out_(out) {}
  void run() override { out_ += " io"; }
  char byte = 0;

 private:
  std::string& out_;
};

// oracle/misc.py, order in one iteration
TEST_P(EventLoopTest, RunsWhatIsReadyThenInputThenDueTimers) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  const Fd left(ends[0]), right(ends[1]);
  std::string out;
  Receive receive(out);
  receive.prepare_recv(left.get(), MutableBytes(&receive.byte, 1));
  loop().submit(receive);
  ASSERT_EQ(::write(right.get(), "x", 1), 1);
  loop().call_later(-1s, [&] { out += " timer"; });
  loop().call_soon([&] { out += " soon"; });
  run_briefly();
  EXPECT_EQ(out, " soon io timer");
  EXPECT_EQ(receive.result, 1);
}

TEST_P(EventLoopTest, CountsItsIterations) {
  EXPECT_EQ(loop().iterations(), 0U);
  std::uint64_t inside = 0;
  loop().call_soon([&] { inside = loop().iterations(); });
  run_briefly();
  EXPECT_EQ(inside, 1U);
  run_briefly();
  EXPECT_EQ(loop().iterations(), 2U);
}

TEST_P(EventLoopTest, RunsOneIterationForAHost) {
  std::string out;
  loop().call_soon([&] {
    out += "a";
    loop().call_soon([&] { out += "b"; });
  });
  loop().run_once();
  EXPECT_EQ(out, "a");
  loop().process_events(loop().poll_events());
  EXPECT_EQ(out, "a");
  loop().process_ready();
  EXPECT_EQ(out, "ab");
}

// ---- run and stop ----

// test_base_events::BaseEventLoopTests.test_run_forever_pre_stopped
TEST_P(EventLoopTest, RunsOneIterationWithoutWaitingIfItWasStoppedBefore) {
  std::string out;
  loop().call_later(1h, [&] { out += "never"; });
  loop().call_soon([&] { out += "a"; });
  loop().stop();
  loop().run_forever();
  EXPECT_EQ(out, "a");
}

// test_base_events::BaseEventLoopTests.test_single_selecter_event_callback_after_stopping
TEST_P(EventLoopTest, EndsTheIterationInWhichItIsStopped) {
  std::string out;
  loop().call_soon([&] {
    out += "a";
    loop().stop();
    loop().call_soon([&] { out += "c"; });
  });
  loop().call_soon([&] { out += "b"; });
  loop().run_forever();
  EXPECT_EQ(out, "ab");
  run_briefly();
  EXPECT_EQ(out, "abc");
}

// test_events::EventLoopTestsMixin.test_run_until_complete_nesting, for run_forever
TEST_P(EventLoopTest, DoesNotRunInsideOfItself) {
  bool refused = false;
  loop().call_soon([&] {
    EXPECT_TRUE(loop().is_running());
    try {
      loop().run_forever();
    } catch (const RuntimeError& error) {
      refused = true;
      EXPECT_STREQ(error.what(), "run_forever: this event loop is already running");
    }
    loop().stop();
  });
  loop().run_forever();
  EXPECT_TRUE(refused);
  EXPECT_FALSE(loop().is_running());
}

// test_base_events::RunningLoopTests.test_running_loop_within_a_loop
TEST_P(EventLoopTest, DoesNotRunInsideOfAnother) {
  const auto other = make_loop();
  loop().call_soon([&] {
    EXPECT_THROW(other->run_forever(), RuntimeError);
    EXPECT_EQ(&get_running_loop(), &loop());
  });
  run_briefly();
  EXPECT_THROW((void)get_running_loop(), RuntimeError);
  EXPECT_EQ(find_running_loop(), nullptr);
}

// test_base_events::BaseEventLoopTests.test_run_forever_keyboard_interrupt
TEST_P(EventLoopTest, LetsAKeyboardInterruptOutAndCanRunAgain) {
  std::string out;
  loop().call_soon([] { throw KeyboardInterrupt(); });
  loop().call_soon([&] { out += "a"; });
  EXPECT_THROW(loop().run_forever(), KeyboardInterrupt);
  EXPECT_FALSE(loop().is_running());
  EXPECT_EQ(find_running_loop(), nullptr);
  loop().call_soon([&] { out += "b"; });
  run_briefly();
  EXPECT_EQ(out, "ab");
}

TEST_P(EventLoopTest, LetsASystemExitOut) {
  loop().call_soon([] { throw SystemExit(3); });
  try {
    loop().run_forever();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const SystemExit& exit) {
    EXPECT_EQ(exit.code(), 3);
  }
}

}  // namespace
}  // namespace tutti::tests
