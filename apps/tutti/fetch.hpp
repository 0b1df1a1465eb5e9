// SPDX-License-Identifier: MIT
// Many requests at once, each with its timeout, its retries and its record of what it waited for.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <tutti/base/clock.hpp>
#include <tutti/http/headers.hpp>
#include <tutti/task/coro.hpp>

#include "result.hpp"

namespace tutti::app {

struct FetchOptions {
  std::string method = "GET";
  http::Headers headers = {};
  std::size_t concurrency = 50;                           ///< requests at a time; 1: one after another
  Duration timeout = std::chrono::seconds(30);            ///< of each attempt
  int retries = 0;                                        ///< after connection errors, timeouts and answers from 500 on
  Duration retry_delay = std::chrono::milliseconds(200);  ///< before the first of them, twice as long before each next
  int max_redirects = 10;
  std::optional<std::uint64_t> max_size = {};  ///< of a body, in bytes
  std::string output = {};  ///< the directory for the bodies of what succeeds; empty: they are dropped
};

/// Fetches all `urls`, and calls `done` for each as it ends. What fails is a result too. *Cancellation*: ends what is under way,
/// and gives what was done until then. *Errors*: what `done` throws, as an `ExceptionGroup`.
[[nodiscard]] Coro<Outcome> fetch_all(std::vector<std::string> urls, FetchOptions options,
                                      std::function<void(const FetchResult&)> done = {});

/// What an exception means for a user.
[[nodiscard]] Failure explain(const std::exception_ptr& error);

}  // namespace tutti::app
