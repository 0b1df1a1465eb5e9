// SPDX-License-Identifier: MIT
// A timeline as a picture.
#pragma once

#include <string>
#include <string_view>

#include "timeline.hpp"

namespace tutti::app {

/// A whole SVG document: title, a bar for each request, axes with labels, a curve of how many requests were under way, a legend.
/// The colours differ in brightness, so that they can be told apart in print. *Source*: SVG 1.1.
[[nodiscard]] std::string draw_svg(const Timeline& timeline);

/// `text` as it may stand in XML, in elements and in attributes: printable, and escaped.
[[nodiscard]] std::string escape_xml(std::string_view text);

}  // namespace tutti::app
