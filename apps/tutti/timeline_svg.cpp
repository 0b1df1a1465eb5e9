// SPDX-License-Identifier: MIT
// A timeline as a picture.
#include "timeline_svg.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "format.hpp"

namespace tutti::app {

namespace {

// From bright to dark: waiting is most of the picture and recedes, receiving stands out.
constexpr std::array<std::string_view, kPhases> kColours{"#b0b0b0", "#e08214", "#b3cde3", "#08519c", "none"};
constexpr std::array<std::string_view, kPhases> kNames{"in the queue", "connecting", "waiting for the answer",
                                                       "receiving", ""};
constexpr double kLeft = 210;  // of the chart
constexpr double kWidth = 700;
constexpr double kTop = 84;
constexpr double kNotes = 90;  // beside the chart
constexpr double kCurve = 70;  // the height of the curve below
constexpr std::size_t kMaxRows = 400;

class Picture {
 public:
  explicit Picture(const Timeline& timeline)
      : timeline_(timeline),
        end_(std::max(1.0, static_cast<double>(timeline.end().count()))),
        shown_(sample_rows(timeline.rows, kMaxRows)),
        row_(std::clamp(800.0 / static_cast<double>(std::max<std::size_t>(shown_.size(), 1)), 2.0, 16.0)),
        bottom_(kTop + row_ * static_cast<double>(shown_.size())) {}

  std::string draw() {
    const double height = bottom_ + 40 + kCurve + 60;
    const double width = kLeft + kWidth + kNotes;
    print(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} "
        "{1:.0f}\" "
        "font-family=\"'DejaVu Sans', Verdana, Arial, sans-serif\" font-size=\"12\">\n"
        "<title>{2}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        width, height, escape_xml(timeline_.title));
    text(kLeft, 28, "start", timeline_.title, " font-size=\"17\" font-weight=\"bold\"");
    legend();
    axes();
    for (std::size_t i = 0; i < shown_.size(); ++i) bars(timeline_.rows[shown_[i]], y_of(i));
    for (std::size_t i = 0; i < shown_.size(); i += every()) {
      const TimelineRow& row = timeline_.rows[shown_[i]];
      text(kLeft - 8, y_of(i) + row_ / 2 + 3.5, "end", cut_begin(printable(row.label), 30), " font-size=\"10\"");
    }
    notes(false);
    notes(true);
    curve(bottom_ + 40);
    out_ += "</svg>\n";
    return std::move(out_);
  }

 private:
  template <class... Args>
  void print(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  void text(double x, double y, std::string_view anchor, std::string_view content, std::string_view more = "") {
    print("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor, more, escape_xml(content));
  }

  [[nodiscard]] double x_of(Duration time) const { return kLeft + static_cast<double>(time.count()) / end_ * kWidth; }

  void legend() {
    double x = kLeft;
    for (std::size_t i = 0; i < kPhases; ++i) {
      if (kNames[i].empty()) continue;
      const bool queued = static_cast<Phase>(i) == Phase::queued;
      print("<rect x=\"{:.1f}\" y=\"{}\" width=\"18\" height=\"{}\" fill=\"{}\"/>\n", x, queued ? 49.5 : 45,
            queued ? 1 : 10, kColours[i]);
      text(x + 24, 54, "start", kNames[i]);
      x += 48 + 6.6 * static_cast<double>(kNames[i].size());
    }
    const auto failed = [](const TimelineRow& row) { return !row.ok; };
    if (std::any_of(timeline_.rows.begin(), timeline_.rows.end(), failed)) {
      cross(x + 9, 50);
      text(x + 24, 54, "start", "failed");
    }
  }

  void cross(double x, double y) {
    print("<path d=\"M{:.1f} {:.1f}m-3-3l6 6m0-6l-6 6\" stroke=\"black\" stroke-width=\"1.4\"/>\n", x, y);
  }

  void axes() {
    const Ticks ticks = make_ticks(Duration(static_cast<Duration::rep>(end_)), 8);
    const double lower = bottom_ + 40 + kCurve;
    for (std::size_t i = 0; i < ticks.positions.size(); ++i) {
      const double x = x_of(ticks.positions[i]);
      print("<path d=\"M{0:.1f} {1:.1f}V{2:.1f}M{0:.1f} {3:.1f}V{4:.1f}\" stroke=\"#dddddd\"/>\n", x, kTop, bottom_ + 4,
            bottom_ + 40, lower + 4);
      text(x, bottom_ + 18, "middle", ticks.labels[i]);
      text(x, lower + 18, "middle", ticks.labels[i]);
    }
    print("<path d=\"M{0:.1f} {1:.1f}V{2:.1f}H{3:.1f}\" fill=\"none\" stroke=\"black\"/>\n", kLeft, kTop, bottom_,
          kLeft + kWidth);
    text(kLeft + kWidth / 2, lower + 40, "middle", "time since the start (" + ticks.unit + ")");
    text(kLeft - 8, kTop - 8, "end",
         shown_.size() < timeline_.rows.size() ? fmt::format("{} of {} requests", shown_.size(), timeline_.rows.size())
                                               : "request");
    text(kLeft + kWidth + 8, kTop - 8, "start", "result");
  }

  void bars(const TimelineRow& row, double y) {
    const double bar = std::max(1.0, row_ * 0.75);
    print("<g><title>{}</title>\n", escape_xml(row.label + "  " + row.note));
    for (const Span& span : row.spans) {
      const double x = x_of(span.begin);
      const double width = static_cast<double>(span.length().count()) / end_ * kWidth;
      if (span.phase == Phase::queued) {
        print("<path d=\"M{:.2f} {:.2f}h{:.2f}\" stroke=\"{}\" stroke-width=\"0.4\"/>\n", x, y + row_ / 2, width,
              kColours[0]);
      } else if (span.phase != Phase::pause) {
        print("<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" fill=\"{}\"/>\n", x,
              y + (row_ - bar) / 2, std::max(width, 0.6), bar, kColours[static_cast<std::size_t>(span.phase)]);
      }
    }
    if (!row.ok && !row.spans.empty()) {
      cross(x_of(row.spans.back().end), y + row_ / 2);
    }
    out_ += "</g>\n";
  }

  /// How many rows stand between two labels, so that these do not touch.
  [[nodiscard]] std::size_t every() const { return static_cast<std::size_t>(std::ceil(11 / row_)); }
  [[nodiscard]] double y_of(std::size_t place) const { return kTop + row_ * static_cast<double>(place); }

  /// The results beside the rows: those of failed requests, which are the interesting ones, or those of the others, where
  /// there is room beside them.
  void notes(bool ok) {
    std::size_t free_from = 0;
    for (std::size_t i = 0; i < shown_.size(); i += ok ? every() : 1) {
      const TimelineRow& row = timeline_.rows[shown_[i]];
      if (row.ok != ok || i < free_from || (ok && failed_nearby(i))) continue;
      text(kLeft + kWidth + 8, y_of(i) + row_ / 2 + 3.5, "start", cut_end(printable(row.note), 14),
           ok ? " font-size=\"10\"" : " font-size=\"10\" font-weight=\"bold\"");
      free_from = i + every();
    }
  }

  [[nodiscard]] bool failed_nearby(std::size_t place) const {
    const std::size_t begin = place + 1 - std::min(place + 1, every());
    for (std::size_t i = begin; i < std::min(place + every(), shown_.size()); ++i) {
      if (!timeline_.rows[shown_[i]].ok) return true;
    }
    return false;
  }

  void curve(double top) {
    constexpr std::size_t kSteps = 350;
    const std::vector<double> counts = timeline_.under_way(kSteps);
    const double most = std::max(1.0, std::ceil(*std::max_element(counts.begin(), counts.end()) - 0.01));
    const double lower = top + kCurve;
    print("<path d=\"M{:.1f} {:.1f}", kLeft, lower);
    for (std::size_t i = 0; i < kSteps; ++i) {
      print("V{:.1f}H{:.1f}", lower - counts[i] / most * kCurve, kLeft + kWidth / kSteps * static_cast<double>(i + 1));
    }
    print("V{0:.1f}Z\" fill=\"#b3cde3\" stroke=\"#08519c\" stroke-width=\"0.8\"/>\n", lower);
    print("<path d=\"M{0:.1f} {1:.1f}V{2:.1f}H{3:.1f}\" fill=\"none\" stroke=\"black\"/>\n", kLeft, top, lower,
          kLeft + kWidth);
    text(kLeft - 8, top + 4, "end", fmt::format("{:.0f}", most));
    text(kLeft - 8, lower + 4, "end", "0");
    text(kLeft - 8, top + kCurve / 2 + 4, "end", "requests at once");
  }

  const Timeline& timeline_;
  double end_;
  std::vector<std::size_t> shown_;
  double row_;     // the height of a row
  double bottom_;  // of the rows
  std::string out_;
};

}  // namespace

std::string escape_xml(std::string_view text) {
  std::string escaped;
  for (const char c : printable(text)) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

std::string draw_svg(const Timeline& timeline) { return Picture(timeline).draw(); }

}  // namespace tutti::app
