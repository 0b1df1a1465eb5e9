// SPDX-License-Identifier: MIT
#include <tutti/loop/io_backend.hpp>

namespace tutti::lowlevel {

IoBackend::~IoBackend() = default;

void IoBackend::forget(int) noexcept {}

void IoBackend::submit(Operation& operation) {
  operation.backend_ = this;
  operation.backend = {nullptr, last_, 0};
  (last_ == nullptr ? first_ : last_->backend.next) = &operation;
  last_ = &operation;
  ++pending_;
  try {
    do_submit(operation);
  } catch (...) {
    remove(operation);
    throw;
  }
}

void IoBackend::cancel(Operation& operation) noexcept {
  if (operation.backend_ == this) do_cancel(operation);
}

int IoBackend::descriptor() { return -1; }
bool IoBackend::begin_outside_wait() noexcept { return false; }
void IoBackend::end_outside_wait() noexcept {}

void IoBackend::poll(std::optional<Duration> timeout, ReadyQueue& completed) { do_poll(timeout, completed); }

void IoBackend::remove(Operation& operation) noexcept {
  auto& links = operation.backend;
  (links.previous == nullptr ? first_ : links.previous->backend.next) = links.next;
  (links.next == nullptr ? last_ : links.next->backend.previous) = links.previous;
  --pending_;
  operation.backend_ = nullptr;
}

void IoBackend::deliver(Operation& operation, int result, ReadyQueue& completed) noexcept {
  remove(operation);
  operation.result = result;
  completed.push(operation);
}

void IoBackend::shutdown(ReadyQueue& completed) {
  for_each_in_flight([this](Operation& operation) { do_cancel(operation); });
  while (pending_ != 0) do_poll(std::nullopt, completed);
}

bool Operation::cancel(std::string_view) {
  if (backend_ == nullptr) return false;
  backend_->cancel(*this);
  return true;
}

}  // namespace tutti::lowlevel
