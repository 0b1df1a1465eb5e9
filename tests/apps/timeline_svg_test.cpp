// SPDX-License-Identifier: MIT
// Timelines as pictures.
#include "timeline_svg.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

using namespace std::chrono_literals;
namespace app = tutti::app;
using app::Phase;

namespace {

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

/// Whether tags are closed in the order in which they were opened, and no "<" or "&" stands free.
bool is_well_formed(std::string_view xml) {
  std::vector<std::string_view> open;
  if (xml.starts_with("<?xml")) xml.remove_prefix(xml.find("?>") + 2);
  while (!xml.empty()) {
    if (xml[0] == '&') {
      const std::string_view name = xml.substr(0, xml.find(';') + 1);
      if (name != "&amp;" && name != "&lt;" && name != "&gt;" && name != "&quot;" && name != "&#39;") return false;
    }
    if (xml[0] != '<') {
      xml.remove_prefix(1);
      continue;
    }
    const std::string_view tag = xml.substr(1, xml.find('>') - 1);
    if (tag.find('<') != std::string_view::npos || count(std::string(tag), "\"") % 2 != 0) return false;
    const std::string_view name = tag.substr(0, tag.find(' '));
    if (name.starts_with('/')) {
      if (open.empty() || open.back() != name.substr(1)) return false;
      open.pop_back();
    } else if (!tag.ends_with('/')) {
      open.push_back(name);
    }
    xml.remove_prefix(tag.size() + 2);
  }
  return open.empty();
}

app::Timeline two_requests() {
  return {"two <requests> & \"more\"",
          {{"/a?x=1&y=<2>",
            "200",
            true,
            {{Phase::connect, 0ms, 10ms}, {Phase::wait, 10ms, 40ms}, {Phase::receive, 40ms, 50ms}}},
           {"/b\x1b\xff'", "timeout", false, {{Phase::queued, 0ms, 50ms}, {Phase::wait, 50ms, 100ms}}}}};
}

}  // namespace

TEST(TimelineSvg, IsWellFormedWhateverTheUrlsAre) {
  const std::string svg = app::draw_svg(two_requests());
  EXPECT_TRUE(is_well_formed(svg)) << svg;
  EXPECT_NE(svg.find("/a?x=1&amp;y=&lt;2&gt;"), std::string::npos);
  EXPECT_NE(svg.find("/b\uFFFD\uFFFD&#39;"), std::string::npos);
}

TEST(TimelineSvg, HasTitleAxesLabelsAndLegend) {
  const std::string svg = app::draw_svg(two_requests());
  for (const std::string_view part :
       {"<title>two &lt;requests&gt;", "time since the start (ms)", ">request<", ">result<", ">100<", ">connecting<",
        ">receiving<", ">failed<", ">timeout<", "requests at once"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
}

TEST(TimelineSvg, DrawsABarForEachPhase) {
  const std::string svg = app::draw_svg(two_requests());
  // Of the chart's 700 units from 210 on, 100 ms long.
  EXPECT_NE(svg.find("x=\"210.00\""), std::string::npos);
  EXPECT_NE(svg.find("x=\"280.00\""), std::string::npos);
  EXPECT_NE(svg.find("x=\"560.00\""), std::string::npos);
  EXPECT_EQ(count(svg, "<g>"), 2U);
}

TEST(TimelineSvg, SamplesThousandsOfRequests) {
  app::Timeline timeline{"many", {}};
  for (int i = 0; i < 3000; ++i) timeline.rows.push_back({"/", "200", true, {{Phase::wait, i * 1ms, (i + 1) * 1ms}}});
  const std::string svg = app::draw_svg(timeline);
  EXPECT_EQ(count(svg, "<g>"), 400U);
  EXPECT_NE(svg.find("400 of 3000 requests"), std::string::npos);
}

TEST(TimelineSvg, OfNothingIsWellFormed) {
  EXPECT_TRUE(is_well_formed(app::draw_svg({})));
  EXPECT_TRUE(is_well_formed(app::draw_svg({"x", {{"/a", "", false, {}}}})));
}
