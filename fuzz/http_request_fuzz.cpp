// SPDX-License-Identifier: MIT
// The first byte chooses the limits and how many of the next bytes tell where to cut; the rest is what a client sends.
#include "http_fuzz.hpp"

using namespace tutti::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t cuts = std::min<std::size_t>(data[0] & 7, size - 1);
  const auto limits = (data[0] & 8) != 0 ? fuzz::small_limits() : ParserLimits{};
  const auto result = fuzz::read_all_ways<RequestHead>([&] { return RequestParser(limits); }, input.substr(1 + cuts),
                                                       input.substr(1, cuts));
  for (const auto& message : result.messages) {
    if (!message.complete) continue;
    const bool chunked = message.head.headers.contains("Transfer-Encoding");
    std::string again = serialize(message.head);
    if (chunked) {
      append_chunk(message.body, again);
      append_last_chunk(again, message.trailers);
    } else {
      again += message.body;
    }
    const auto second = fuzz::read<RequestHead>(RequestParser(), again, [&] { return again.size(); });
    fuzz::check(second.messages.size() == 1 && second.messages[0] == message,
                "what is read can be written and read again");
  }
  return 0;
}
