// SPDX-License-Identifier: MIT
// The input is a URL, or two of them with a line end between: a base and a reference.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <tutti/http/parser.hpp>
#include <tutti/http/serializer.hpp>
#include <tutti/http/url.hpp>

using namespace tutti::http;

namespace {

void check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

/// What must hold for each URL that is accepted.
void check_url(const Url& url) {
  check(Url(url.str()) == url, "a URL written and read again is the same");
  check(!url.host().empty() && url.port() != 0, "it has a host and a port");
  check(url.same_origin(url.origin()), "its origin is its own");
  check(url.to_string().find('@') == std::string::npos || url.request_target().find('@') != std::string::npos,
        "logs do not show the user");
  check(Url(url.to_string()).request_target() == url.request_target(), "logs show the path and the query");
  check(url.resolve("").str() == url.str().substr(0, url.str().find('#')), "the empty reference is the page itself");
  check(url.extend_query({{"a b", "&="}}).query_parameters().back() == std::pair<std::string, std::string>("a b", "&="),
        "a parameter that is added comes back");

  RequestParser parser;
  std::string body;
  const auto request = serialize(RequestHead{.target = url.request_target(), .headers = {{"Host", url.host_header()}}});
  if (request.size() > 8 * 1024) return;
  check(parser.feed(request, body) == request.size() && parser.complete(), "our server reads what our client sends");
  check(parser.head().target == url.request_target(), "and reads the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto end = input.find('\n');
  try {
    const Url base(input.substr(0, end));
    check_url(base);
    if (end == std::string_view::npos) return 0;
    check_url(base.resolve(input.substr(end + 1)));
  } catch (const InvalidUrlError& error) {
    check(!error.reason().empty(), "an error has a reason");
  }
  return 0;
}
