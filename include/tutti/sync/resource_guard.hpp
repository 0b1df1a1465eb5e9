// SPDX-License-Identifier: MIT
// ResourceGuard: says so when two tasks use at once what only one may.
#pragma once

#include <string>
#include <utility>

#include <tutti/sync/errors.hpp>
#include <tutti/sync/guard.hpp>

namespace tutti {

/// For resources that one task at a time may use, and where waiting for the other one would hide a mistake of the program: the second one gets
/// an error. *Concurrency*: not for threads. *Lifetime*: must outlive its holds. *Source*: anyio.ResourceGuard.
class ResourceGuard {
 public:
  /// `action` is for the error's text, such as "reading from the socket".
  explicit ResourceGuard(std::string action = "using this resource") : action_(std::move(action)) {}
  ResourceGuard(const ResourceGuard&) = delete;
  ResourceGuard& operator=(const ResourceGuard&) = delete;

  /// `const auto hold = guard.hold();` at the begin of the use. *Errors*: `BusyResourceError` if there is a hold already.
  Guard<ResourceGuard> hold() {
    if (held_) throw BusyResourceError("another task is already " + action_);
    held_ = true;
    return Guard<ResourceGuard>(*this);
  }
  /// What a hold does at its end.
  void release() noexcept { held_ = false; }
  [[nodiscard]] bool held() const noexcept { return held_; }

 private:
  std::string action_;
  bool held_ = false;
};

}  // namespace tutti
