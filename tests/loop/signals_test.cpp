// SPDX-License-Identifier: MIT
// Signals as callbacks of the loop: add_signal_handler and remove_signal_handler.
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <sys/time.h>
#include <unistd.h>

#include <tutti/loop/context.hpp>

#include "loop/loop_fixture.hpp"

namespace tutti::tests {
namespace {

class Signals : public OnEachBackend {
 protected:
  void TearDown() override {
    loop_.reset();
    for (const int signum : {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD}) {
      EXPECT_EQ(disposition_of(signum), SIG_DFL) << signum;
      std::signal(signum, SIG_DFL);
    }
    OnEachBackend::TearDown();
  }
  using Disposition = void (*)(int);
  static Disposition disposition_of(int signum) {
    struct sigaction present{};
    EXPECT_EQ(::sigaction(signum, nullptr, &present), 0);
    return present.sa_handler;
  }
  int calls = 0;
};

INSTANTIATE_TEST_SUITE_P(Each, Signals, ::testing::Values("uring", "epoll", "poll"),
                         [](const auto& tested) { return std::string(tested.param); });

// test_events.EventLoopTestsMixin.test_add_signal_handler
TEST_P(Signals, AreCallbacksOfTheLoop) {
  loop().add_signal_handler(SIGINT, [this] { ++calls; });
  ::kill(::getpid(), SIGINT);
  EXPECT_EQ(calls, 0) << "never inside the signal";
  run_briefly();
  EXPECT_EQ(calls, 1);
}

// test_events.EventLoopTestsMixin.test_add_signal_handler; test_unix_events.SelectorEventLoopSignalTests.test_check_signal
TEST_P(Signals, MustBeSignals) {
  for (const int signum : {NSIG + 1, NSIG, 0, -1, 32, 33}) {
    EXPECT_THROW(loop().add_signal_handler(signum, [] {}), ValueError) << signum;
    EXPECT_THROW(loop().remove_signal_handler(signum), ValueError) << signum;
  }
}

// test_events.EventLoopTestsMixin.test_add_signal_handler; test_unix_events …test_add_signal_handler_install_error2
TEST_P(Signals, ThatCannotBeCaughtAreRefused) {
  try {
    loop().add_signal_handler(SIGKILL, [] {});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const RuntimeError& error) {
    EXPECT_STREQ(error.what(), "add_signal_handler: signal 9 cannot be caught");
  }
  EXPECT_THROW(loop().add_signal_handler(SIGSTOP, [] {}), RuntimeError);
  EXPECT_FALSE(loop().remove_signal_handler(SIGKILL));
}

// test_events.EventLoopTestsMixin.test_add_signal_handler; test_unix_events …test_remove_signal_handler
TEST_P(Signals, HaveTheirDefaultBackWhenTheHandlerIsRemoved) {
  loop().add_signal_handler(SIGHUP, [] {});
  EXPECT_NE(disposition_of(SIGHUP), SIG_DFL);
  EXPECT_TRUE(loop().remove_signal_handler(SIGHUP));
  EXPECT_EQ(disposition_of(SIGHUP), SIG_DFL);
  EXPECT_FALSE(loop().remove_signal_handler(SIGHUP));
}

// test_unix_events.SelectorEventLoopSignalTests.test_remove_signal_handler_2: one of several
TEST_P(Signals, AreRemovedOneByOne) {
  loop().add_signal_handler(SIGINT, [] {});
  loop().add_signal_handler(SIGHUP, [this] { ++calls; });
  EXPECT_TRUE(loop().remove_signal_handler(SIGINT));
  EXPECT_EQ(disposition_of(SIGINT), SIG_DFL);
  ::raise(SIGHUP);
  run_briefly();
  EXPECT_EQ(calls, 1);
}

TEST_P(Signals, AreIgnoredAgainIfTheyWereBefore) {
  std::signal(SIGHUP, SIG_IGN);
  loop().add_signal_handler(SIGHUP, [] {});
  loop().remove_signal_handler(SIGHUP);
  EXPECT_EQ(disposition_of(SIGHUP), SIG_IGN);
  std::signal(SIGHUP, SIG_DFL);
}

TEST_P(Signals, AreTheProgramsIfItTakesThemBack) {
  loop().add_signal_handler(SIGHUP, [] {});
  std::signal(SIGHUP, SIG_IGN);
  loop().remove_signal_handler(SIGHUP);
  EXPECT_EQ(disposition_of(SIGHUP), SIG_IGN);
  std::signal(SIGHUP, SIG_DFL);
}

// test_events.EventLoopTestsMixin.test_signal_handling_while_selecting
TEST_P(Signals, WakeALoopThatWaits) {
  loop().add_signal_handler(SIGALRM, [this] {
    ++calls;
    loop().stop();
  });
  const itimerval soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 1000}};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &soon, nullptr), 0);
  loop().run_forever();
  EXPECT_EQ(calls, 1);
}

TEST_P(Signals, CallTheLastHandlerThatWasAdded) {
  std::string called;
  loop().add_signal_handler(SIGUSR1, [&] { called += 'a'; });
  loop().add_signal_handler(SIGUSR1, [&] { called += 'b'; });
  ::raise(SIGUSR1);
  run_briefly();
  EXPECT_EQ(called, "b");
  EXPECT_TRUE(loop().remove_signal_handler(SIGUSR1));
  EXPECT_FALSE(loop().remove_signal_handler(SIGUSR1));
}

TEST_P(Signals, AreCountedAndToldApart) {
  std::vector<int> told;
  loop().add_signal_handler(SIGUSR2, [&] { told.push_back(SIGUSR2); });
  loop().add_signal_handler(SIGUSR1, [&] { told.push_back(SIGUSR1); });
  ::raise(SIGUSR2);
  ::raise(SIGUSR1);
  ::raise(SIGUSR1);
  run_briefly();
  EXPECT_EQ(told, (std::vector{SIGUSR1, SIGUSR1, SIGUSR2}));
}

TEST_P(Signals, RunInTheContextInWhichTheHandlerWasAdded) {
  static ContextVar<int> variable("variable", 0);
  Context context;
  context.run([&] {
    variable.set(7);
    loop().add_signal_handler(SIGUSR1, [this] { calls = variable.get(); });
  });
  ::raise(SIGUSR1);
  run_briefly();
  EXPECT_EQ(calls, 7);
}

TEST_P(Signals, ReportAHandlerThatThrows) {
  loop().add_signal_handler(SIGUSR1, []() -> void { throw ValueError("from a handler"); });
  ::raise(SIGUSR1);
  run_briefly();
  testing::expect_report("ValueError: from a handler");
}

TEST_P(Signals, MayRemoveTheirOwnHandler) {
  loop().add_signal_handler(SIGUSR1, [this] {
    ++calls;
    EXPECT_TRUE(loop().remove_signal_handler(SIGUSR1));
  });
  ::raise(SIGUSR1);
  run_briefly();
  EXPECT_EQ(calls, 1);
}

// test_unix_events.SelectorEventLoopSignalTests.test_handle_signal_no_handler: it came before the handler was removed
TEST_P(Signals, AreForgottenWithTheirHandler) {
  loop().add_signal_handler(SIGUSR1, [this] { ++calls; });
  ::raise(SIGUSR1);
  loop().remove_signal_handler(SIGUSR1);
  run_briefly();
  EXPECT_EQ(calls, 0);
}

// test_unix_events.SelectorEventLoopSignalTests.test_close
TEST_P(Signals, AreLetGoByALoopThatCloses) {
  loop().add_signal_handler(SIGHUP, [] {});
  loop().add_signal_handler(SIGCHLD, [] {});
  loop().close();
  EXPECT_EQ(disposition_of(SIGHUP), SIG_DFL);
  EXPECT_EQ(disposition_of(SIGCHLD), SIG_DFL);
  EXPECT_FALSE(loop().remove_signal_handler(SIGHUP));
  EXPECT_THROW(loop().add_signal_handler(SIGHUP, [] {}), RuntimeError);
}

TEST_P(Signals, ReachEachLoopThatWantsThem) {
  const auto other = make_loop();
  int others = 0;
  loop().add_signal_handler(SIGTERM, [this] { ++calls; });
  other->add_signal_handler(SIGTERM, [&] { ++others; });
  ::raise(SIGTERM);
  run_briefly();
  other->stop();
  other->run_forever();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(others, 1);
  loop().remove_signal_handler(SIGTERM);
  ::raise(SIGTERM);
  other->stop();
  other->run_forever();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(others, 2);
  other->close();
  EXPECT_EQ(disposition_of(SIGTERM), SIG_DFL);
}

TEST_P(Signals, ReachTheNextLoopAfterOneHasGone) {
  loop().add_signal_handler(SIGTERM, [this] { ++calls; });
  ::raise(SIGTERM);
  loop_ = make_loop();
  loop().add_signal_handler(SIGTERM, [this] { calls += 10; });
  run_briefly();
  EXPECT_EQ(calls, 0) << "what came for the other loop is gone with it";
  ::raise(SIGTERM);
  run_briefly();
  EXPECT_EQ(calls, 10);
}

}  // namespace
}  // namespace tutti::tests
