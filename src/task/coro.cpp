// SPDX-License-Identifier: MIT
#include <tutti/task/coro.hpp>

#include <string>

#include <tutti/base/log.hpp>

#include "base/function_name.hpp"
#include "task/failure_trace.hpp"

namespace tutti::detail {

void PromiseBase::unhandled_exception() noexcept {
  std::exception_ptr error = std::current_exception();
  failure_trace.note(*this, error);
  current.fail(std::move(error));
}

void report_never_awaited(std::source_location where) noexcept {
  // While an exception unwinds, what was not reached is not a mistake.
  if (std::uncaught_exceptions() != 0) return;
  const ExceptionContext context{"coroutine was never awaited", nullptr, readable_function_name(where.function_name()),
                                 where};
  try {
    if (EventLoop* loop = find_running_loop()) {
      loop->call_exception_handler(context);
    } else {
      log(LogLevel::warning, "task", context.to_string());
    }
  } catch (...) {
    log(LogLevel::error, "task", "an exception handler threw while a coroutine was destroyed");
  }
}

void throw_awaited_twice() { throw RuntimeError("cannot reuse an already awaited coroutine"); }

}  // namespace tutti::detail
