// SPDX-License-Identifier: MIT
// Where URLs come from.
#include "input.hpp"

#include <cerrno>
#include <fstream>
#include <iostream>

#include <tutti/base/error.hpp>

namespace tutti::app {

std::vector<std::string> parse_urls(std::istream& text) {
  constexpr std::string_view kSpace = " \t\r\f\v";
  std::vector<std::string> urls;
  for (std::string line; std::getline(text, line);) {
    const std::size_t begin = line.find_first_not_of(kSpace);
    if (begin == std::string::npos || line[begin] == '#') continue;
    urls.push_back(line.substr(begin, line.find_last_not_of(kSpace) - begin + 1));
  }
  return urls;
}

std::vector<std::string> read_urls(const std::string& file) {
  if (file == "-") return parse_urls(std::cin);
  errno = 0;
  std::ifstream stream(file);
  if (!stream) throw_os_error(errno != 0 ? errno : EIO, "open " + file);
  std::vector<std::string> urls = parse_urls(stream);
  if (stream.bad()) throw_os_error(errno != 0 ? errno : EIO, "read " + file);
  return urls;
}

}  // namespace tutti::app
