// SPDX-License-Identifier: MIT
// A worker process.
#pragma once

namespace tutti::detail {

/// Makes the calls that come through `socket`, and sends what comes of them, until it is closed at the other end.
[[noreturn]] void run_worker(int socket) noexcept;

}  // namespace tutti::detail
