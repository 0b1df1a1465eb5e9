// SPDX-License-Identifier: MIT
// Many requests at once, each with its timeout, its retries and its record of what it waited for.
#include "fetch.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include <tutti/http.hpp>
#include <tutti/tutti.hpp>

#include "file_names.hpp"
#include "save.hpp"

namespace tutti::app {

namespace {

constexpr Duration kLongestPause = std::chrono::seconds(10);

/// The request that a connection is made for: the session makes it in the task of the request.
ContextVar<PhaseRecorder*> current_recorder("current_recorder", nullptr);

TimePoint now() { return get_running_loop().time(); }

Coro<Streams> connect(std::string host, std::uint16_t port) {
  PhaseRecorder* recorder = current_recorder.get();
  if (recorder != nullptr) recorder->enter(Phase::connect, now());
  Streams streams = co_await open_connection(std::move(host), port);
  if (recorder != nullptr) recorder->enter(Phase::wait, now());
  co_return streams;
}

http::ClientSession make_session(const FetchOptions& options) {
  return http::ClientSession({
      .headers = options.headers,
      .timeout =
          {.total = options.timeout, .connect = std::nullopt, .sock_connect = std::nullopt, .sock_read = std::nullopt},
      .connector = {.limit = options.concurrency},
      .max_redirects = options.max_redirects,
      .max_body_size = options.max_size,
      .open_connection = connect,
  });
}

bool is_worth_a_retry(const std::exception_ptr& error, const FetchResult& result) {
  if (!error) return result.status >= 500;
  // A body that ended too early is a connection that broke; one that is too large will be so again.
  if (holds<http::ClientPayloadError>(error)) return !holds<http::PayloadTooLargeError>(error);
  return holds<http::ClientConnectionError>(error);
}

class Fetcher {
 public:
  Fetcher(std::vector<std::string> urls, FetchOptions options, std::function<void(const FetchResult&)> done)
      : options_(std::move(options)), done_(std::move(done)), session_(make_session(options_)), results_(urls.size()) {
    for (std::size_t i = 0; i < urls.size(); ++i) {
      // Before anything is fetched, so that the names do not depend on who is faster.
      if (!options_.output.empty()) names_.push_back(file_names_.next(urls[i]));
      results_[i].url = std::move(urls[i]);
    }
  }

  Coro<Outcome> run() {
    start_ = now();
    const std::size_t workers = std::min(std::max<std::size_t>(options_.concurrency, 1), results_.size());
    bool interrupted = false;
    try {
      co_await task_group([&](TaskGroup& group) -> Coro<> {
        for (std::size_t i = 0; i < workers; ++i) group.create_task(work());
        co_return;
      });
    } catch (const CancelledError&) {
      interrupted = true;
    }
    const Duration took = now() - start_;
    co_await session_.close();
    co_return Outcome{std::move(results_), took, options_.concurrency, interrupted};
  }

 private:
  /// Takes one URL after another.
  Coro<> work() {
    while (next_ < results_.size()) {
      const std::size_t number = next_++;
      FetchResult& result = results_[number];
      PhaseRecorder recorder(start_, Phase::queued);
      result.began = now() - start_;
      std::exception_ptr cancelled;
      try {
        co_await fetch(number, result, recorder);
      } catch (...) {
        cancelled = std::current_exception();
      }
      recorder.finish(now());
      result.took = now() - start_ - result.began;
      result.spans = recorder.spans();
      if (cancelled) std::rethrow_exception(cancelled);
      result.done = true;
      if (done_) done_(result);
    }
  }

  Coro<> fetch(std::size_t number, FetchResult& result, PhaseRecorder& recorder) {
    Duration pause = options_.retry_delay;
    for (;;) {
      recorder.enter(Phase::wait, now());
      std::exception_ptr error;
      try {
        co_await attempt(number, result, recorder);
      } catch (const std::exception&) {
        error = std::current_exception();
      }
      result.failure = error ? explain(error) : Failure();
      if (result.attempts > options_.retries || !is_worth_a_retry(error, result)) co_return;
      recorder.enter(Phase::pause, now());
      co_await sleep(pause);
      pause = std::min(pause * 2, kLongestPause);
    }
  }

  Coro<> attempt(std::size_t number, FetchResult& result, PhaseRecorder& recorder) {
    ++result.attempts;
    result.status = 0;
    result.size = 0;
    current_recorder.set(&recorder);
    const http::ClientResponse response =
        co_await session_.request(options_.method, result.url, {.allow_redirects = true});
    recorder.enter(Phase::receive, now());
    result.status = response.status();
    result.reason = response.reason();
    result.final_url = response.url().to_string();
    std::unique_ptr<SavedFile> file;
    if (!options_.output.empty() && response.ok()) file = std::make_unique<SavedFile>(options_.output, names_[number]);
    while (auto piece = co_await response.content().next()) {
      result.size += piece->size();
      if (file) co_await file->write(std::move(*piece));
    }
    if (!file) co_return;
    co_await file->commit();
    result.file = file->path();
  }

  FetchOptions options_;
  std::function<void(const FetchResult&)> done_;
  http::ClientSession session_;
  FileNames file_names_;
  std::vector<std::string> names_;
  std::vector<FetchResult> results_;
  std::size_t next_ = 0;
  TimePoint start_;
};

std::string kind_of(const std::exception_ptr& error) {
  if (holds<TimeoutError>(error)) return "timeout";
  if (holds<http::ClientConnectorDNSError>(error)) return "no host";
  if (holds<http::PayloadTooLargeError>(error)) return "too large";
  if (holds<http::ClientPayloadError>(error)) return "bad body";
  if (holds<http::InvalidUrlError>(error)) return "bad URL";
  if (holds<http::InvalidResponseError>(error)) return "no HTTP";
  if (holds<http::ServerDisconnectedError>(error)) return "closed";
  try {
    std::rethrow_exception(error);
  } catch (const OSError& os_error) {
    if (os_error.error_number() == ECONNREFUSED) return "refused";
    if (os_error.error_number() == ECONNRESET || os_error.error_number() == EPIPE) return "reset";
  } catch (...) {
    return "error";
  }
  return "error";
}

}  // namespace

Failure explain(const std::exception_ptr& error) {
  Failure failure;
  const std::string text = describe(error);
  const std::size_t colon = text.find(": ");
  failure.type = text.substr(0, colon);
  failure.type.erase(0, failure.type.rfind(':') + 1);  // npos + 1 is 0: without a namespace all of it
  if (colon != std::string::npos) failure.message = text.substr(colon + 2);
  failure.reason = failure.message;
  failure.kind = kind_of(error);
  try {
    std::rethrow_exception(error);
  } catch (const http::ClientError& client_error) {
    const std::string request = http::error_text(client_error.request_info(), "");
    if (failure.reason.starts_with(request)) failure.reason.erase(0, request.size());
  } catch (...) {
    return failure;
  }
  return failure;
}

Coro<Outcome> fetch_all(std::vector<std::string> urls, FetchOptions options,
                        std::function<void(const FetchResult&)> done) {
  Fetcher fetcher(std::move(urls), std::move(options), std::move(done));
  co_return co_await fetcher.run();
}

}  // namespace tutti::app
