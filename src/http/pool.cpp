// SPDX-License-Identifier: MIT
#include "pool.hpp"

#include <algorithm>

#include <tutti/base/error.hpp>

namespace tutti::http::detail {

// ---- PoolSlot ----

PoolSlot& PoolSlot::operator=(PoolSlot&& other) noexcept {
  if (this == &other) return *this;
  drop();
  pool_ = std::move(other.pool_);
  key_ = std::move(other.key_);
  connection_ = std::move(other.connection_);
  return *this;
}

void PoolSlot::adopt(std::unique_ptr<ClientConnection> connection) {
  pool_->connections_.insert(connection.get());
  connection_ = std::move(connection);
}

void PoolSlot::recycle() noexcept {
  if (!pool_ || !connection_ || pool_->closed_ || pool_->options_.force_close || !connection_->clean()) return drop();
  const std::shared_ptr<Pool> pool = std::move(pool_);
  pool->count_out(key_);
  pool->keep(std::move(key_), std::move(connection_));
  pool->serve_waiters();
}

void PoolSlot::drop() noexcept {
  const std::shared_ptr<Pool> pool = std::move(pool_);
  if (!pool) return;
  pool->connections_.erase(connection_.get());
  connection_ = nullptr;
  pool->count_out(key_);
  pool->serve_waiters();
}

// ---- turns ----

Pool::~Pool() { timer_.cancel(); }

Coro<PoolSlot> Pool::acquire(std::string key, bool fresh) {
  const std::shared_ptr<Pool> self = shared_from_this();
  EventLoop& loop = get_running_loop();
  if (door_ && door_ != loop.door()) throw RuntimeError("ClientSession: it belongs to another event loop");
  door_ = loop.door();
  loop_ = &loop;
  if (closed_) co_return PoolSlot();
  if (may_take(key)) {
    count_in(key);
  } else if (!co_await wait_for_turn(key)) {
    co_return PoolSlot();
  }
  PoolSlot slot(self, key);
  if (closed_) co_return PoolSlot();
  if (!fresh) slot.connection_ = take_idle(key);
  if (!slot.connection_) make_room();
  co_return slot;
}

/// Whether a slot was counted for it: not if the pool was closed meanwhile.
Coro<bool> Pool::wait_for_turn(std::string key) {
  Waiter waiter{std::move(key), Future<>(*loop_)};
  waiters_.push_back(&waiter);
  struct Leave {
    Pool& pool;
    Waiter& waiter;
    bool done = false;
    ~Leave() {
      pool.waiters_.remove(&waiter);
      if (done || !waiter.granted) return;
      pool.count_out(waiter.key);
      pool.serve_waiters();
    }
  } leave{*this, waiter};
  co_await waiter.turn;
  leave.done = true;
  co_return waiter.granted;
}

void Pool::serve_waiters() noexcept {
  for (auto at = waiters_.begin(); at != waiters_.end();) {
    Waiter& waiter = **at;
    if (!waiter.turn.done()) {
      if (!may_take(waiter.key)) {
        ++at;
        continue;
      }
      count_in(waiter.key);
      waiter.granted = true;
      waiter.turn.set_result();
    }
    at = waiters_.erase(at);
  }
}

bool Pool::may_take(const std::string& key) const {
  if (options_.limit && in_use_ >= *options_.limit) return false;
  if (!options_.limit_per_host) return true;
  const auto host = hosts_.find(key);
  return host == hosts_.end() || host->second.in_use < *options_.limit_per_host;
}

void Pool::count_in(const std::string& key) {
  ++hosts_[key].in_use;
  ++in_use_;
}

void Pool::count_out(const std::string& key) noexcept {
  --in_use_;
  const auto host = hosts_.find(key);
  if (--host->second.in_use == 0 && host->second.idle.empty()) hosts_.erase(host);
}

// ---- idle connections ----

std::unique_ptr<ClientConnection> Pool::take_idle(const std::string& key) {
  auto& idle = hosts_[key].idle;
  while (!idle.empty()) {
    const auto last = idle.back();  // the one whose time is the longest
    idle.pop_back();
    auto connection = std::move(last->connection);
    idle_.erase(last);
    if (connection->clean()) return connection;
    connections_.erase(connection.get());
  }
  return nullptr;
}

/// Idle connections count too: the oldest makes way for a new one.
void Pool::make_room() {
  while (options_.limit && in_use_ + idle_.size() > *options_.limit && !idle_.empty()) drop_idle(idle_.begin());
}

void Pool::keep(std::string key, std::unique_ptr<ClientConnection> connection) {
  connection->reused = true;
  const TimePoint expires = loop_->time() + options_.keepalive_timeout;
  Host& host = hosts_[key];
  idle_.push_back({std::move(key), std::move(connection), expires});
  host.idle.push_back(std::prev(idle_.end()));
  set_timer();
}

Pool::IdleList::iterator Pool::drop_idle(IdleList::iterator idle) noexcept {
  connections_.erase(idle->connection.get());
  const auto host = hosts_.find(idle->key);
  std::erase(host->second.idle, idle);
  if (host->second.in_use == 0 && host->second.idle.empty()) hosts_.erase(host);
  return idle_.erase(idle);
}

void Pool::drop_expired() {
  timer_set_ = false;
  const TimePoint now = loop_->time();
  for (auto idle = idle_.begin(); idle != idle_.end();) {
    idle = idle->expires <= now || !idle->connection->clean() ? drop_idle(idle) : std::next(idle);
  }
  set_timer();
}

void Pool::set_timer() {
  if (timer_set_ || idle_.empty()) return;
  timer_set_ = true;
  timer_ = loop_->call_at(idle_.front().expires, [weak = weak_from_this()] {
    if (const auto pool = weak.lock()) pool->drop_expired();
  });
}

// ---- the end ----

void Pool::shut() noexcept {
  if (closed_) return;
  closed_ = true;
  timer_.cancel();
  for (ClientConnection* connection : connections_) connection->writer.abort();
  while (!idle_.empty()) drop_idle(idle_.begin());
  for (Waiter* waiter : waiters_) {
    if (!waiter->turn.done()) waiter->turn.set_result();
  }
  waiters_.clear();
}

Coro<> Pool::close() {
  const std::shared_ptr<Pool> self = shared_from_this();
  std::vector<Coro<>> endings;
  endings.reserve(connections_.size());
  for (ClientConnection* connection : connections_) endings.push_back(connection->writer.wait_closed());
  shut();
  std::exception_ptr error;
  for (Coro<>& ending : endings) {
    if (error) {
      ending.close();
      continue;
    }
    try {
      co_await std::move(ending);
    } catch (const std::exception&) {
      // How a connection ended that is closed anyway is nobody's concern.
    } catch (...) {
      error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(std::move(error));
}

}  // namespace tutti::http::detail
