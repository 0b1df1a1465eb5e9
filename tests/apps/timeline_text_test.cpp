// SPDX-License-Identifier: MIT
// Timelines drawn with characters.
#include "timeline_text.hpp"

#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "format.hpp"

using namespace std::chrono_literals;
namespace app = tutti::app;
using app::Phase;

namespace {

app::Timeline two_requests() {
  return {"two requests",
          {{"/a", "200", true, {{Phase::connect, 0ms, 10ms}, {Phase::wait, 10ms, 40ms}, {Phase::receive, 40ms, 50ms}}},
           {"/b", "timeout", false, {{Phase::queued, 0ms, 50ms}, {Phase::wait, 50ms, 100ms}}}}};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST(TimelineText, DrawsEachRequestInItsTime) {
  EXPECT_EQ(app::draw_text(two_requests(), {.width = 59, .unicode = false}),
            "two requests\n"
            "/a       |cccc------------####                    | 200\n"
            "/b       |....................--------------------| timeout\n"
            "         +-------------------+-------------------+\n"
            "         0 ms                50                  100\n"
            "at once  |########################################| max 1\n"
            "          . in the queue   c connecting   - waiting for the answer   # receiving\n");
}

TEST(TimelineText, IsAsWideAsItIsToldToBe) {
  for (const std::size_t width : {60U, 80U, 100U, 140U}) {
    app::Timeline timeline = two_requests();
    timeline.rows[0].label = std::string(300, 'x');
    timeline.rows[1].note = std::string(300, 'y');
    for (std::string& line : lines_of(app::draw_text(timeline, {.width = width}))) {
      if (line.find("in the queue") == std::string::npos) {
        EXPECT_LE(app::columns(line), width) << line;
      }
    }
  }
}

TEST(TimelineText, SamplesWhatIsTooLong) {
  app::Timeline timeline{"many", {}};
  for (int i = 0; i < 1000; ++i)
    timeline.rows.push_back({"/" + std::to_string(i), "200", true, {{Phase::wait, i * 1ms, (i + 1) * 1ms}}});
  const std::string text = app::draw_text(timeline, {.max_rows = 20});
  EXPECT_EQ(lines_of(text).size(), 25U);
  EXPECT_NE(text.find("(20 of 1000 rows)"), std::string::npos);
}

TEST(TimelineText, MarksEvenTheShortestRequest) {
  app::Timeline timeline{
      "",
      {{"/long", "200", true, {{Phase::wait, 0s, 100s}}}, {"/short", "200", true, {{Phase::receive, 50s, 50s + 1us}}}}};
  const auto lines = lines_of(app::draw_text(timeline, {.unicode = false}));
  EXPECT_NE(lines[2].find('#'), std::string::npos) << lines[2];
}

TEST(TimelineText, OfNothingDoesNotFail) {
  EXPECT_FALSE(app::draw_text({}).empty());
  EXPECT_FALSE(app::draw_text({"x", {{"/a", "", false, {}}}}).empty());
}

TEST(TimelineText, PassesNoControlCharactersOn) {
  app::Timeline timeline = two_requests();
  timeline.rows[0].label = "\x1b[2J";
  timeline.title = "\x1b[2J";
  EXPECT_EQ(app::draw_text(timeline).find('\x1b'), std::string::npos);
}
