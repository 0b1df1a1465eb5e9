// SPDX-License-Identifier: MIT
// Names of files for URLs.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

namespace tutti::app {

/// Gives each URL a file name of its own, which depends only on the URL and those before it.
///
/// A name has only ASCII letters, digits and "-_.=+,@%~", at most 200 bytes, and begins with a letter, a digit or "_". So it is no path,
/// no option, and nothing hidden. Names differ even where case does not count; the second of two alike gets "-2".
class FileNames {
 public:
  /// "http://example.com/a/b.html?x=1" -> "example.com_a_b.html_x=1"; a path that ends in "/" -> "…_index".
  [[nodiscard]] std::string next(std::string_view url);

 private:
  std::unordered_set<std::string> taken_;  // in lower case
};

}  // namespace tutti::app
