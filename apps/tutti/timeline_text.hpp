// SPDX-License-Identifier: MIT
// A timeline drawn with characters.
#pragma once

#include <cstddef>
#include <string>

#include "timeline.hpp"

namespace tutti::app {

struct TextStyle {
  std::size_t width = 100;    ///< columns, at least 40
  std::size_t max_rows = 40;  ///< more requests than that are sampled
  bool unicode = true;        ///< else ASCII only
};

/// The title, a row for each request, an axis, how many requests were under way at once, and a legend; lines end with "\n".
/// In each cell stands what the request did for the longest part of that time; each request has at least one mark.
[[nodiscard]] std::string draw_text(const Timeline& timeline, const TextStyle& style = {});

}  // namespace tutti::app
