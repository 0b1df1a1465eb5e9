// SPDX-License-Identifier: MIT
#include <tutti/sync/capacity_limiter.hpp>

#include <algorithm>
#include <functional>

#include <tutti/base/error.hpp>
#include <tutti/sync/guard.hpp>

namespace tutti {

namespace detail {

/// The limiter, for those who may outlive it; null when it is gone. Only the loop's thread looks.
class LimiterLink {
 public:
  explicit LimiterLink(CapacityLimiter& limiter) noexcept : limiter_(&limiter) {}
  void cut() noexcept { limiter_ = nullptr; }
  void release(const void* borrower) {
    if (limiter_ != nullptr && limiter_->remove(borrower)) limiter_->wake_up();
  }
  static std::shared_ptr<LimiterLink> of(CapacityLimiter& limiter) {
    if (!limiter.link_) limiter.link_ = std::make_shared<LimiterLink>(limiter);
    return limiter.link_;
  }

 private:
  CapacityLimiter* limiter_;
};

bool LimiterWaiter::await_ready() {
  if (!borrower_) borrower_.emplace(AnyTask(awaiting_task()));
  limiter_->check_new(*borrower_);
  return !limiter_->must_wait();
}

void LimiterWaiter::await_suspend(std::coroutine_handle<> handle) {
  wait_in(limiter_->waiters_, limiter_->bound_, "CapacityLimiter", handle);
}

// Whoever woke this task borrowed the token for it.
void LimiterWaiter::take() {
  if (!has_waited()) return limiter_->add(*borrower_);
  try {
    finish();
  } catch (...) {
    if (!is_orphan()) {
      if (!was_cancelled()) limiter_->remove(*borrower_);
      limiter_->wake_up();
    }
    throw;
  }
  limiter_->wake_up();  // those who came meanwhile waited for this one only
}

Coro<ThreadToken> borrow_for_thread(CapacityLimiter& limiter) {
  auto borrower = std::make_shared<ThreadBorrower>(LimiterLink::of(limiter), get_running_loop().door());
  co_await limiter.acquire_on_behalf_of(borrower.get());
  co_return ThreadToken(std::move(borrower));
}

void ThreadBorrower::call_off() {
  if (begin()) link_->release(this);
}

ThreadToken::~ThreadToken() {
  if (!borrower_) return;
  try {
    // The borrower goes along: its address must be nobody else's until the token is back.
    borrower_->door_->post([borrower = borrower_] { borrower->link_->release(borrower.get()); });
  } catch (...) {
    report_failed_release(std::current_exception());
  }
}

}  // namespace detail

BorrowedToken::~BorrowedToken() {
  if (limiter_ == nullptr) return;
  try {
    limiter_->release_on_behalf_of(borrower_);
  } catch (...) {
    detail::report_failed_release(std::current_exception());
  }
}

void BorrowedToken::release() {
  if (CapacityLimiter* const held = std::exchange(limiter_, nullptr)) held->release_on_behalf_of(borrower_);
}

CapacityLimiter::CapacityLimiter(std::optional<std::size_t> total_tokens) : total_(total_tokens) {}

CapacityLimiter::~CapacityLimiter() {
  if (link_) link_->cut();
}

void CapacityLimiter::set_total_tokens(std::optional<std::size_t> total) {
  total_ = total;
  wake_up();
}

std::optional<std::size_t> CapacityLimiter::available_tokens() const noexcept {
  if (!total_) return std::nullopt;
  return *total_ - std::min(*total_, borrowers_.size());
}

CapacityLimiter::Borrowers::iterator CapacityLimiter::find(const Borrower& borrower) {
  return std::lower_bound(borrowers_.begin(), borrowers_.end(), borrower, [](const Borrower& a, const Borrower& b) {
    return std::less<>()(a.identity(), b.identity());
  });
}

bool CapacityLimiter::holds(const Borrower& borrower) {
  const auto place = find(borrower);
  return place != borrowers_.end() && *place == borrower;
}

void CapacityLimiter::check_new(const Borrower& borrower) {
  if (holds(borrower)) throw RuntimeError("CapacityLimiter: this borrower is holding a token already");
  waiters_.for_each_waiting([&](detail::Waiter& waiter) {
    if (*static_cast<detail::LimiterWaiter&>(waiter).borrower_ != borrower) return;
    throw RuntimeError("CapacityLimiter: this borrower is waiting for a token already");
  });
}

void CapacityLimiter::add(const Borrower& borrower) { borrowers_.insert(find(borrower), borrower); }

bool CapacityLimiter::remove(const Borrower& borrower) {
  if (!holds(borrower)) return false;
  borrowers_.erase(find(borrower));
  return true;
}

void CapacityLimiter::wake_up() {
  while (has_token()) {
    detail::Waiter* const next = waiters_.first_waiting();
    if (next == nullptr) return;
    add(*static_cast<detail::LimiterWaiter&>(*next).borrower_);
    next->wake();
  }
}

void CapacityLimiter::acquire_nowait() {
  acquire_on_behalf_of_nowait(AnyTask(detail::require_task("CapacityLimiter::acquire_nowait")));
}

void CapacityLimiter::acquire_on_behalf_of_nowait(Borrower borrower) {
  check_new(borrower);
  if (must_wait()) throw WouldBlock("CapacityLimiter: no token is available");
  add(borrower);
}

void CapacityLimiter::release() { release_on_behalf_of(AnyTask(detail::require_task("CapacityLimiter::release"))); }

void CapacityLimiter::release_on_behalf_of(const Borrower& borrower) {
  if (!remove(borrower)) throw RuntimeError("CapacityLimiter: this borrower is not holding a token");
  wake_up();
}

CapacityLimiterStatistics CapacityLimiter::statistics() {
  return {borrowers_.size(), total_, borrowers_, waiters_.count_waiting()};
}

}  // namespace tutti
