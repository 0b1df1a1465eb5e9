// SPDX-License-Identifier: MIT
// A transport that its user does not have yet.
#pragma once

#include <tutti/net/transports.hpp>

namespace tutti::detail {

/// Closes `transport` unless it was taken: who waits for it may be cancelled.
class ClosedUnlessTaken {
 public:
  explicit ClosedUnlessTaken(BaseTransport& transport) noexcept : transport_(&transport) {}
  ClosedUnlessTaken(const ClosedUnlessTaken&) = delete;
  ClosedUnlessTaken& operator=(const ClosedUnlessTaken&) = delete;
  ~ClosedUnlessTaken() {
    if (transport_ != nullptr) transport_->close();
  }
  void take() noexcept { transport_ = nullptr; }

 private:
  BaseTransport* transport_;
};

}  // namespace tutti::detail
