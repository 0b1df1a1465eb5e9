// SPDX-License-Identifier: MIT
// The tick table: how many loop iterations each primitive takes. The numbers were measured on CPython 3.12 and 3.13.
#include <ranges>
#include <string>
#include <vector>

#include <tutti/sync/event.hpp>
#include <tutti/sync/lock.hpp>
#include <tutti/sync/queue.hpp>
#include <tutti/task/async_generator.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/shield.hpp>
#include <tutti/task/task_group.hpp>
#include <tutti/task/timeout.hpp>
#include <tutti/task/wait.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

using testing::ticks;

// Throws away what `body` is known to throw, so that its ticks can be counted.
template <class Error, class F>
auto throwing(F body) {
  return [body]() mutable -> Coro<> { EXPECT_THROW(co_await body(), Error); };
}

TUTTI_TEST(Ticks, AwaitOfACoroutineTakesNone) {
  EXPECT_EQ(co_await ticks([] { return noop(); }), 0U);
}

TUTTI_TEST(Ticks, SleepOfZeroTakesOne) {
  EXPECT_EQ(co_await ticks([] { return sleep(0s); }), 1U);
}

TUTTI_TEST(Ticks, AwaitOfADoneFutureTakesNone) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> {
              const Future<int> future;
              future.set_result(1);
              co_await future;
            }),
            0U);
}

TUTTI_TEST(Ticks, AwaitOfAFutureSetByACallbackTakesTwo) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> {
              const Future<int> future;
              get_running_loop().call_soon([future] { future.set_result(1); });
              co_await future;
            }),
            2U);
}

TUTTI_TEST(Ticks, AwaitOfANewTaskTakesTwo) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> { co_await create_task(noop()); }), 2U);
}

TUTTI_TEST(Ticks, AwaitOfATaskThatHadATurnTakesOne) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> {
              auto task = create_task(noop());
              co_await sleep(0s);
              co_await task;
            }),
            1U);
}

TUTTI_TEST(Ticks, GatherOfOneTakesThree) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> { co_await gather(noop()); }), 3U);
}

TUTTI_TEST(Ticks, GatherOfThreeTakesThree) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> { co_await gather(noop(), noop(), noop()); }), 3U);
}

TUTTI_TEST(Ticks, GatherOfNothingTakesNone) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> { co_await gather(); }), 0U);
}

TUTTI_TEST(Ticks, WaitForOneTaskTakesThree) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> { co_await wait({create_task(noop())}); }), 3U);
}

TUTTI_TEST(Ticks, WaitForWithACoroutineThatDoesNotBlockTakesNone) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> { co_await wait_for(noop(), 1s); }), 0U);
}

TUTTI_TEST(Ticks, WaitForWithALimitOfZeroTakesThreeAndDoesNotRunTheBody) {
  bool ran = false;
  const auto body = [&ran]() -> Coro<> {
    ran = true;
    co_return;
  };
  EXPECT_EQ(co_await ticks(throwing<TimeoutError>([&body]() -> Coro<> { co_await wait_for(body, 0s); })), 3U);
  EXPECT_FALSE(ran);
}

TUTTI_TEST(Ticks, WaitForWithATaskTakesTwo) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> { co_await wait_for(create_task(noop()), 1s); }), 2U);
}

TUTTI_TEST(Ticks, ShieldTakesThree) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> { co_await shield(noop()); }), 3U);
}

TUTTI_TEST(Ticks, TaskGroupOfOneTakesThree) {
  EXPECT_EQ(co_await ticks([] {
              return task_group([](TaskGroup& group) -> Coro<> {
                group.create_task(noop());
                co_return;
              });
            }),
            3U);
}

TUTTI_TEST(Ticks, TaskGroupWithoutTasksTakesNone) {
  EXPECT_EQ(co_await ticks([] { return task_group([](TaskGroup&) -> Coro<> { co_return; }); }), 0U);
}

TUTTI_TEST(Ticks, TimeoutAroundNothingTakesNone) {
  EXPECT_EQ(co_await ticks([] { return timeout(1s, []() -> Coro<> { co_return; }); }), 0U);
}

TUTTI_TEST(Ticks, TimeoutOfZeroAroundNothingTakesNoneAndDoesNotFire) {
  EXPECT_EQ(co_await ticks([] { return timeout(0s, []() -> Coro<> { co_return; }); }), 0U);
}

TUTTI_TEST(Ticks, TimeoutOfZeroAroundSleepOfZeroTakesOneAndFires) {
  EXPECT_EQ(co_await ticks(throwing<TimeoutError>([] { return timeout(0s, [] { return sleep(0s); }); })), 1U);
}

TUTTI_TEST(Ticks, TimeoutOfZeroAroundALongSleepTakesTwo) {
  EXPECT_EQ(co_await ticks(throwing<TimeoutError>([] { return timeout(0s, [] { return sleep(10s); }); })), 2U);
}

TUTTI_TEST(Ticks, FreeLockTakesNone) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> {
              Lock lock;
              const auto guard = co_await lock.scoped();
            }),
            0U);
}

TUTTI_TEST(Ticks, ReadyQueueTakesNone) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> {
              Queue<int> queue;
              co_await queue.put(1);
              co_await queue.get();
            }),
            0U);
}

TUTTI_TEST(Ticks, QueueGetWokenByACallbackTakesTwo) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> {
              Queue<int> queue;
              get_running_loop().call_soon([&queue] { queue.put_nowait(1); });
              co_await queue.get();
            }),
            2U);
}

TUTTI_TEST(Ticks, EventWaitWokenByACallbackTakesTwo) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> {
              Event event;
              get_running_loop().call_soon([&event] { event.set(); });
              co_await event.wait();
            }),
            2U);
}

TUTTI_TEST(Ticks, AsCompletedOfOneTakesThree) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> {
              std::vector<Coro<int>> coroutines;
              coroutines.push_back(noop());
              auto all = as_completed(std::move(coroutines) |
                                      std::views::transform([](Coro<int>& c) { return std::move(c); }));
              while (auto task = co_await all.next()) co_await *task;
            }),
            3U);
}

TUTTI_TEST(Ticks, CancellingATaskThatSleepsTakesThree) {
  EXPECT_EQ(co_await ticks(throwing<CancelledError>([]() -> Coro<> {
              auto task = create_task(sleep(10s));
              co_await sleep(0s);
              task.cancel();
              co_await task;
            })),
            3U);
}

TUTTI_TEST(Ticks, CancellingATaskBeforeItsFirstStepTakesTwo) {
  EXPECT_EQ(co_await ticks(throwing<CancelledError>([]() -> Coro<> {
              auto task = create_task(sleep(10s));
              task.cancel();
              co_await task;
            })),
            2U);
}

TUTTI_TEST(Ticks, CancellingOneselfTakesEffectAtTheNextSuspension) {
  EXPECT_EQ(co_await ticks(throwing<CancelledError>([]() -> Coro<> {
              current_task()->cancel();
              co_await noop();
              co_await sleep(0s);
            })),
            1U);
  current_task()->uncancel();
}

AsyncGenerator<int> two_items() {
  co_yield 1;
  co_yield 2;
}

TUTTI_TEST(Ticks, AsyncGeneratorTakesNone) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> {
              auto generator = two_items();
              while (auto item = co_await generator.next()) {
              }
            }),
            0U);
}

TUTTI_TEST(Ticks, EagerTaskTakesNone) {
  get_running_loop().set_task_factory(eager_task_factory);
  EXPECT_EQ(co_await ticks([]() -> Coro<> { co_await create_task(noop()); }), 0U);
}

TUTTI_TEST(Ticks, GatherOfEagerTasksTakesNone) {
  get_running_loop().set_task_factory(eager_task_factory);
  EXPECT_EQ(co_await ticks([]() -> Coro<> { co_await gather(noop(), noop()); }), 0U);
}

// CPython 3.14; none up to 3.13
TUTTI_TEST(Ticks, TaskGroupOfAnEagerTaskTakesTwo) {
  get_running_loop().set_task_factory(eager_task_factory);
  EXPECT_EQ(co_await ticks([] {
              return task_group([](TaskGroup& group) -> Coro<> {
                group.create_task(noop());
                co_return;
              });
            }),
            2U);
}

// test_events::EventLoopTestsMixin.test_timeout_rounding: a deadline is never so near that the loop spins
TUTTI_TEST(Ticks, FiveShortSleepsTakeAtMostTwenty) {
  using Seconds = std::chrono::duration<double>;
  EXPECT_LE(co_await ticks([]() -> Coro<> {
              for (const double delay : {1e-2, 1e-4, 1e-6, 1e-8, 1e-10}) co_await sleep(Seconds(delay));
            }),
            20U);
}

// ---- orders, from the same program ----

Coro<> begin_and_end(std::string& out, std::string name) {
  out += " s" + name;
  co_await sleep(0s);
  out += " e" + name;
}

TUTTI_TEST(Ticks, GatheredTasksTakeTurns) {
  std::string out;
  co_await gather(begin_and_end(out, "1"), begin_and_end(out, "2"), begin_and_end(out, "3"));
  EXPECT_EQ(out, " s1 s2 s3 e1 e2 e3");
}

TUTTI_TEST(Ticks, CallbacksTasksAndTimersComeInTheirOrder) {
  std::string out;
  auto& loop = get_running_loop();
  loop.call_soon([&] { out += " soon1"; });
  auto task = create_task(begin_and_end(out, "9"));
  loop.call_soon([&] { out += " soon2"; });
  loop.call_later(0s, [&] { out += " later0"; });
  co_await task;
  EXPECT_EQ(out, " soon1 s9 soon2 later0 e9");
}

TUTTI_TEST(Ticks, AnAwaiterIsOneOfTheDoneCallbacks) {
  std::string out;
  const Future<int> future;
  future.add_done_callback([&] { out += " cb1"; });
  auto task = create_task([&]() -> Coro<> {
    co_await future;
    out += " awaiter";
  });
  co_await sleep(0s);
  future.add_done_callback([&] { out += " cb2"; });
  future.set_result(1);
  out += " after set";
  co_await task;
  EXPECT_EQ(out, " after set cb1 awaiter cb2");
}

}  // namespace
}  // namespace tutti::tests
