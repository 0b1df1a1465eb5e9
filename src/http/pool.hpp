// SPDX-License-Identifier: MIT
// The connections of a session: how many there may be, who waits for one, and which wait for their next request.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <tutti/base/clock.hpp>
#include <tutti/http/client.hpp>
#include <tutti/loop/event_loop.hpp>
#include <tutti/loop/handle.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/future.hpp>

#include "client_connection.hpp"

namespace tutti::http::detail {

class Pool;

/// The right to one connection, and that connection once there is one. Leaving it closes the connection.
class PoolSlot {
 public:
  PoolSlot() noexcept = default;
  PoolSlot(std::shared_ptr<Pool> pool, std::string key) noexcept : pool_(std::move(pool)), key_(std::move(key)) {}
  PoolSlot(PoolSlot&& other) noexcept = default;
  PoolSlot& operator=(PoolSlot&& other) noexcept;
  ~PoolSlot() { drop(); }

  /// Whether it is one: no more if the connection was given back, or the pool is closed.
  explicit operator bool() const noexcept { return pool_ != nullptr; }
  [[nodiscard]] ClientConnection* connection() const noexcept { return connection_.get(); }
  void adopt(std::unique_ptr<ClientConnection> connection);

  /// Keeps the connection for another request, if it is fit for that.
  void recycle() noexcept;
  void drop() noexcept;

 private:
  friend class Pool;
  std::shared_ptr<Pool> pool_;
  std::string key_;
  std::unique_ptr<ClientConnection> connection_;
};

/// Hands out slots in the order in which they were asked for; who can have none because of its host's limit is
/// overtaken.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  explicit Pool(const ConnectorOptions& options) : options_(options) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  /// Waits for a slot; it has an idle connection for `key` if there is one, and `fresh` does not forbid that. Gives no
  /// slot once the pool is closed. *Errors*: `RuntimeError` on another loop than the first time.
  Coro<PoolSlot> acquire(std::string key, bool fresh);

  /// Cuts all connections off, and sends away who waits.
  void shut() noexcept;
  /// The same, and waits until the connections have ended.
  Coro<> close();
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }
  [[nodiscard]] std::size_t idle() const noexcept { return idle_.size(); }

 private:
  friend class PoolSlot;

  struct Idle {
    std::string key;
    std::unique_ptr<ClientConnection> connection;
    TimePoint expires;
  };
  using IdleList = std::list<Idle>;  // the oldest first
  struct Host {
    std::size_t in_use = 0;
    std::vector<IdleList::iterator> idle;  // the oldest first
  };
  struct Waiter {
    std::string key;
    Future<> turn;
    bool granted = false;
  };

  [[nodiscard]] bool may_take(const std::string& key) const;
  void count_in(const std::string& key);
  void count_out(const std::string& key) noexcept;
  void serve_waiters() noexcept;
  Coro<bool> wait_for_turn(std::string key);
  [[nodiscard]] std::unique_ptr<ClientConnection> take_idle(const std::string& key);
  void make_room();
  void keep(std::string key, std::unique_ptr<ClientConnection> connection);
  IdleList::iterator drop_idle(IdleList::iterator idle) noexcept;
  void drop_expired();
  void set_timer();

  ConnectorOptions options_;
  EventLoop* loop_ = nullptr;
  std::shared_ptr<lowlevel::Door> door_;  // tells the loop from a later one at the same address
  std::unordered_map<std::string, Host> hosts_;
  std::list<Waiter*> waiters_;
  IdleList idle_;
  std::unordered_set<ClientConnection*> connections_;
  std::size_t in_use_ = 0;
  TimerHandle timer_;
  bool timer_set_ = false;
  bool closed_ = false;
};

}  // namespace tutti::http::detail
