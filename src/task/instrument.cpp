// SPDX-License-Identifier: MIT
#include <tutti/task/instrument.hpp>

#include <algorithm>
#include <string>

#include <tutti/base/log.hpp>

#include "instruments.hpp"

namespace tutti {

Instrument::~Instrument() = default;
void Instrument::task_spawned(const AnyTask&) {}
void Instrument::before_task_step(const AnyTask&) {}
void Instrument::after_task_step(const AnyTask&) {}
void Instrument::task_exited(const AnyTask&) {}
void Instrument::before_io_wait(std::optional<Duration>) {}
void Instrument::after_io_wait() {}

namespace detail {

WatchedStep::~WatchedStep() {
  EventLoop& loop = task_->loop();
  if (loop.watcher() != nullptr) Instruments::of(loop).after_step(*task_);
  if (loop.watcher() != nullptr && task_->done()) Instruments::of(loop).exited(*task_);
}

void Instruments::add(std::shared_ptr<Instrument> instrument) {
  if (!instrument) throw ValueError("add_instrument: an instrument is required");
  if (std::find(all_.begin(), all_.end(), instrument) != all_.end()) {
    throw ValueError("add_instrument: it is installed already");
  }
  all_.push_back(std::move(instrument));
  // Only tasks with extras take the way through step_unusual, where the instruments are called.
  TaskRegistry::for_each(loop_, [](TaskState& task) { task.extras(); });
  loop_.set_watcher(this);
}

bool Instruments::remove(const Instrument& instrument) {
  const auto place = std::find_if(all_.begin(), all_.end(), [&](const auto& one) { return one.get() == &instrument; });
  if (place == all_.end()) return false;
  all_.erase(place);
  if (all_.empty()) loop_.set_watcher(nullptr);
  return true;
}

void Instruments::close(EventLoop&) noexcept {
  loop_.set_watcher(nullptr);
  all_.clear();
}

void Instruments::drop(const Instrument& instrument, const char* function, const std::exception_ptr& error) noexcept {
  try {
    remove(instrument);
    log(LogLevel::error, "task", std::string(function) + " of an instrument threw, it was removed: " + describe(error));
  } catch (...) {  // there is no memory for the message
  }
}

// They may add and remove some: if one goes, the next one has its place.
template <class Function, class... Args>
void Instruments::call_each(const char* name, Function function, const Args&... args) noexcept {
  const ContextScope scope(context_);  // no task's
  for (std::size_t i = 0; i < all_.size();) {
    const std::shared_ptr<Instrument> one = all_[i];
    try {
      ((*one).*function)(args...);
    } catch (...) {
      drop(*one, name, std::current_exception());
    }
    if (i < all_.size() && all_[i] == one) ++i;
  }
}

void Instruments::spawned(TaskState& task) noexcept {
  call_each("task_spawned", &Instrument::task_spawned, AnyTask(task));
}
void Instruments::before_step(TaskState& task) noexcept {
  call_each("before_task_step", &Instrument::before_task_step, AnyTask(task));
}
void Instruments::after_step(TaskState& task) noexcept {
  call_each("after_task_step", &Instrument::after_task_step, AnyTask(task));
}
void Instruments::exited(TaskState& task) noexcept {
  call_each("task_exited", &Instrument::task_exited, AnyTask(task));
}
void Instruments::before_io_wait(std::optional<Duration> limit) noexcept {
  call_each("before_io_wait", &Instrument::before_io_wait, limit);
}
void Instruments::after_io_wait() noexcept { call_each("after_io_wait", &Instrument::after_io_wait); }

}  // namespace detail

void add_instrument(std::shared_ptr<Instrument> instrument, EventLoop& loop) {
  loop.check("add_instrument");
  loop.service<detail::Instruments>().add(std::move(instrument));
}
void add_instrument(std::shared_ptr<Instrument> instrument) {
  add_instrument(std::move(instrument), get_running_loop());
}

bool remove_instrument(const Instrument& instrument, EventLoop& loop) {
  auto* const all = loop.find_service<detail::Instruments>();
  return all != nullptr && all->remove(instrument);
}
bool remove_instrument(const Instrument& instrument) { return remove_instrument(instrument, get_running_loop()); }

}  // namespace tutti
