// SPDX-License-Identifier: MIT
// Calls of what users gave to the loop: what they throw is reported, and in debug mode how long they took.
#pragma once

#include <exception>
#include <source_location>
#include <string>
#include <utility>

#include <tutti/base/error.hpp>
#include <tutti/loop/context.hpp>
#include <tutti/loop/event_loop.hpp>

#include "base/function_name.hpp"

namespace tutti::detail {

/// Calls `function`. What that throws goes to the loop's exception handler, with what `describe()` says about it; only
/// `KeyboardInterrupt` and `SystemExit` pass.
template <class Function, class Describe>
void call_reporting(EventLoop& loop, Function function, Describe describe) {
  try {
    function();
  } catch (...) {
    std::exception_ptr error = std::current_exception();
    if (leaves_loop(error)) throw;
    ExceptionContext context = describe();
    context.exception = std::move(error);
    loop.call_exception_handler(context);
  }
}

/// Calls a callback of the loop, in its context.
inline void call_back(EventLoop& loop, Callback& callback, Ref<ContextState>& context, std::source_location where) {
  const bool watched = loop.get_debug();
  const auto begin = watched ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
  {
    const ContextScope scope(context);
    call_reporting(
        loop, [&] { callback(); },
        [&] {
          return ExceptionContext{"exception in callback", nullptr,
                                  "callback " + readable_function_name(where.function_name()), where};
        });
  }
  if (watched) report_if_slow(loop, std::chrono::steady_clock::now() - begin, "callback", where);
}

}  // namespace tutti::detail
