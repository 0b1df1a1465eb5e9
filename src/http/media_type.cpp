// SPDX-License-Identifier: MIT
#include "media_type.hpp"

#include <string_view>

namespace tutti::http::detail {

std::string media_type(const Headers& headers) {
  std::string_view field = headers.get("Content-Type", "");
  field = field.substr(0, field.find(';'));
  while (!field.empty() && (field.back() == ' ' || field.back() == '\t')) field.remove_suffix(1);
  if (field.empty()) return "application/octet-stream";
  std::string type(field);
  for (char& c : type) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return type;
}

}  // namespace tutti::http::detail
