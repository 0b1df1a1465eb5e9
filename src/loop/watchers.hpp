// SPDX-License-Identifier: MIT
// What stands behind `add_reader` and its kin, for those who have claimed the descriptor.
#pragma once

#include <source_location>

#include <tutti/loop/event_loop.hpp>

namespace tutti::detail {

enum class Direction : unsigned char { reading, writing };

/// `EventLoop::add_reader` or `add_writer` for an open descriptor, whoever has it.
void add_watch(EventLoop& loop, int descriptor, Direction direction, Callback callback,
               std::source_location where = std::source_location::current());
/// False if there was none.
bool remove_watch(EventLoop& loop, int descriptor, Direction direction) noexcept;

}  // namespace tutti::detail
