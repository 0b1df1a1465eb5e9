// SPDX-License-Identifier: MIT
// A timeline drawn with characters.
#include "timeline_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "format.hpp"

namespace tutti::app {

namespace {

struct Marks {
  std::array<std::string_view, kPhases> phases;  // in the order of Phase
  std::array<std::string_view, 9> levels;        // nothing to full
  std::string_view corner, line, tick, rule;
};

constexpr Marks kUnicode{{"·", "▒", "░", "█", " "}, {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, "└", "─", "┴", "│"};
constexpr Marks kAscii{{".", "c", "-", "#", " "}, {" ", ".", ":", "-", "=", "+", "*", "%", "#"}, "+", "-", "+", "|"};

constexpr std::size_t kNoMark = kPhases;

/// The phase to draw in each of `width` cells.
std::vector<std::size_t> cells_of(const std::vector<Span>& spans, Duration end, std::size_t width) {
  std::vector<std::size_t> cells(width, kNoMark);
  const double cell = static_cast<double>(end.count()) / static_cast<double>(width);
  if (cell <= 0) return cells;
  std::vector<std::array<double, kPhases>> shares(width);
  for (const Span& span : spans) {
    const double begin = static_cast<double>(span.begin.count()) / cell;
    const double finish = static_cast<double>(span.end.count()) / cell;
    for (auto i = static_cast<std::size_t>(begin); i < width && static_cast<double>(i) < finish; ++i) {
      const auto place = static_cast<double>(i);
      shares[i][static_cast<std::size_t>(span.phase)] += std::min(finish, place + 1) - std::max(begin, place);
    }
  }
  bool active = false;
  double best = 0;
  std::pair<std::size_t, std::size_t> best_mark{0, kNoMark};  // cell and phase
  for (std::size_t i = 0; i < width; ++i) {
    const auto most = std::max_element(shares[i].begin(), shares[i].end());
    const auto phase = static_cast<std::size_t>(most - shares[i].begin());
    if (*most >= 0.4) {
      cells[i] = phase;
      active = active || is_active(static_cast<Phase>(phase));
    }
    for (std::size_t p = 0; p < kPhases; ++p) {
      if (is_active(static_cast<Phase>(p)) && shares[i][p] > best) {
        best = shares[i][p];
        best_mark = {i, p};
      }
    }
  }
  if (!active && best_mark.second != kNoMark) cells[best_mark.first] = best_mark.second;
  return cells;
}

class Drawing {
 public:
  Drawing(const Timeline& timeline, const TextStyle& style)
      : timeline_(timeline), style_(style), marks_(style.unicode ? kUnicode : kAscii), end_(timeline.end()) {
    shown_ = sample_rows(timeline.rows, std::max<std::size_t>(style.max_rows, 2));
    for (const std::size_t i : shown_) {
      label_width_ = std::max(label_width_, columns(printable(timeline.rows[i].label)));
      note_width_ = std::max(note_width_, columns(printable(timeline.rows[i].note)));
    }
    const std::size_t width = std::max<std::size_t>(style.width, 40);
    label_width_ = std::min(label_width_, width / 3);
    note_width_ = std::min(note_width_, width / 4);
    chart_width_ = width - label_width_ - note_width_ - 4;
  }

  std::string draw() {
    out_ += cut_end(printable(timeline_.title), style_.width, style_.unicode) + "\n";
    for (const std::size_t i : shown_) row(timeline_.rows[i]);
    axis();
    under_way();
    legend();
    return std::move(out_);
  }

 private:
  void line(std::string_view label, std::string_view rule, const std::string& chart, std::string_view note) {
    std::string text = pad_right(cut_begin(label, label_width_, style_.unicode), label_width_);
    text += " ";
    text += rule;
    text += chart;
    if (!note.empty()) {
      text += " ";
      text += cut_end(note, note_width_, style_.unicode);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out_ += text + "\n";
  }

  void row(const TimelineRow& row) {
    std::string chart;
    for (const std::size_t phase : cells_of(row.spans, end_, chart_width_)) {
      chart += phase == kNoMark ? " " : marks_.phases[phase];
    }
    chart += marks_.rule;
    line(printable(row.label), marks_.rule, chart, printable(row.note));
  }

  // Column 0 is the corner, so that a mark stands on the border between two cells.
  void axis() {
    const Ticks ticks = make_ticks(end_, std::max<std::size_t>(chart_width_ / 10, 2));
    std::vector<std::string_view> rule(chart_width_ + 1, marks_.line);
    std::string labels(chart_width_ + note_width_ + 1, ' ');
    std::size_t free_from = 0;
    for (std::size_t i = 0; i < ticks.positions.size(); ++i) {
      const double share =
          static_cast<double>(ticks.positions[i].count()) / std::max(1.0, static_cast<double>(end_.count()));
      const auto place =
          std::min(chart_width_, static_cast<std::size_t>(std::lround(share * static_cast<double>(chart_width_))));
      std::string label = ticks.labels[i];
      // "µ" has two bytes in one column.
      if (i == 0) label += " " + (ticks.unit == "µs" ? std::string("us") : ticks.unit);
      if (place < free_from || place + label.size() > labels.size()) continue;
      rule[place] = i == 0 ? marks_.corner : marks_.tick;
      labels.replace(place, label.size(), label);
      free_from = place + label.size() + 1;
    }
    std::string text;
    for (const std::string_view piece : rule) text += piece;
    line("", "", text, "");
    line("", "", labels, "");
  }

  void under_way() {
    const std::vector<double> counts = timeline_.under_way(chart_width_);
    const double most = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
    if (most <= 0) return;
    std::string text;
    for (const double count : counts) {
      const auto level = static_cast<std::size_t>(std::lround(count / most * 8));
      text += marks_.levels[count > 0 ? std::max<std::size_t>(level, 1) : 0];
    }
    line("at once", marks_.rule, text + std::string(marks_.rule), fmt::format("max {:.0f}", std::ceil(most - 0.01)));
  }

  void legend() {
    std::array<bool, kPhases> used{};
    for (const TimelineRow& row : timeline_.rows) {
      for (const Span& span : row.spans) used[static_cast<std::size_t>(span.phase)] = true;
    }
    std::string text;
    constexpr std::array<std::string_view, kPhases> names{"in the queue", "connecting", "waiting for the answer",
                                                          "receiving", "before the next attempt"};
    for (std::size_t i = 0; i < kPhases; ++i) {
      if (used[i] && static_cast<Phase>(i) != Phase::pause) text += fmt::format("{} {}   ", marks_.phases[i], names[i]);
    }
    if (shown_.size() < timeline_.rows.size()) {
      text += fmt::format("({} of {} rows)", shown_.size(), timeline_.rows.size());
    }
    line("", " ", text, "");
  }

  const Timeline& timeline_;
  const TextStyle& style_;
  const Marks& marks_;
  Duration end_;
  std::vector<std::size_t> shown_;
  std::size_t label_width_ = 8;
  std::size_t note_width_ = 6;
  std::size_t chart_width_ = 0;
  std::string out_;
};

}  // namespace

std::string draw_text(const Timeline& timeline, const TextStyle& style) { return Drawing(timeline, style).draw(); }

}  // namespace tutti::app
