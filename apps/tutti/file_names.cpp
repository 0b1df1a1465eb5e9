// SPDX-License-Identifier: MIT
// Names of files for URLs.
#include "file_names.hpp"

#include <cstdint>

#include <fmt/format.h>

namespace tutti::app {

namespace {

constexpr std::size_t kLongest =
    200;  // file systems take 255; room for "-12345" and for the suffix of a temporary file

bool is_alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_safe(char c) noexcept {
  return is_alphanumeric(c) || std::string_view("-_.=+,@%~").find(c) != std::string_view::npos;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

/// FNV-1a: the same on each machine and in each run, which std::hash is not.
std::uint64_t fingerprint(std::string_view text) noexcept {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

std::string base_name(std::string_view url) {
  const std::string_view whole = url;
  if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find('#'));
  const std::size_t host_end = url.find_first_of("/?");
  // Not the user and password: file names are seen by many.
  const std::size_t at = url.substr(0, host_end).rfind('@');
  if (at != std::string_view::npos) url.remove_prefix(at + 1);

  std::string name;
  for (const char c : url) name += is_safe(c) ? c : '_';
  const std::string_view path = url.substr(0, url.find('?'));
  if (path.ends_with('/')) {
    name.insert(path.size(), "index");
  } else if (path.find('/') == std::string_view::npos) {
    name.insert(path.size(), "_index");
  }
  if (!is_alphanumeric(name[0]) && name[0] != '_') name.insert(0, "_");
  if (name.size() > kLongest) {
    // The end of a long name tells as much as its beginning, for one the type.
    const std::string mark = fmt::format("-{:016x}-", fingerprint(whole));
    const std::size_t half = (kLongest - mark.size()) / 2;
    name = name.substr(0, half) + mark + name.substr(name.size() - half);
  }
  return name;
}

}  // namespace

std::string FileNames::next(std::string_view url) {
  const std::string base = base_name(url);
  std::string name = base;
  for (std::size_t number = 2; !taken_.insert(lower(name)).second; ++number) name = fmt::format("{}-{}", base, number);
  return name;
}

}  // namespace tutti::app
