// SPDX-License-Identifier: MIT
// Where URLs come from.
#pragma once

#include <istream>
#include <string>
#include <string_view>
#include <vector>

namespace tutti::app {

/// The URLs in a text: one a line, without the white space around; empty lines and those that begin with "#" are comments.
[[nodiscard]] std::vector<std::string> parse_urls(std::istream& text);

/// The same from a file; "-" is standard input. *Errors*: `OSError` that names the file.
[[nodiscard]] std::vector<std::string> read_urls(const std::string& file);

}  // namespace tutti::app
