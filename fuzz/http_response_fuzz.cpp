// SPDX-License-Identifier: MIT
// The first byte chooses the limits, the method of the request and how many of the next bytes tell where to cut; the rest is
// what a server sends.
#include "http_fuzz.hpp"

using namespace tutti::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t cuts = std::min<std::size_t>(data[0] & 7, size - 1);
  const auto limits = (data[0] & 8) != 0 ? fuzz::small_limits() : ParserLimits{};
  constexpr std::string_view kMethods[] = {Method::get, Method::head, Method::connect, Method::post};
  const auto method = kMethods[(data[0] >> 4) & 3];
  const auto result = fuzz::read_all_ways<ResponseHead>([&] { return ResponseParser(method, limits); },
                                                        input.substr(1 + cuts), input.substr(1, cuts));
  for (const auto& message : result.messages) {
    fuzz::check(message.head.status == 101 || message.head.status >= 200, "1xx responses are skipped");
    const std::string head = serialize(message.head);
    fuzz::check(head.find("\r\n\r\n") == head.size() - 4, "a head that was read ends once when it is written");
  }
  return 0;
}
