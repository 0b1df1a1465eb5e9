// SPDX-License-Identifier: MIT
// How a program that was started again becomes a server instead of running its `main`.
#pragma once

namespace tutti::detail {

/// The life of a server.
[[noreturn]] void run_server();

}  // namespace tutti::detail
