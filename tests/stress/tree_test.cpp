// SPDX-License-Identifier: MIT
// Random trees of tasks over everything that tasks share, in memory and outside of it, cancelled at random.
#include <chrono>
#include <memory>
#include <vector>

#include <tutti/sync/map_concurrently.hpp>
#include <tutti/task/async_generator.hpp>
#include <tutti/task/cancel_scope.hpp>
#include <tutti/task/executor.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/shield.hpp>
#include <tutti/task/staggered.hpp>
#include <tutti/task/task_group.hpp>
#include <tutti/task/timeout.hpp>
#include <tutti/task/wait.hpp>

#include "world.hpp"

namespace stress {

World::World(unsigned seed, unsigned steps, bool outside)
    : Crowd(seed),
      budget_(steps),
      channel_(tutti::open_memory_channel<int>(random.below(3))),
      outside_(outside ? make_outside(*this) : nullptr) {}

Coro<> World::live(Actor actor) {
  const Member member(*this);
  for (unsigned acts = 1 + random.below(6); acts > 0 && budget_ > 0 && !closing; --acts) {
    --budget_;
    std::exception_ptr cancellation;
    try {
      co_await act(actor);
    } catch (const tutti::CancelledError&) {
      cancellation = std::current_exception();
    } catch (const std::exception&) {  // a Failure, a group of them, a TimeoutError, a broken barrier
    }
    if (cancellation) answer_cancellation(cancellation);
  }
  if (actor.may_fail && random.chance(15)) throw Failure();
}

Coro<> World::act(Actor actor) {
  if (random.chance(10)) disturb();
  const bool alone = actor.depth >= 4 || random.chance(65);
  co_await (alone ? act_alone() : act_with_children({actor.depth + 1, actor.may_fail}));
  if (random.chance(10)) disturb();
}

Coro<> World::act_alone() {
  if (outside_ && random.chance(35)) return outside_->act();
  switch (random.below(21)) {
    case 0: return hold_lock();
    case 1: return hold_permit();
    case 2: return hold_token();
    case 3: return produce();
    case 4: return consume();
    case 5:
    case 19: return meet();
    case 6: return await_event();
    case 7: return await_future();
    case 8: return send();
    case 9: return receive();
    case 10: return put(queue_);
    case 11: return get(queue_);
    case 12: return put(heap_);
    case 13: return get(heap_);
    case 14: return put(stack_);
    case 15: return get(stack_);
    case 16:
    case 17:
    case 18: return use_line();
    default: return pause();
  }
}

Coro<> World::act_with_children(Actor child) {
  const Actor quiet{child.depth, false};
  const Actor loud{child.depth, true};
  const auto lives = [this](Actor actor) { return [this, actor] { return live(actor); }; };
  switch (random.below(14)) {
    case 0: co_await tutti::gather(live(loud), live(loud), live(loud)); break;
    case 1: co_await tutti::gather(tutti::return_exceptions, live(loud), live(loud)); break;
    case 2:
      co_await tutti::task_group([this, loud](tutti::TaskGroup& group) -> Coro<> {
        for (unsigned i = random.below(4); i > 0; --i) {
          const auto task = group.create_task(live(loud));
          if (random.chance(10)) task.cancel();
        }
        co_await pause();
        if (random.chance(15)) group.cancel();
      });
      break;
    case 3: co_await tutti::timeout(some_time(), lives(child)); break;
    case 4: co_await tutti::wait_for(live(child), some_time()); break;
    case 5: co_await tutti::shield(live(quiet)); break;
    case 6: {
      const std::vector<tutti::Task<>> tasks{tutti::create_task(live(quiet)), tutti::create_task(live(quiet))};
      if (random.chance(20)) tasks[0].cancel();
      co_await tutti::wait(tasks, {.timeout = some_time(), .return_when = tutti::FIRST_COMPLETED});
      for (const auto& task : tasks) task.cancel();
      co_await tutti::gather(tutti::return_exceptions, tasks);
      break;
    }
    case 7: {
      auto all = tutti::as_completed(
          std::vector<tutti::Task<>>{tutti::create_task(live(quiet)), tutti::create_task(live(quiet))},
          random.chance(50) ? std::optional(some_time()) : std::nullopt);
      while (co_await all.next()) continue;
      break;
    }
    case 8:
      co_await tutti::map_concurrently(std::vector<int>{1, 2, 3}, [this, loud](int) { return live(loud); },
                                       {.limit = 2});
      break;
    case 9: {
      const auto task = tutti::create_task(live(quiet));
      if (random.chance(30)) co_await pause();
      task.cancel("at once");
      task.cancel("and again");
      co_await task;
      break;
    }
    case 10: co_await tutti::move_on_after(some_time(), lives(child), {.shield = random.chance(20)}); break;
    case 11:
      co_await tutti::cancel_scope([this, child](tutti::CancelScope& scope) -> Coro<> {
        if (random.chance(30)) scope.cancel();
        co_await live(child);
        if (random.chance(30)) scope.cancel();
        co_await pause();
      });
      break;
    case 12: {
      auto ticks = [](World& world) -> tutti::AsyncGenerator<int> {
        for (int i = 0; i < 3; ++i) {
          co_await world.pause();
          co_yield i;
        }
      }(*this);
      while (co_await ticks.next()) co_await pause();
      break;
    }
    default: {
      const std::vector<decltype(lives(loud))> racers{lives(loud), lives(loud)};
      (void)co_await tutti::staggered_race(racers, some_time());
    }
  }
}

Coro<> World::begin() {
  future_.emplace();
  if (outside_) co_await outside_->open();
}

Coro<> World::go_on(unsigned steps) {
  for (unsigned step = 0; step < steps && budget_ > 0; ++step) {
    if (size() < 10) tutti::create_task(live({}));
    co_await pause();
    disturb();
  }
}

Coro<> World::hold_lock() {
  auto guard = [this]() -> Coro<tutti::Guard<tutti::Lock>> {
    const Count waits(lock_waiters_);
    co_return co_await lock_.scoped();
  };
  const auto held = co_await guard();
  const Count owns(lock_owners_);
  EXPECT_EQ(lock_owners_, 1U) << "the lock has two owners";
  co_await pause();
}

Coro<> World::hold_permit() {
  auto guard = [this]() -> Coro<tutti::Guard<tutti::Semaphore>> {
    const Count waits(permit_waiters_);
    co_return co_await semaphore_.scoped();
  };
  const auto held = co_await guard();
  const Count owns(permits_);
  EXPECT_LE(permits_, 2U) << "more permits than there are";
  co_await pause();
}

Coro<> World::hold_token() {
  const int borrower = 0;
  auto guard = [this](const int* who) -> Coro<tutti::BorrowedToken> {
    const Count waits(token_waiters_);
    co_return co_await limiter_.scoped_on_behalf_of(who);
  };
  const auto held = co_await guard(&borrower);
  const Count owns(tokens_);
  EXPECT_LE(tokens_, 2U) << "more tokens than there are";
  co_await pause();
}

Coro<> World::produce() {
  const auto held = co_await stocked_.scoped();
  const Count owns(stock_owners_);
  EXPECT_EQ(stock_owners_, 1U) << "the condition's lock has two owners";
  ++stock_;
  if (random.chance(80)) {
    stocked_.notify();
  } else {
    stocked_.notify_all();
  }
  co_await pause();
}

Coro<> World::consume() {
  const auto held = co_await stocked_.scoped();
  {
    const Count waits(stock_waiters_);
    co_await stocked_.wait_for([this] { return stock_ > 0; });
  }
  const Count owns(stock_owners_);
  EXPECT_EQ(stock_owners_, 1U) << "the condition's lock has two owners";
  --stock_;
}

Coro<> World::meet() {
  if (random.chance(10)) co_return co_await barrier_.reset();
  if (random.chance(10)) co_return co_await barrier_.abort();
  const auto wait = [this]() -> Coro<std::size_t> {
    const Count waits(meeters_);
    co_return co_await barrier_.wait();
  };
  EXPECT_LT(random.chance(50) ? co_await tutti::wait_for(wait(), some_time()) : co_await wait(), 3U);
}

Coro<> World::use_line() {
  if (lines_.empty() || lines_.back()->shut_down) lines_.push_back(std::make_shared<Line>(1 + random.below(3)));
  const auto line = lines_.back();
  switch (random.below(9)) {
    case 0: {
      const bool immediate = random.chance(50);
      if (immediate) line->dropped = line->queue.qsize();
      line->shut_down = true;
      line->queue.shutdown(immediate);
      break;
    }
    case 1:
    case 2: {
      const Count waits(line->joiners);
      co_await line->queue.join();
      break;
    }
    case 3: co_await get(*line); break;
    case 4: {
      const int item = co_await line->queue.get();
      const struct Work {
        Line& of;
        ~Work() { of.queue.task_done(); }
      } work{*line};
      line->ledger.note_got(item);
      co_await pause();
      break;
    }
    default: co_await put(*line);
  }
}

Coro<> World::await_event() {
  if (random.chance(30)) event_.set();
  if (random.chance(30)) event_.clear();
  co_await event_.wait();
}

Coro<> World::await_future() {
  if (future_->done()) future_.emplace();
  const auto future = *future_;
  if (random.chance(40)) {
    future.set_result(1);
    disturb();
  }
  if (random.chance(30)) {
    EXPECT_EQ(co_await tutti::shield(future), 1);
  } else {
    EXPECT_EQ(co_await future, 1);
  }
}

Coro<> World::send() {
  const int item = sent_.make();
  const Count waits(senders_);
  co_await channel_.sender.send(item);
  sent_.note_put(item);
}

Coro<> World::receive() {
  const Count waits(receivers_);
  sent_.note_got(co_await channel_.receiver.receive());
}

template <class Q>
void World::check_store(const Store<Q>& store, const char* name) {
  if (!store.queue.empty()) {
    EXPECT_EQ(store.getters, 0U) << name << ": there is something to get";
  }
  if (!store.queue.full()) {
    EXPECT_EQ(store.putters, 0U) << name << ": there is room";
  }
}

void World::check_line(const Line& line) {
  if (line.shut_down) {
    EXPECT_EQ(line.getters + line.putters, 0U) << "the queue was shut down";
  }
  if (line.queue.statistics().unfinished_tasks == 0) {
    EXPECT_EQ(line.joiners, 0U) << "all work is done";
  }
  check_store(line, "Line");
}

void World::check_nobody_forgotten() {
  if (lock_owners_ == 0) {
    EXPECT_EQ(lock_waiters_, 0U) << "the lock is free";
  }
  if (permits_ < 2) {
    EXPECT_EQ(permit_waiters_, 0U) << "there is a permit";
  }
  if (tokens_ < 2) {
    EXPECT_EQ(token_waiters_, 0U) << "there is a token";
  }
  if (stock_ > 0 && !stocked_.locked()) {
    EXPECT_EQ(stock_waiters_, 0U) << "there is stock";
  }
  check_store(queue_, "Queue");
  check_store(heap_, "PriorityQueue");
  check_store(stack_, "LifoQueue");
  for (const auto& line : lines_) check_line(*line);
  EXPECT_LT(meeters_, 3U) << "enough are there";
  if (barrier_.broken()) {
    EXPECT_EQ(meeters_, 0U) << "the barrier is broken";
  }
  if (senders_ > 0) {
    EXPECT_EQ(receivers_, 0U) << "senders and receivers wait for each other";
  }
  if (channel_.receiver.statistics().current_buffer_used > 0) {
    EXPECT_EQ(receivers_, 0U) << "there is something to receive";
  }
}

template <class Q>
void World::drain(Store<Q>& store, const char* name, std::size_t dropped) {
  while (!store.queue.empty()) {
    store.ledger.note_got(store.queue.get_nowait());
    store.queue.task_done();
  }
  EXPECT_THROW(store.queue.task_done(), tutti::ValueError) << name;
  store.ledger.check(name, dropped);
}

Coro<> World::end_and_check() {
  co_await end();
  if (outside_) co_await outside_->close();
  check_end();
}

void World::check_end() {
  EXPECT_FALSE(lock_.locked());
  EXPECT_FALSE(stocked_.locked());
  EXPECT_THROW(semaphore_.release(), tutti::ValueError) << "a permit was lost";
  EXPECT_EQ(limiter_.borrowed_tokens(), 0U);
  EXPECT_EQ(barrier_.n_waiting(), 0U);
  drain(queue_, "Queue");
  drain(heap_, "PriorityQueue");
  drain(stack_, "LifoQueue");
  for (const auto& line : lines_) drain(*line, "Line", line->dropped);
  try {
    for (;;) sent_.note_got(channel_.receiver.receive_nowait());
  } catch (const tutti::WouldBlock&) {
  }
  sent_.check("MemoryChannel");
}

namespace {

Coro<> disturb(World& world, unsigned steps) {
  co_await world.begin();
  for (unsigned step = 0; step < steps && !::testing::Test::HasFailure(); step += 5) {
    co_await world.go_on(5);
    co_await tutti::testing::wait_all_tasks_blocked();
    world.check_nobody_forgotten();
  }
  co_await world.end_and_check();
}

Coro<> disturb_memory(unsigned seed, unsigned steps) {
  const auto world = std::make_unique<World>(seed, steps * 4, false);
  co_await disturb(*world, steps);
}

Coro<> disturb_everything(unsigned seed, unsigned steps) {
  const auto world = std::make_unique<World>(seed, steps * 4, true);
  co_await disturb(*world, steps);
  expect_only_reports_of_outside();
}

TUTTI_TEST(RandomTree, LosesNothingAndForgetsNobody) {
  co_await for_each_seed({.first_seed = 1, .runs = 4, .steps = 250}, disturb_everything);
}

TUTTI_VIRTUAL_TEST(RandomTree, LosesNothingAndForgetsNobodyInVirtualTime) {
  co_await for_each_seed({.first_seed = 100, .runs = 8, .steps = 200}, disturb_memory);
}

TEST(RandomTree, IsDestroyedWithItsLoop) {
  close_loop_over(
      {.first_seed = 1, .runs = 4, .steps = 60},
      [](unsigned seed, unsigned steps) { return std::make_unique<World>(seed, steps * 4, true); },
      {"destroyed but it is pending", "retrieved", "asynchronous generator was destroyed", "unclosed StreamWriter"});
}

}  // namespace
}  // namespace stress
