// SPDX-License-Identifier: MIT
// A random tree of tasks that share locks, queues, channels and the world outside, and the rules that hold whatever happens to them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tutti/sync/barrier.hpp>
#include <tutti/sync/capacity_limiter.hpp>
#include <tutti/sync/condition.hpp>
#include <tutti/sync/event.hpp>
#include <tutti/sync/lock.hpp>
#include <tutti/sync/memory_channel.hpp>
#include <tutti/sync/queue.hpp>
#include <tutti/sync/semaphore.hpp>

#include "outside.hpp"
#include "stress.hpp"

namespace stress {

struct Actor {
  unsigned depth = 0;
  bool may_fail = false;  ///< somebody retrieves its exception
};

class World : public Crowd {
 public:
  /// `outside`: the tasks also use sockets, pipes, threads and child processes.
  World(unsigned seed, unsigned steps, bool outside);

  /// The body of each task: some random acts, each of which may wait, fail, make more tasks or disturb others.
  Coro<> live(Actor actor);
  Coro<> begin();
  /// Makes tasks and disturbs them for a while.
  Coro<> go_on(unsigned steps);
  /// Both.
  Coro<> leave_alone(unsigned steps) {
    co_await begin();
    co_await go_on(steps);
  }
  /// When nobody can go on: whoever waits has a reason to.
  void check_nobody_forgotten();
  /// Ends all tasks; then nothing is lost and nothing left.
  Coro<> end_and_check();

 private:
  template <class Q>
  struct Store {
    explicit Store(std::size_t maxsize) : queue(maxsize) {}
    Q queue;
    Ledger ledger;
    unsigned getters = 0;
    unsigned putters = 0;
  };
  /// A queue that is shut down some day, and then replaced.
  struct Line : Store<tutti::Queue<int>> {
    using Store::Store;
    unsigned joiners = 0;
    std::size_t dropped = 0;
    bool shut_down = false;
  };

  Coro<> act(Actor actor);
  Coro<> act_alone();
  Coro<> act_with_children(Actor child);

  Coro<> hold_lock();
  Coro<> hold_permit();
  Coro<> hold_token();
  Coro<> produce();
  Coro<> consume();
  Coro<> meet();
  Coro<> use_line();
  Coro<> await_event();
  Coro<> await_future();
  Coro<> send();
  Coro<> receive();
  template <class Q>
  Coro<> put(Store<Q>& store) {
    const int item = store.ledger.make();
    const Count waits(store.putters);
    co_await store.queue.put(item);
    store.ledger.note_put(item);
  }
  template <class Q>
  Coro<> get(Store<Q>& store) {
    const Count waits(store.getters);
    const int item = co_await store.queue.get();
    store.ledger.note_got(item);
    store.queue.task_done();
  }
  template <class Q>
  void check_store(const Store<Q>& store, const char* name);
  void check_line(const Line& line);
  void check_end();
  template <class Q>
  void drain(Store<Q>& store, const char* name, std::size_t dropped = 0);

  unsigned budget_;
  tutti::Lock lock_;
  unsigned lock_owners_ = 0, lock_waiters_ = 0;
  tutti::BoundedSemaphore semaphore_{2};
  unsigned permits_ = 0, permit_waiters_ = 0;
  tutti::CapacityLimiter limiter_{2};
  unsigned tokens_ = 0, token_waiters_ = 0;
  tutti::Condition stocked_;
  unsigned stock_ = 0, stock_waiters_ = 0, stock_owners_ = 0;
  tutti::Barrier barrier_{3};
  unsigned meeters_ = 0;
  tutti::Event event_;
  std::optional<tutti::Future<int>> future_;
  Store<tutti::Queue<int>> queue_{2};
  Store<tutti::PriorityQueue<int>> heap_{1};
  Store<tutti::LifoQueue<int>> stack_{0};
  std::vector<std::shared_ptr<Line>> lines_;  // the last one is open
  tutti::MemoryChannel<int> channel_;
  Ledger sent_;
  unsigned senders_ = 0, receivers_ = 0;
  std::unique_ptr<Outside> outside_;
};

}  // namespace stress
