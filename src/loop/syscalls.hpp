// SPDX-License-Identifier: MIT
// Operations as system calls that never wait: what back ends do whose kernel only tells when to try.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>

#include <tutti/base/clock.hpp>
#include <tutti/loop/operation.hpp>

namespace tutti::detail {

using lowlevel::Opcode;
using lowlevel::Operation;

/// Bits that these functions keep in `Operation::backend.state`; a back end's own begin at `first_free_state_bit`.
inline constexpr std::uint32_t ask_before_call = 1;
inline constexpr std::uint32_t first_free_state_bit = 2;

/// First step, once for each operation: sees to it that no later call of it can block the loop, begins a connect, and makes
/// the call of what may not wait at all. What comes back is the result if that already ended the operation.
///
/// A blocking descriptor is made non-blocking (O_NONBLOCK) if it is a pipe or socket that is read, written, accepted
/// on or connected, **and stays so**, for whoever shares the open file. recv and send ask call by call (MSG_DONTWAIT)
/// and leave it alone. So do terminals and other devices, which parent and child processes share: they are asked by
/// poll(2) right before the call. Regular files are read and written as they are, and may wait for the disk.
[[nodiscard]] std::optional<int> prepare(Operation& operation) noexcept;

/// Tries the call: the result as the system call gives it (negative errno on failure), or nothing if it would have to
/// wait.
[[nodiscard]] std::optional<int> attempt(Operation& operation) noexcept;

/// Makes the call, as often as signals interrupt it. What works on sockets does not wait; what works on files and their
/// names does. From any thread.
[[nodiscard]] int call(const Operation& operation) noexcept;

/// The poll(2) events after which another attempt makes sense.
[[nodiscard]] short awaited_events(const Operation& operation) noexcept;

/// Whether EAGAIN means for this operation "later", and is no result: not if it asked for that (MSG_DONTWAIT).
[[nodiscard]] bool waits_on_eagain(const Operation& operation) noexcept;

/// A wait as the kernel takes it; null for no limit, zero for what is past. `storage` holds the value.
[[nodiscard]] timespec* to_timespec(std::optional<Duration> timeout, timespec& storage) noexcept;

}  // namespace tutti::detail
