// SPDX-License-Identifier: MIT
// The data of timelines: spans, marks on the axis, samples, labels.
#include "timeline.hpp"

#include <algorithm>
#include <chrono>

#include <gtest/gtest.h>

using namespace std::chrono_literals;
namespace app = tutti::app;
using app::Phase;

TEST(PhaseRecorder, TurnsChangesIntoSpans) {
  const tutti::TimePoint origin{100s};
  app::PhaseRecorder recorder(origin, Phase::queued);
  recorder.enter(Phase::wait, origin + 5ms);
  recorder.enter(Phase::connect, origin + 5ms);  // no time between: no span
  recorder.enter(Phase::wait, origin + 7ms);
  recorder.enter(Phase::wait, origin + 8ms);  // the same: one span
  recorder.enter(Phase::receive, origin + 9ms);
  recorder.finish(origin + 12ms);
  recorder.enter(Phase::wait, origin + 20ms);  // too late
  EXPECT_EQ(recorder.spans(), (std::vector<app::Span>{{Phase::queued, 0ms, 5ms},
                                                      {Phase::connect, 5ms, 7ms},
                                                      {Phase::wait, 7ms, 9ms},
                                                      {Phase::receive, 9ms, 12ms}}));
}

TEST(Timeline, CountsTheRequestsUnderWay) {
  app::Timeline timeline{"",
                         {{"a", "", true, {{Phase::queued, 0ms, 10ms}, {Phase::wait, 10ms, 40ms}}},
                          {"b", "", true, {{Phase::connect, 0ms, 15ms}, {Phase::pause, 15ms, 40ms}}}}};
  EXPECT_EQ(timeline.end(), 40ms);
  const std::vector<double> counts = timeline.under_way(4);
  ASSERT_EQ(counts.size(), 4U);
  EXPECT_DOUBLE_EQ(counts[0], 1);
  EXPECT_DOUBLE_EQ(counts[1], 1.5);
  EXPECT_DOUBLE_EQ(counts[2], 1);
  EXPECT_DOUBLE_EQ(counts[3], 1);
}

TEST(Timeline, WithoutRowsHasNoLength) {
  EXPECT_EQ(app::Timeline{}.end(), 0ms);
  EXPECT_EQ(app::Timeline{}.under_way(3), (std::vector<double>{0, 0, 0}));
}

TEST(Ticks, AreRoundNumbers) {
  app::Ticks ticks = app::make_ticks(1234ms, 6);
  EXPECT_EQ(ticks.unit, "ms");
  EXPECT_EQ(ticks.labels, (std::vector<std::string>{"0", "500", "1000"}));
  ticks = app::make_ticks(5s, 6);
  EXPECT_EQ(ticks.unit, "s");
  EXPECT_EQ(ticks.labels, (std::vector<std::string>{"0", "1", "2", "3", "4", "5"}));
  ticks = app::make_ticks(2500ms, 6);
  EXPECT_EQ(ticks.labels, (std::vector<std::string>{"0.0", "0.5", "1.0", "1.5", "2.0", "2.5"}));
  ticks = app::make_ticks(150us, 5);
  EXPECT_EQ(ticks.unit, "µs");
  EXPECT_EQ(ticks.labels, (std::vector<std::string>{"0", "50", "100", "150"}));
}

TEST(Ticks, OfNoTimeAreOne) { EXPECT_EQ(app::make_ticks(0ns, 5).labels, (std::vector<std::string>{"0"})); }

TEST(SampleRows, TakesAllThatFit) {
  EXPECT_EQ(app::sample_rows(std::vector<app::TimelineRow>(3), 3), (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_TRUE(app::sample_rows({}, 3).empty());
}

TEST(SampleRows, TakesFirstAndLastAndThoseThatFailed) {
  std::vector<app::TimelineRow> rows(100);
  rows[17].ok = false;
  rows[18].ok = false;
  const std::vector<std::size_t> chosen = app::sample_rows(rows, 10);
  EXPECT_EQ(chosen.size(), 10U);
  EXPECT_EQ(chosen.front(), 0U);
  EXPECT_EQ(chosen.back(), 99U);
  EXPECT_TRUE(std::count(chosen.begin(), chosen.end(), 17U) == 1 && std::count(chosen.begin(), chosen.end(), 18U) == 1);
  for (auto& row : rows) row.ok = false;
  EXPECT_EQ(app::sample_rows(rows, 10).size(), 10U);
}

TEST(ShortLabels, LeaveOutWhatIsTheSameForAll) {
  EXPECT_EQ(app::short_labels({"http://h:1/a", "http://h:1/b?x", "http://h:1"}),
            (std::vector<std::string>{"/a", "/b?x", "/"}));
  EXPECT_EQ(app::short_labels({"http://h/a", "https://i/a"}), (std::vector<std::string>{"h/a", "i/a"}));
  EXPECT_EQ(app::short_labels({"http://h/a"}), (std::vector<std::string>{"h/a"}));
  EXPECT_EQ(app::short_labels({"nonsense", "http://h/"}), (std::vector<std::string>{"nonsense", "h/"}));
}
