// SPDX-License-Identifier: MIT
// Callbacks on descriptors: `add_reader` and its kin, on a back end that completes operations.
//
// A watch is a one-shot poll that is submitted again after each call, so it reports what is still there: level-triggered,
// once in an iteration, as asyncio's selectors do. A poll takes nothing from the descriptor; so a watch that is removed
// can be forgotten at once, and its descriptor closed, while the operation itself comes back an iteration later.
#include "watchers.hpp"

#include <array>
#include <cerrno>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>

#include <tutti/base/log.hpp>
#include <tutti/loop/operation.hpp>

#include "call.hpp"

namespace tutti {
namespace {

using detail::Direction;

class Watchers;

/// One callback. It deletes itself, once it was stopped and the back end has given it back.
class Watch final : public lowlevel::Operation {
 public:
  Watch(EventLoop& loop, int descriptor, Direction direction, Callback callback, std::source_location where)
      : loop_(loop),
        descriptor_(descriptor),
        direction_(direction),
        callback_(std::move(callback)),
        context_(detail::copy_current_context()),
        where_(where) {}

  /// *Errors*: what `submit` throws.
  void start() {
    prepare_poll(descriptor_, direction_ == Direction::reading ? POLLIN : POLLOUT);
    loop_.submit(*this);
    under_way_ = true;
  }

  /// It calls no more. Not to be used after this.
  void stop() noexcept {
    stopped_ = true;
    Operation::cancel({});
    if (!under_way_ && !calling_) delete this;
  }

  bool cancel(std::string_view) override { return false; }  // no task waits for it

  void run() override {
    under_way_ = false;
    if (stopped_) {
      delete this;
      return;
    }
    if (result < 0) return fail(make_os_error(-result, "watch descriptor " + std::to_string(descriptor_)));
    const Again again{*this};
    calling_ = true;
    detail::call_back(loop_, callback_, context_, where_);
  }

  void drop() noexcept override { delete this; }

 private:
  // After the callback, however it ends.
  struct Again {
    Watch& watch;
    ~Again() {
      watch.calling_ = false;
      if (watch.stopped_) {
        delete &watch;
        return;
      }
      try {
        watch.start();
      } catch (...) {
        watch.fail(std::current_exception());
      }
    }
  };

  ~Watch() = default;

  void fail(std::exception_ptr error) noexcept;

  EventLoop& loop_;
  int descriptor_;
  Direction direction_;
  bool under_way_ = false;  // submitted and not run yet
  bool calling_ = false;
  bool stopped_ = false;
  Callback callback_;
  detail::Ref<detail::ContextState> context_;
  std::source_location where_;
};

/// The watches of a loop.
class Watchers final : public lowlevel::Service {
 public:
  explicit Watchers(EventLoop& loop) : loop_(loop) {}

  void add(int descriptor, Direction direction, Callback&& callback, std::source_location where) {
    const auto index = static_cast<std::size_t>(descriptor);
    if (index >= watches_.size()) watches_.resize(index + 1);
    (void)remove(descriptor, direction);
    auto* const watch = new Watch(loop_, descriptor, direction, std::move(callback), where);
    try {
      watch->start();
    } catch (...) {
      watch->stop();
      throw;
    }
    at(index, direction) = watch;
  }

  bool remove(int descriptor, Direction direction) noexcept {
    const auto index = static_cast<std::size_t>(descriptor);
    if (index >= watches_.size()) return false;
    Watch* const watch = std::exchange(at(index, direction), nullptr);
    if (watch == nullptr) return false;
    watch->stop();
    loop_.backend().forget(descriptor);  // it may be closed now
    return true;
  }

  /// All of them, without their callbacks: the back end is about to give the operations back.
  void close(EventLoop&) noexcept override {
    for (std::size_t index = 0; index < watches_.size(); ++index) {
      for (const Direction direction : {Direction::reading, Direction::writing}) {
        if (Watch* const watch = std::exchange(at(index, direction), nullptr)) watch->stop();
      }
    }
  }

 private:
  Watch*& at(std::size_t index, Direction direction) noexcept {
    return watches_[index][static_cast<std::size_t>(direction)];
  }

  EventLoop& loop_;
  std::vector<std::array<Watch*, 2>> watches_;  // by descriptor
};

/// It cannot go on. (The descriptor was closed, most likely.)
void Watch::fail(std::exception_ptr error) noexcept {
  const char* const name = direction_ == Direction::reading ? "add_reader" : "add_writer";
  calling_ = true;  // the handler may remove it
  try {
    loop_.call_exception_handler({std::string("a descriptor is watched no more: ") + name, std::move(error),
                                  "descriptor " + std::to_string(descriptor_), where_});
  } catch (...) {
    log(LogLevel::error, "loop", "a handler's request to leave the loop was ignored");
  }
  calling_ = false;
  if (stopped_) {
    delete this;
  } else {
    (void)loop_.service<Watchers>().remove(descriptor_, direction_);
  }
}

void refuse_claimed(const EventLoop& loop, int descriptor, const char* operation) {
  if (!loop.is_claimed(descriptor)) return;
  throw RuntimeError(std::string(operation) + ": descriptor " + std::to_string(descriptor) + " is used by a transport");
}

void add(EventLoop& loop, int descriptor, Direction direction, Callback&& callback, std::source_location where,
         const char* operation) {
  loop.check(operation);
  if (::fcntl(descriptor, F_GETFD) < 0) throw_os_error(errno, operation + (" " + std::to_string(descriptor)));
  refuse_claimed(loop, descriptor, operation);
  detail::add_watch(loop, descriptor, direction, std::move(callback), where);
}

bool remove(EventLoop& loop, int descriptor, Direction direction, const char* operation) {
  if (loop.is_closed()) return false;
  loop.check(operation);
  refuse_claimed(loop, descriptor, operation);
  return detail::remove_watch(loop, descriptor, direction);
}

}  // namespace

namespace detail {

void add_watch(EventLoop& loop, int descriptor, Direction direction, Callback callback, std::source_location where) {
  loop.service<Watchers>().add(descriptor, direction, std::move(callback), where);
}

bool remove_watch(EventLoop& loop, int descriptor, Direction direction) noexcept {
  auto* const watchers = loop.find_service<Watchers>();
  return watchers != nullptr && watchers->remove(descriptor, direction);
}

}  // namespace detail

void EventLoop::add_reader(int descriptor, Callback callback, std::source_location where) {
  add(*this, descriptor, Direction::reading, std::move(callback), where, "add_reader");
}
void EventLoop::add_writer(int descriptor, Callback callback, std::source_location where) {
  add(*this, descriptor, Direction::writing, std::move(callback), where, "add_writer");
}
bool EventLoop::remove_reader(int descriptor) { return remove(*this, descriptor, Direction::reading, "remove_reader"); }
bool EventLoop::remove_writer(int descriptor) { return remove(*this, descriptor, Direction::writing, "remove_writer"); }

void EventLoop::claim_descriptor(int descriptor) {
  const auto index = static_cast<std::size_t>(descriptor);
  if (index >= claimed_.size()) claimed_.resize(index + 1);
  claimed_[index] = true;
}
void EventLoop::release_descriptor(int descriptor) noexcept {
  const auto index = static_cast<std::size_t>(descriptor);
  if (index < claimed_.size()) claimed_[index] = false;
  if (backend_) backend_->forget(descriptor);
}

}  // namespace tutti
