// SPDX-License-Identifier: MIT
// Signals as an async iterator, and how they agree with handlers and with Ctrl-C.
#include <csignal>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <tutti/loop/io_backend.hpp>
#include <tutti/process/signals.hpp>
#include <tutti/task/run.hpp>

#include "process/process_support.hpp"

namespace tutti::tests {
namespace {

auto disposition_of(int signum) {
  struct sigaction present{};
  EXPECT_EQ(::sigaction(signum, nullptr, &present), 0);
  return present.sa_handler;
}

TUTTI_TEST(SignalReceiver, GivesSignalsInTheirOrder) {
  SignalReceiver receiver = signals({SIGUSR1, SIGUSR2});
  auto waiting = create_task(receiver.next());
  co_await turns(2);
  ::raise(SIGUSR2);
  EXPECT_EQ(co_await waiting, SIGUSR2);
  ::raise(SIGUSR1);
  EXPECT_EQ(co_await receiver.next(), SIGUSR1);
}

// trio.tests.test_signals.test_open_signal_receiver: one that comes again before it was received counts once
TUTTI_TEST(SignalReceiver, CountsASignalOnceUntilItIsReceived) {
  SignalReceiver receiver = signals({SIGUSR1});
  ::raise(SIGUSR1);
  ::raise(SIGUSR1);
  EXPECT_EQ(co_await receiver.next(), SIGUSR1);
  auto next = create_task(receiver.next());
  co_await turns(3);
  EXPECT_FALSE(next.done());
  ::raise(SIGUSR1);
  EXPECT_EQ(co_await next, SIGUSR1);
}

TUTTI_TEST(SignalReceiver, LeavesTheSignalAsItWas) {
  {
    const SignalReceiver receiver = signals({SIGUSR1, SIGUSR1});
    EXPECT_NE(disposition_of(SIGUSR1), SIG_DFL);
  }
  EXPECT_EQ(disposition_of(SIGUSR1), SIG_DFL);
  co_return;
}

TUTTI_TEST(SignalReceiver, EndsForThoseWhoWaitWhenItIsClosed) {
  SignalReceiver receiver = signals({SIGUSR1});
  auto waiting = create_task(receiver.next());
  co_await turns(2);
  receiver.close();
  receiver.close();
  EXPECT_EQ(co_await waiting, std::nullopt);
  EXPECT_EQ(co_await receiver.next(), std::nullopt);
}

TUTTI_TEST(SignalReceiver, MayGoWhileSomebodyWaits) {
  std::optional<SignalReceiver> receiver = signals({SIGUSR1});
  auto waiting = create_task(receiver->next());
  co_await turns(2);
  receiver.reset();
  EXPECT_EQ(co_await waiting, std::nullopt);
}

TUTTI_TEST(SignalReceiver, MovesToAnother) {
  SignalReceiver first = signals({SIGUSR1});
  SignalReceiver second = std::move(first);
  first = signals({SIGUSR2});
  std::swap(first, second);
  ::raise(SIGUSR1);
  EXPECT_EQ(co_await first.next(), SIGUSR1);
}

TUTTI_TEST(SignalReceiver, GivesEachSignalToOneWhoWaitsAndToEachReceiver) {
  SignalReceiver receiver = signals({SIGUSR1, SIGUSR2});
  SignalReceiver other = signals({SIGUSR1});
  auto first = create_task(receiver.next());
  auto second = create_task(receiver.next());
  co_await turns(2);
  ::raise(SIGUSR1);
  EXPECT_EQ(co_await first, SIGUSR1);
  EXPECT_FALSE(second.done());
  ::raise(SIGUSR2);
  EXPECT_EQ(co_await second, SIGUSR2);
  EXPECT_EQ(co_await other.next(), SIGUSR1);
}

TUTTI_TEST(SignalReceiver, AndAHandlerAreBothTold) {
  int calls = 0;
  EventLoop& loop = get_running_loop();
  loop.add_signal_handler(SIGUSR1, [&] { ++calls; });
  {
    SignalReceiver receiver = signals({SIGUSR1});
    ::raise(SIGUSR1);
    EXPECT_EQ(co_await receiver.next(), SIGUSR1);
  }
  ::raise(SIGUSR1);
  co_await turns(2);
  EXPECT_EQ(calls, 2);
  loop.remove_signal_handler(SIGUSR1);
}

TUTTI_TEST(SignalReceiver, LosesNoSignalToACancellation) {
  SignalReceiver receiver = signals({SIGUSR1});
  auto before = create_task(receiver.next());
  before.cancel();
  CO_ASSERT_THROW(co_await before, CancelledError);
  auto waiting = create_task(receiver.next());
  co_await turns(2);
  waiting.cancel();
  CO_ASSERT_THROW(co_await waiting, CancelledError);
  auto woken = create_task(receiver.next());
  co_await turns(2);
  get_running_loop().add_signal_handler(SIGUSR1, [&] { woken.cancel(); });  // in the iteration in which it is woken
  ::raise(SIGUSR1);
  CO_ASSERT_THROW(co_await woken, CancelledError);
  get_running_loop().remove_signal_handler(SIGUSR1);
  EXPECT_EQ(co_await receiver.next(), SIGUSR1);
}

// trio.tests.test_signals.test_open_signal_receiver_restore_handler_after_error, "…_no_starvation": handed back
TUTTI_TEST(SignalReceiver, HandsBackWhatWasNotReceived) {
  SignalReceiver outer = signals({SIGUSR1});
  {
    const SignalReceiver inner = signals({SIGUSR1});
    ::raise(SIGUSR1);
    co_await turns(2);
    EXPECT_EQ(co_await outer.next(), SIGUSR1);
  }
  EXPECT_EQ(co_await outer.next(), SIGUSR1) << "it was raised again";
}

TUTTI_TEST(SignalReceiver, RefusesWhatCannotBeReceived) {
  EXPECT_THROW((void)signals({SIGUSR1, 0}), ValueError);
  EXPECT_THROW((void)signals({NSIG}), ValueError);
  try {
    (void)signals({SIGUSR1, SIGKILL});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const RuntimeError& error) {
    EXPECT_STREQ(error.what(), "signals: signal 9 cannot be caught");
  }
  EXPECT_EQ(disposition_of(SIGUSR1), SIG_DFL);
  EXPECT_THROW((void)signals({}), ValueError);
  co_return;
}

TEST(SignalReceiverLoop, ThatClosesOverAReceiverLetsTheSignalGo) {
  std::optional<SignalReceiver> receiver;
  Runner runner;
  runner.run([&]() -> Coro<> {
    receiver = signals({SIGUSR1});
    co_return;
  });
  EXPECT_NE(disposition_of(SIGUSR1), SIG_DFL);
  runner.close();
  EXPECT_EQ(disposition_of(SIGUSR1), SIG_DFL);
  receiver->close();
}

// ---- Ctrl-C ----

TEST(SignalsAndCtrlC, AHandlerForSigintTakesTheRunnersPlaceUntilItIsRemoved) {
  int calls = 0;
  bool went_on = false;
  EXPECT_THROW(run([&]() -> Coro<> {
                 EventLoop& loop = get_running_loop();
                 loop.add_signal_handler(SIGINT, [&] { ++calls; });
                 ::raise(SIGINT);
                 co_await turns(3);
                 went_on = true;
                 loop.remove_signal_handler(SIGINT);
                 ::raise(SIGINT);
                 co_await sleep(1000s);
               }),
               KeyboardInterrupt);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(went_on);
  EXPECT_EQ(disposition_of(SIGINT), SIG_DFL);
}

TEST(SignalsAndCtrlC, AReceiverOfSigintTakesTheRunnersPlace) {
  EXPECT_EQ(run([]() -> Coro<std::optional<int>> {
              SignalReceiver receiver = signals({SIGINT, SIGTERM});
              ::raise(SIGINT);
              co_return co_await receiver.next();
            }),
            SIGINT);
}

TEST(SignalsAndCtrlC, AReceiverHandsASigintThatNobodyReceivedBackToTheRunner) {
  EXPECT_THROW(run([]() -> Coro<> {
                 {
                   const SignalReceiver receiver = signals({SIGINT});
                   ::raise(SIGINT);
                   co_await turns(2);
                 }
                 co_await sleep(1000s);
               }),
               KeyboardInterrupt);
}

TEST(SignalsAndCtrlC, AHandlerThatWasThereBeforeKeepsTheRunnerOut) {
  int calls = 0;
  Runner runner;
  runner.get_loop().add_signal_handler(SIGINT, [&] { ++calls; });
  runner.run([]() -> Coro<> {
    ::raise(SIGINT);
    co_await turns(2);
  });
  EXPECT_EQ(calls, 1);
  runner.close();
  EXPECT_EQ(disposition_of(SIGINT), SIG_DFL);
}

}  // namespace
}  // namespace tutti::tests
