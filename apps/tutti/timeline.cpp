// SPDX-License-Identifier: MIT
// Which request waited when: the data of the drawings.
#include "timeline.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace tutti::app {

Duration Timeline::end() const noexcept {
  Duration latest{};
  for (const TimelineRow& row : rows) {
    if (!row.spans.empty()) latest = std::max(latest, row.spans.back().end);
  }
  return latest;
}

std::vector<double> Timeline::under_way(std::size_t count) const {
  std::vector<double> result(count, 0.0);
  const double piece = static_cast<double>(end().count()) / static_cast<double>(count);
  if (count == 0 || piece <= 0) return result;
  for (const TimelineRow& row : rows) {
    for (const Span& span : row.spans) {
      if (!is_active(span.phase)) continue;
      const double begin = static_cast<double>(span.begin.count()) / piece;
      const double end = static_cast<double>(span.end.count()) / piece;
      for (auto i = static_cast<std::size_t>(begin); i < count && static_cast<double>(i) < end; ++i) {
        const auto cell = static_cast<double>(i);
        result[i] += std::min(end, cell + 1) - std::max(begin, cell);
      }
    }
  }
  return result;
}

void PhaseRecorder::enter(Phase phase, TimePoint now) {
  if (finished_) return;
  const Duration moment = now - origin_;
  if (moment > since_) {
    if (!spans_.empty() && spans_.back().phase == phase_) {
      spans_.back().end = moment;
    } else {
      spans_.push_back({phase_, since_, moment});
    }
  }
  since_ = moment;
  phase_ = phase;
}

void PhaseRecorder::finish(TimePoint now) {
  enter(phase_, now);
  finished_ = true;
}

Ticks make_ticks(Duration end, std::size_t count) {
  Ticks ticks;
  const double length = std::max(static_cast<double>(end.count()), 1.0);
  const double rough = length / static_cast<double>(std::max<std::size_t>(count, 1));
  const double decade = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * decade;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * decade >= rough * 0.999) step = factor * decade;
  }
  step = std::max(step, 1000.0);  // a microsecond
  const auto [unit, name] = length >= 2e9   ? std::pair{1e9, "s"}
                            : length >= 2e6 ? std::pair{1e6, "ms"}
                                            : std::pair{1e3, "µs"};
  ticks.unit = name;
  const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step / unit) + 1e-9)));
  for (double position = 0; position <= length * 1.0001; position += step) {
    ticks.positions.emplace_back(static_cast<Duration::rep>(std::llround(position)));
    ticks.labels.push_back(fmt::format("{:.{}f}", position / unit, decimals));
  }
  return ticks;
}

std::vector<std::size_t> sample_rows(const std::vector<TimelineRow>& rows, std::size_t limit) {
  std::vector<bool> chosen(rows.size(), rows.size() <= limit);
  std::size_t left = limit;
  if (rows.size() > limit) {
    for (std::size_t i = 0; i < rows.size() && left > limit / 2; ++i) {
      if (!rows[i].ok) {
        chosen[i] = true;
        --left;
      }
    }
    for (std::size_t i = 0; i < left; ++i) {
      // Evenly, and where one is taken already the next free one.
      std::size_t place = left == 1 ? 0 : i * (rows.size() - 1) / (left - 1);
      while (chosen[place]) place = (place + 1) % rows.size();
      chosen[place] = true;
    }
  }
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (chosen[i]) numbers.push_back(i);
  }
  return numbers;
}

std::vector<std::string> short_labels(const std::vector<std::string>& urls) {
  const auto rest = [](std::string_view url) {
    const std::size_t scheme = url.find("://");
    return scheme == std::string_view::npos ? url : url.substr(scheme + 3);
  };
  const auto host = [&](std::string_view url) { return rest(url).substr(0, rest(url).find_first_of("/?#")); };
  const bool one_host =
      std::all_of(urls.begin(), urls.end(), [&](const auto& url) { return host(url) == host(urls.front()); });
  std::vector<std::string> labels;
  for (const std::string& url : urls) {
    std::string_view label = rest(url);
    if (one_host && urls.size() > 1) label.remove_prefix(host(url).size());
    labels.emplace_back(label.empty() ? "/" : label);
  }
  return labels;
}

}  // namespace tutti::app
