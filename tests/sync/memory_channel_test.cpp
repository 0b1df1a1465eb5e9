// SPDX-License-Identifier: MIT
// Memory channels: what Trio's test_channel asks for.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tutti/sync/memory_channel.hpp>
#include <tutti/task/cancel_scope.hpp>
#include <tutti/task/task_group.hpp>
#include <tutti/task/timeout.hpp>

#include "sync/helpers.hpp"

namespace {

using namespace sync_test;
using tutti::BrokenResourceError;
using tutti::CancelledError;
using tutti::ClosedResourceError;
using tutti::Coro;
using tutti::create_task;
using tutti::EndOfChannel;
using tutti::open_memory_channel;
using tutti::ReceiveChannel;
using tutti::SendChannel;
using tutti::WouldBlock;

// trio test_channel
TUTTI_TEST(MemoryChannel, GivesItemsInTheOrderInWhichTheyWereSent) {
  auto [sender, receiver] = open_memory_channel<int>(2);
  EXPECT_THROW((void)receiver.receive_nowait(), WouldBlock);
  sender.send_nowait(1);
  co_await sender.send(2);  // need not wait
  EXPECT_THROW(sender.send_nowait(3), WouldBlock);
  auto third = create_task([&sender]() -> Coro<> { co_await sender.send(3); });
  co_await one_tick();
  EXPECT_FALSE(third.done());
  EXPECT_EQ(co_await receiver.receive(), 1);
  co_await third;  // its item has moved up
  EXPECT_EQ(receiver.receive_nowait(), 2);
  EXPECT_EQ(receiver.receive_nowait(), 3);
  EXPECT_THROW((void)receiver.receive_nowait(), WouldBlock);
}

TUTTI_TEST(MemoryChannel, WithoutABufferBringsSenderAndReceiverTogether) {
  auto [sender, receiver] = open_memory_channel<int>();
  EXPECT_THROW(sender.send_nowait(1), WouldBlock);
  Log log;
  auto send = create_task([&sender, &log]() -> Coro<> {
    co_await sender.send(1);
    log.push_back(10);
    co_await sender.send(2);
    log.push_back(20);
  });
  co_await one_tick();
  co_await one_tick();
  EXPECT_EQ(log, Log{});
  EXPECT_EQ(co_await receiver.receive(), 1);  // without waiting: a sender waits
  EXPECT_EQ(co_await receiver.receive(), 2);
  co_await send;
  EXPECT_EQ(log, (Log{10, 20}));

  auto receive = create_task([&receiver]() -> Coro<int> { co_return co_await receiver.receive(); });
  co_await one_tick();
  sender.send_nowait(3);  // a receiver waits
  EXPECT_EQ(co_await receive, 3);
}

TUTTI_TEST(MemoryChannel, WithoutABoundNeverMakesASenderWait) {
  auto [sender, receiver] = open_memory_channel<int>(std::nullopt);
  for (int i = 0; i < 1000; ++i) sender.send_nowait(i);
  EXPECT_EQ(sender.statistics().max_buffer_size, std::nullopt);
  sender.close();
  int sum = 0;
  while (auto item = co_await receiver.next()) sum += *item;
  EXPECT_EQ(sum, 499500);
}

TUTTI_TEST(MemoryChannel, CarriesWhatCanOnlyBeMoved) {
  auto [sender, receiver] = open_memory_channel<std::unique_ptr<int>>(1);
  co_await sender.send(std::make_unique<int>(1));
  auto second = create_task([&sender]() -> Coro<> { co_await sender.send(std::make_unique<int>(2)); });
  co_await one_tick();
  EXPECT_EQ(*co_await receiver.receive(), 1);
  EXPECT_EQ(**co_await receiver.next(), 2);
  co_await second;
}

TUTTI_TEST(MemoryChannel, ServesReceiversAndSendersInTheirOrder) {
  auto [sender, receiver] = open_memory_channel<int>();
  Log log;
  std::vector<tutti::Task<>> tasks;
  for (int i = 0; i < 3; ++i) {
    tasks.push_back(
        create_task([&receiver, &log, i]() -> Coro<> { log.push_back(10 * i + co_await receiver.receive()); }));
  }
  co_await one_tick();
  for (int i = 1; i <= 3; ++i) sender.send_nowait(i);
  for (auto& task : tasks) co_await task;
  EXPECT_EQ(log, (Log{1, 12, 23}));

  tasks.clear();
  for (int i = 0; i < 3; ++i) {
    tasks.push_back(create_task([&sender, i]() -> Coro<> { co_await sender.send(i); }));
  }
  co_await one_tick();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(co_await receiver.receive(), i);
  for (auto& task : tasks) co_await task;
}

// ---- the end ----

// trio test_553, test_channel
TUTTI_TEST(MemoryChannel, EndsWhenTheLastSenderIsClosedAndTheBufferIsEmpty) {
  auto [sender, receiver] = open_memory_channel<int>(5);
  auto clone = sender.clone();
  sender.send_nowait(1);
  clone.send_nowait(2);
  sender.close();
  EXPECT_EQ(co_await receiver.receive(), 1);
  EXPECT_EQ(co_await receiver.receive(), 2);
  EXPECT_THROW((void)receiver.receive_nowait(), WouldBlock);  // the clone is open
  auto waiting = create_task([&receiver]() -> Coro<> { (void)co_await receiver.receive(); });
  auto nothing = create_task([&receiver]() -> Coro<bool> { co_return !(co_await receiver.next()); });
  co_await one_tick();
  clone.close();
  EXPECT_THROW(co_await waiting, EndOfChannel);
  EXPECT_TRUE(co_await nothing);
  EXPECT_THROW((void)receiver.receive_nowait(), EndOfChannel);
  EXPECT_THROW((void)co_await receiver.receive(), EndOfChannel);
  EXPECT_EQ(co_await receiver.next(), std::nullopt);
}

TUTTI_TEST(MemoryChannel, IsBrokenForSendersWhenTheLastReceiverIsClosed) {
  auto [sender, receiver] = open_memory_channel<std::shared_ptr<int>>(1);
  const auto item = std::make_shared<int>(1);
  auto clone = receiver.clone();
  sender.send_nowait(item);
  auto waiting = create_task([&sender]() -> Coro<> { co_await sender.send(nullptr); });
  co_await one_tick();
  receiver.close();
  co_await one_tick();
  EXPECT_FALSE(waiting.done());
  clone.close();
  EXPECT_EQ(item.use_count(), 1);  // the buffer was dropped
  EXPECT_THROW(co_await waiting, BrokenResourceError);
  EXPECT_THROW(sender.send_nowait(nullptr), BrokenResourceError);
  EXPECT_THROW(co_await sender.send(nullptr), BrokenResourceError);
}

// trio test_close_basics
TUTTI_TEST(MemoryChannel, WakesThoseWhoWaitAtAnEndThatIsClosed) {
  auto [sender, receiver] = open_memory_channel<int>();
  auto other_sender = sender.clone();
  auto send = create_task([&sender]() -> Coro<> { co_await sender.send(1); });
  auto other_send = create_task([&]() -> Coro<> { co_await other_sender.send(2); });
  co_await one_tick();
  sender.close();
  EXPECT_THROW(co_await send, ClosedResourceError);
  EXPECT_EQ(co_await receiver.receive(), 2);
  co_await other_send;

  auto other_receiver = receiver.clone();
  auto receive = create_task([&receiver]() -> Coro<> { (void)co_await receiver.receive(); });
  auto other_receive = create_task([&]() -> Coro<int> { co_return co_await other_receiver.receive(); });
  co_await one_tick();
  receiver.close();
  EXPECT_THROW(co_await receive, ClosedResourceError);
  other_sender.send_nowait(3);
  EXPECT_EQ(co_await other_receive, 3);
}

TUTTI_TEST(MemoryChannel, RefusesAllAtAnEndThatIsClosedOrWasMoved) {
  auto [sender, receiver] = open_memory_channel<int>(1);
  auto keeps_open = receiver.clone();
  sender.close();
  sender.close();
  receiver.close();
  EXPECT_TRUE(sender.is_closed());
  EXPECT_THROW(sender.send_nowait(1), ClosedResourceError);
  EXPECT_THROW(co_await sender.send(1), ClosedResourceError);
  EXPECT_THROW((void)sender.clone(), ClosedResourceError);
  EXPECT_THROW((void)receiver.receive_nowait(), ClosedResourceError);
  EXPECT_THROW((void)co_await receiver.receive(), ClosedResourceError);
  EXPECT_THROW((void)co_await receiver.next(), ClosedResourceError);
  EXPECT_THROW((void)receiver.clone(), ClosedResourceError);
  const ReceiveChannel<int> taken = std::move(keeps_open);
  EXPECT_TRUE(keeps_open.is_closed());  // NOLINT(bugprone-use-after-move): what is asked here
  EXPECT_THROW((void)co_await keeps_open.receive(), ClosedResourceError);
  EXPECT_FALSE(taken.is_closed());
}

TUTTI_TEST(MemoryChannel, ClosesAnEndThatGoesOutOfScopeOrIsReplaced) {
  auto [sender, receiver] = open_memory_channel<int>(1);
  {
    const SendChannel<int> last = std::move(sender);
    EXPECT_EQ(receiver.statistics().open_send_channels, 1U);
  }
  EXPECT_THROW((void)receiver.receive_nowait(), EndOfChannel);
  auto [other_sender, other_receiver] = open_memory_channel<int>(1);
  receiver = std::move(other_receiver);
  other_sender.send_nowait(4);
  EXPECT_EQ(co_await receiver.receive(), 4);
}

TUTTI_TEST(MemoryChannel, OutlivesItsEndsForThoseWhoWait) {
  std::optional<tutti::MemoryChannel<int>> channel(open_memory_channel<int>());
  auto receive = create_task([&channel]() -> Coro<> { (void)co_await channel->receiver.receive(); });
  co_await one_tick();
  channel.reset();
  EXPECT_THROW(co_await receive, ClosedResourceError);
}

TUTTI_TEST(MemoryChannel, CountsWhatItHolds) {
  auto [sender, receiver] = open_memory_channel<int>(2);
  auto clone = sender.clone();
  sender.send_nowait(1);
  sender.send_nowait(2);
  auto third = create_task([&sender]() -> Coro<> { co_await sender.send(3); });
  co_await one_tick();
  auto counts = receiver.statistics();
  EXPECT_EQ(counts.current_buffer_used, 2U);
  EXPECT_EQ(counts.max_buffer_size, 2U);
  EXPECT_EQ(counts.open_send_channels, 2U);
  EXPECT_EQ(counts.open_receive_channels, 1U);
  EXPECT_EQ(counts.tasks_waiting_send, 1U);
  EXPECT_EQ(counts.tasks_waiting_receive, 0U);
  for (int i = 0; i < 3; ++i) (void)co_await receiver.receive();
  co_await third;
  auto fourth = create_task([&receiver]() -> Coro<int> { co_return co_await receiver.receive(); });
  co_await one_tick();
  EXPECT_EQ(sender.statistics().tasks_waiting_receive, 1U);
  sender.send_nowait(4);
  EXPECT_EQ(sender.statistics().tasks_waiting_receive, 0U);
  EXPECT_EQ(co_await fourth, 4);
}

TUTTI_TEST(MemoryChannel, NeedsNoIterationIfNobodyMustWait) {
  auto [sender, receiver] = open_memory_channel<int>(1);
  EXPECT_EQ(co_await tutti::testing::ticks([&sender, &receiver]() -> Coro<> {
              co_await sender.send(1);
              (void)co_await receiver.receive();
            }),
            0U);
}

TEST(MemoryChannel, BelongsToTheLoopOnWhichATaskFirstWaited) {
  auto [sender, receiver] = open_memory_channel<int>(1);
  run_on_two_loops(
      [&receiver]() -> Coro<> {
        auto waiting = create_task([&receiver]() -> Coro<> { (void)co_await receiver.receive(); });
        co_await one_tick();
        waiting.cancel();
        EXPECT_THROW(co_await waiting, CancelledError);
      },
      [&receiver]() -> Coro<> { EXPECT_THROW((void)co_await receiver.receive(), tutti::RuntimeError); });
}

TUTTI_TEST(MemoryChannel, EndsACrowdOfProducersAndConsumers) {
  auto [sender, receiver] = open_memory_channel<int>(3);
  int sum = 0;
  co_await tutti::task_group([&sender, &receiver, &sum](tutti::TaskGroup& group) -> Coro<> {
    for (int i = 0; i < 3; ++i) {
      group.create_task([sending = sender.clone(), i]() mutable -> Coro<> {
        for (int k = 0; k < 10; ++k) co_await sending.send(100 * i + k);
      });
      group.create_task([receiving = receiver.clone(), &sum]() mutable -> Coro<> {
        while (auto item = co_await receiving.next()) sum += *item;
      });
    }
    sender.close();  // the producers have their own
    co_return;
  });
  EXPECT_EQ(sum, 3 * 45 + 10 * 300);
}

// ---- cancellation ----

TUTTI_TEST(MemoryChannelCancel, WhileItWaitsToReceiveTakesNothing) {
  auto [sender, receiver] = open_memory_channel<int>();
  auto receive = create_task([&receiver]() -> Coro<> { (void)co_await receiver.receive(); });
  co_await one_tick();
  receive.cancel("enough");
  EXPECT_THROW(sender.send_nowait(1), WouldBlock);  // it does not wait any more
  try {
    co_await receive;
    ADD_FAILURE() << "it was cancelled";
  } catch (const CancelledError& error) {
    EXPECT_EQ(error.message(), "enough");
  }
}

TUTTI_TEST(MemoryChannelCancel, WhileItWaitsToSendSendsNothing) {
  auto [sender, receiver] = open_memory_channel<int>(1);
  sender.send_nowait(1);
  auto second = create_task([&sender]() -> Coro<> { co_await sender.send(2); });
  auto third = create_task([&sender]() -> Coro<> { co_await sender.send(3); });
  co_await one_tick();
  second.cancel();
  EXPECT_EQ(receiver.receive_nowait(), 1);
  EXPECT_EQ(co_await receiver.receive(), 3);
  EXPECT_THROW(co_await second, CancelledError);
  co_await third;
}

TUTTI_TEST(MemoryChannelCancel, BeforeTheFirstStepDoesNothing) {
  auto [sender, receiver] = open_memory_channel<int>(1);
  auto send = create_task([&sender]() -> Coro<> { co_await sender.send(1); });
  auto receive = create_task([&receiver]() -> Coro<> { (void)co_await receiver.receive(); });
  send.cancel();
  receive.cancel();
  EXPECT_THROW(co_await send, CancelledError);
  EXPECT_THROW(co_await receive, CancelledError);
  EXPECT_EQ(sender.statistics().current_buffer_used, 0U);
}

TUTTI_TEST(MemoryChannelCancel, AfterTheItemWasHandedOverGivesTheItemAndThrowsAtTheNextAwait) {
  auto [sender, receiver] = open_memory_channel<int>();
  Log got;
  auto receive = create_task([&receiver, &got]() -> Coro<> {
    got.push_back(co_await receiver.receive());
    got.push_back(co_await receiver.receive());
  });
  co_await one_tick();
  sender.send_nowait(1);
  receive.cancel();  // in the same tick
  EXPECT_THROW(co_await receive, CancelledError);
  EXPECT_EQ(got, Log{1});
}

TUTTI_TEST(MemoryChannelCancel, AfterTheItemWasTakenLetsTheSenderKnowThatItWas) {
  auto [sender, receiver] = open_memory_channel<int>();
  bool sent = false;
  auto send = create_task([&sender, &sent]() -> Coro<> {
    co_await sender.send(1);
    sent = true;
    co_await sender.send(2);
  });
  co_await one_tick();
  EXPECT_EQ(receiver.receive_nowait(), 1);
  send.cancel();  // in the same tick
  EXPECT_THROW(co_await send, CancelledError);
  EXPECT_TRUE(sent);
  EXPECT_THROW((void)receiver.receive_nowait(), WouldBlock);  // nothing twice
}

TUTTI_TEST(MemoryChannelCancel, ByATimeoutInTheTickOfTheItemLosesNothing) {
  auto [sender, receiver] = open_memory_channel<int>();
  tutti::Timeout* limit = nullptr;
  auto receive = create_task([&]() -> Coro<int> {
    co_return co_await tutti::timeout(std::nullopt, [&](tutti::Timeout& present) -> Coro<int> {
      limit = &present;
      co_return co_await receiver.receive();
    });
  });
  co_await one_tick();
  limit->reschedule(tutti::get_running_loop().time());  // expires in the next iteration, before the task runs
  sender.send_nowait(1);
  EXPECT_EQ(co_await receive, 1);
}

TUTTI_TEST(MemoryChannelCancel, ByAScopeInTheTickOfTheItemLosesNothing) {
  auto [sender, receiver] = open_memory_channel<int>();
  tutti::CancelScope scope;
  auto receive = create_task([&]() -> Coro<std::optional<int>> {
    co_return co_await scope.run([&]() -> Coro<int> { co_return co_await receiver.receive(); });
  });
  co_await one_tick();
  sender.send_nowait(1);
  scope.cancel();
  EXPECT_EQ(co_await receive, 1);
}

TUTTI_TEST(MemoryChannelCancel, InTheTickInWhichAnEndIsClosedGoesFirst) {
  auto [sender, receiver] = open_memory_channel<int>();
  auto receive = create_task([&receiver]() -> Coro<> { (void)co_await receiver.receive(); });
  co_await one_tick();
  sender.close();
  receive.cancel();
  EXPECT_THROW(co_await receive, CancelledError);
}

TEST(MemoryChannelCancel, OfALoopThatIsClosedOverThoseWhoWaitLeavesTheChannelInOrder) {
  auto [sender, receiver] = open_memory_channel<std::shared_ptr<int>>();
  const auto item = std::make_shared<int>(1);
  {
    const auto loop = tutti::new_event_loop();
    loop->set_exception_handler([](tutti::EventLoop&, const tutti::ExceptionContext&) {});
    loop->create_task([&sender, item]() -> Coro<> { co_await sender.send(item); });
    loop->run_until_complete([]() -> Coro<> { co_await one_tick(); });
    EXPECT_EQ(sender.statistics().tasks_waiting_send, 1U);
    loop->close();
  }
  EXPECT_EQ(sender.statistics().tasks_waiting_send, 0U);
  EXPECT_EQ(item.use_count(), 1);
}

}  // namespace
