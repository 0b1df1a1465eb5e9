// SPDX-License-Identifier: MIT
// What became of the requests.
#include "result.hpp"

#include <algorithm>
#include <utility>

namespace tutti::app {

namespace {

std::string note_of(const FetchResult& result) {
  if (!result.done) return "interrupted";
  return result.failure.any() ? result.failure.kind : std::to_string(result.status);
}

}  // namespace

std::size_t Outcome::succeeded() const noexcept {
  return static_cast<std::size_t>(std::count_if(results.begin(), results.end(), [](const auto& r) { return r.ok(); }));
}

std::size_t Outcome::failed() const noexcept { return results.size() - succeeded() - not_done(); }

std::size_t Outcome::not_done() const noexcept {
  return static_cast<std::size_t>(std::count_if(results.begin(), results.end(), [](const auto& r) { return !r.done; }));
}

std::uint64_t Outcome::bytes() const noexcept {
  std::uint64_t sum = 0;
  for (const FetchResult& result : results) sum += result.size;
  return sum;
}

Timeline Outcome::timeline(std::string title) const {
  std::vector<std::string> urls;
  urls.reserve(results.size());
  for (const FetchResult& result : results) urls.push_back(result.url);
  std::vector<std::string> labels = short_labels(urls);
  Timeline timeline{std::move(title), {}};
  for (std::size_t i = 0; i < results.size(); ++i) {
    timeline.rows.push_back({std::move(labels[i]), note_of(results[i]), results[i].ok(), results[i].spans});
  }
  return timeline;
}

}  // namespace tutti::app
