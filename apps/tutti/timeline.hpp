// SPDX-License-Identifier: MIT
// Which request waited when: the data of the drawings.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <tutti/base/clock.hpp>

namespace tutti::app {

/// What a request waits for.
enum class Phase : unsigned char {
  queued,   ///< its turn
  connect,  ///< a connection
  wait,     ///< the answer
  receive,  ///< the rest of the body
  pause,    ///< the next attempt
};
inline constexpr std::size_t kPhases = 5;

/// Whether something is going on: not in the queue, not between two attempts.
[[nodiscard]] constexpr bool is_active(Phase phase) noexcept { return phase != Phase::queued && phase != Phase::pause; }

/// Times since the beginning of the whole.
struct Span {
  Phase phase;
  Duration begin;
  Duration end;

  [[nodiscard]] Duration length() const noexcept { return end - begin; }
  friend bool operator==(const Span&, const Span&) = default;
};

struct TimelineRow {
  std::string label;
  std::string note;  ///< how it ended, in a word: "200", "timeout"
  bool ok = true;
  std::vector<Span> spans;  ///< one after the other
};

struct Timeline {
  std::string title;
  std::vector<TimelineRow> rows;

  /// When the last one ended.
  [[nodiscard]] Duration end() const noexcept;
  /// How many requests are active, on average, in each of `count` equal pieces of the time up to `end`.
  [[nodiscard]] std::vector<double> under_way(std::size_t count) const;
};

/// Turns changes of the phase into spans.
class PhaseRecorder {
 public:
  PhaseRecorder(TimePoint origin, Phase phase) noexcept : origin_(origin), phase_(phase) {}

  /// What went on until `now` ends; from now on it is `phase`.
  void enter(Phase phase, TimePoint now);
  /// It has ended; nothing is recorded any more.
  void finish(TimePoint now);
  [[nodiscard]] const std::vector<Span>& spans() const noexcept { return spans_; }

 private:
  TimePoint origin_;
  Duration since_{};
  Phase phase_;
  bool finished_ = false;
  std::vector<Span> spans_;
};

/// Marks on an axis from 0 to `end`: round numbers, about `count` of them.
struct Ticks {
  std::vector<Duration> positions;
  std::vector<std::string> labels;  ///< without the unit
  std::string unit;                 ///< "ms", "s", "µs"
};
[[nodiscard]] Ticks make_ticks(Duration end, std::size_t count);

/// At most `limit` of `rows`' numbers, evenly chosen, first and last among them; failed rows are chosen first.
[[nodiscard]] std::vector<std::size_t> sample_rows(const std::vector<TimelineRow>& rows, std::size_t limit);

/// Short names for URLs: without the scheme, and without the host if it is the same for all.
[[nodiscard]] std::vector<std::string> short_labels(const std::vector<std::string>& urls);

}  // namespace tutti::app
