// SPDX-License-Identifier: MIT
#include <tutti/task/wait.hpp>

#include <deque>
#include <unordered_set>

namespace tutti::detail {
namespace {

/// Calls its owner when a future is done. The owner keeps all its nodes in one block, which lives until each of them has
/// been run or taken out.
template <class Owner>
class Watcher final : public Dependent {
 public:
  Watcher(std::shared_ptr<Owner> owner, Ref<FutureState> future)
      : owner_(std::move(owner)), future_(std::move(future)) {}

  static void watch(const std::shared_ptr<Owner>& owner, const Ref<FutureState>& future) {
    auto* watcher = new Watcher(owner, future);
    watcher->index_ = owner->watchers.size();
    owner->watchers.push_back(watcher);
    future->add_waiter(*watcher);
  }
  /// Takes it out of its future's list; one that is in the ready queue already comes to nothing.
  void leave() {
    if (future_->remove_waiter(*this)) {
      delete this;
    } else {
      left_ = true;
    }
  }
  [[nodiscard]] FutureState& future() const noexcept { return *future_; }
  void collect_dependents(std::vector<FutureState*>& into) const override {
    if (!left_) owner_->collect_dependents(into);
  }

  void run() override {
    const std::unique_ptr<Watcher> self(this);
    if (left_) return;
    forget();
    owner_->completed(future_);
  }
  void drop() noexcept override {
    if (!left_) forget();
    delete this;
  }

 private:
  void forget() noexcept {
    auto& all = owner_->watchers;
    if (index_ >= all.size() || all[index_] != this) return;
    all[index_] = all.back();
    all[index_]->index_ = index_;
    all.pop_back();
  }

  std::shared_ptr<Owner> owner_;
  Ref<FutureState> future_;
  std::size_t index_ = 0;
  bool left_ = false;
};

struct Waiting {
  WaitOptions options;
  std::size_t missing = 0;
  Future<> enough;
  std::vector<Watcher<Waiting>*> watchers;

  void collect_dependents(std::vector<FutureState*>& into) const { into.push_back(enough.state().get()); }
  void completed(const Ref<FutureState>& future) {
    --missing;
    const bool now = missing == 0 || options.return_when == ReturnWhen::first_completed ||
                     (options.return_when == ReturnWhen::first_exception && !future->cancelled() &&
                      future->take_exception() != nullptr);
    if (now && !enough.done()) enough.set_result();
  }
};

}  // namespace

std::vector<std::size_t> first_occurrences(const std::vector<FutureState*>& futures) {
  std::unordered_set<FutureState*> known;
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < futures.size(); ++i) {
    if (known.insert(futures[i]).second) indices.push_back(i);
  }
  return indices;
}

Coro<> wait_until(std::vector<Ref<FutureState>> futures, WaitOptions options) {
  auto waiting = std::make_shared<Waiting>();
  waiting->options = options;
  waiting->missing = futures.size();
  TimerHandle timer;
  if (options.timeout) {
    timer = get_running_loop().call_later(*options.timeout, [enough = waiting->enough] {
      if (!enough.done()) enough.set_result();
    });
  }
  for (const auto& future : futures) Watcher<Waiting>::watch(waiting, future);
  struct Leave {
    std::shared_ptr<Waiting> waiting;
    TimerHandle& timer;
    ~Leave() {
      timer.cancel();
      for (auto* watcher : std::exchange(waiting->watchers, {})) watcher->leave();
    }
  } const leave{waiting, timer};
  co_await waiting->enough;
}

// ---- as_completed ----

struct CompletionQueue::Core {
  std::deque<Ref<FutureState>> done;  // null: the time is up
  std::deque<Future<>> getters;
  std::vector<Watcher<Core>*> watchers;
  TimerHandle timer;

  void collect_dependents(std::vector<FutureState*>& into) const {
    for (const Future<>& getter : getters) into.push_back(getter.state().get());
  }
  void put(Ref<FutureState> future) {
    done.push_back(std::move(future));
    wake_next();
  }
  void wake_next() {
    while (!getters.empty()) {
      const Future<> getter = std::move(getters.front());
      getters.pop_front();
      if (getter.done()) continue;
      return getter.set_result();
    }
  }
  void completed(const Ref<FutureState>& future) {
    put(future);
    if (watchers.empty()) timer.cancel();
  }
  void time_is_up() {
    for (auto* watcher : std::exchange(watchers, {})) {
      watcher->leave();
      put(nullptr);
    }
  }
};

CompletionQueue::~CompletionQueue() {
  if (core_ == nullptr) return;
  core_->timer.cancel();
  for (auto* watcher : std::exchange(core_->watchers, {})) watcher->leave();
}

void CompletionQueue::watch(std::vector<Ref<FutureState>> futures, std::optional<Duration> timeout) {
  core_ = std::make_shared<Core>();
  left_ = futures.size();
  for (const auto& future : futures) Watcher<Core>::watch(core_, future);
  if (timeout && !futures.empty()) {
    core_->timer = get_running_loop().call_later(*timeout, [core = std::weak_ptr(core_)] {
      if (const auto alive = core.lock()) alive->time_is_up();
    });
  }
}

Coro<Ref<FutureState>> CompletionQueue::next() {
  if (left_ == 0) co_return nullptr;
  --left_;
  const auto core = core_;
  while (core->done.empty()) {
    const Future<> getter;
    core->getters.push_back(getter);
    std::exception_ptr error;
    try {
      co_await getter;
    } catch (...) {
      error = std::current_exception();
    }
    if (error) {
      ++left_;  // what it would have got is for the next call
      if (!getter.cancelled() && !core->done.empty()) core->wake_next();
      std::rethrow_exception(error);
    }
  }
  Ref<FutureState> future = std::move(core->done.front());
  core->done.pop_front();
  if (!future) throw TimeoutError("as_completed: timed out");
  co_return future;
}

}  // namespace tutti::detail
