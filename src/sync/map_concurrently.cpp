// SPDX-License-Identifier: MIT
#include <tutti/sync/map_concurrently.hpp>

#include <limits>
#include <string>

#include <tutti/base/error.hpp>

namespace tutti::detail {

namespace {

std::ptrdiff_t permits(std::optional<std::size_t> limit, const char* name) {
  constexpr auto kMost = std::numeric_limits<std::ptrdiff_t>::max();
  if (!limit || *limit > static_cast<std::size_t>(kMost)) return kMost;
  if (*limit == 0) throw ValueError(std::string(name) + ": a limit of 0 would never call anything");
  return static_cast<std::ptrdiff_t>(*limit);
}

}  // namespace

MapRun::MapRun(std::optional<std::size_t> limit, const char* name) : slots(permits(limit, name)) {}

bool MapRun::is_reason_to_leave(const std::exception_ptr& error) noexcept {
  return leaves_loop(error) || (is_cancelled(error) && current.task->cancelling() != 0);
}

void MapRun::fail(std::exception_ptr error) {
  if (leaves_loop(error)) std::rethrow_exception(error);
  if (!error_) error_ = std::move(error);
  group_->cancel();
}

}  // namespace tutti::detail
