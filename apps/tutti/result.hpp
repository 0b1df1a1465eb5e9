// SPDX-License-Identifier: MIT
// What became of the requests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tutti/base/clock.hpp>

#include "timeline.hpp"

namespace tutti::app {

/// Why there is no whole answer.
struct Failure {
  std::string type;     ///< of the exception, without namespace: "ClientConnectorError"
  std::string message;  ///< "GET http://127.0.0.1:81/: connect 127.0.0.1:81: connection refused"
  std::string reason;   ///< the same without the request
  /// In a word: "timeout", "refused", "reset", "closed", "no host", "no HTTP", "bad body", "too large", "bad URL", "error".
  std::string kind;

  [[nodiscard]] bool any() const noexcept { return !type.empty(); }
};

struct FetchResult {
  std::string url;        ///< as it was given
  std::string final_url;  ///< behind the redirects; empty without an answer
  int status = 0;         ///< of the last answer; 0 if none came
  std::string reason;
  std::uint64_t size = 0;  ///< bytes of the body that came
  int attempts = 0;
  Duration began{};   ///< since the start of the whole
  Duration took{};    ///< all attempts and the pauses between them
  std::string file;   ///< where the body was saved; empty if it was not
  Failure failure{};  ///< of the last attempt
  bool done = false;  ///< false: the program was interrupted before
  std::vector<Span> spans;

  [[nodiscard]] bool ok() const noexcept { return done && !failure.any() && status < 400; }
};

/// All of one run, in the order in which the URLs were given.
struct Outcome {
  std::vector<FetchResult> results;
  Duration took{};
  std::size_t concurrency = 1;
  bool interrupted = false;

  [[nodiscard]] std::size_t succeeded() const noexcept;
  [[nodiscard]] std::size_t failed() const noexcept;
  [[nodiscard]] std::size_t not_done() const noexcept;
  [[nodiscard]] std::uint64_t bytes() const noexcept;
  [[nodiscard]] Timeline timeline(std::string title) const;
};

}  // namespace tutti::app
