// SPDX-License-Identifier: MIT
// The one place where the library says something on its own: warnings that nobody asked for.
#pragma once

#include <string_view>

#include <tutti/base/function.hpp>

namespace tutti {

enum class LogLevel { debug, info, warning, error };

/// Takes what the library has to say; `category` is the layer that says it. May be called from any thread, one call at a time.
using LogSink = MoveOnlyFunction<void(LogLevel level, std::string_view category, std::string_view message)>;

/// Replaces the sink (by default: warnings and errors as lines on standard error). An empty one restores the default.
/// *Concurrency*: from any thread.
void set_log_sink(LogSink sink);

/// Says something through the sink. Never throws.
void log(LogLevel level, std::string_view category, std::string_view message) noexcept;

}  // namespace tutti
