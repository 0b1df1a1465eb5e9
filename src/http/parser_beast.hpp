// SPDX-License-Identifier: MIT
// Boost.Beast's parser, made to speak our language. Only message_parser.hpp includes this: no other file knows Beast.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/version.hpp>

#include "field_text.hpp"
#include "parser_policy.hpp"

namespace tutti::http::detail {

namespace beast = boost::beast;
namespace beast_http = boost::beast::http;

inline std::string_view view(beast::string_view text) noexcept { return {text.data(), text.size()}; }

/// What Beast did not like. Most of it was looked for before, with a better text.
inline Refusal explain(const beast::error_code& code) {
  using Kind = ParserErrorKind;
  using Error = beast_http::error;
  if (code == Error::bad_content_length || code == Error::multiple_content_length ||
      code == Error::bad_transfer_encoding) {
    return {Kind::framing, "wrong or contradictory Content-Length or Transfer-Encoding"};
  }
  if (code == Error::bad_chunk) return {Kind::chunk, "wrong size of a chunk"};
  if (code == Error::bad_chunk_extension) return {Kind::chunk, "wrong chunk extension"};
  if (code == Error::bad_value) return {Kind::field, "a Connection field that is not a list of options"};
  return {Kind::field, code.message()};
}

/// Beast's parser with our ears: each event goes to where the message is put together.
template <class Head>
class BeastParser : public beast_http::basic_parser<std::is_same_v<Head, RequestHead>> {
  using Base = beast_http::basic_parser<std::is_same_v<Head, RequestHead>>;

 public:
  BeastParser(Head& head, Headers& trailers) : head_(head), trailers_(trailers) {
    this->header_limit(std::numeric_limits<std::uint32_t>::max());  // the limits were applied before
    this->body_limit(boost::none);
  }

  /// Gives Beast bytes; says how many it took. `more` tells whether it wants these again with others behind them.
  std::size_t put(BytesView data, bool& more) {
    beast::error_code error;
    const auto taken = Base::put(boost::asio::const_buffer(data.data(), data.size()), error);
    more = error == beast_http::error::need_more;
    if (error && !more) throw explain(error);
    return taken;
  }
  void put_eof() {
    beast::error_code error;
    Base::put_eof(error);
    if (error) throw explain(error);
  }

  std::string* body = nullptr;   ///< where body bytes go
  std::uint64_t chunk_size = 0;  ///< of the last chunk line

 private:
  void on_request_impl(beast_http::verb, beast::string_view method, beast::string_view target, int version,
                       beast::error_code&) override {
    if constexpr (Base::is_request::value) {
      head_.method = view(method);
      head_.target = view(target);
      head_.version = version == 10 ? Version::http10 : Version::http11;
    }
  }
  void on_response_impl(int code, beast::string_view reason, int version, beast::error_code&) override {
    if constexpr (!Base::is_request::value) {
      head_.status = code;
      head_.reason = view(reason);
      head_.version = version == 10 ? Version::http10 : Version::http11;
    }
  }
  void on_field_impl(beast_http::field, beast::string_view name, beast::string_view value,
                     beast::error_code&) override {
    if (in_trailer_) {
      add_trailer(view(name), view(value));
    } else {
      FieldText::add(head_.headers, view(name), view(value));
    }
  }
#if BOOST_VERSION >= 109000
  void on_trailer_field_impl(beast_http::field, beast::string_view name, beast::string_view value,
                             beast::error_code&) override {
    add_trailer(view(name), view(value));
  }
#endif
  void on_header_impl(beast::error_code&) override { in_trailer_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view data, beast::error_code&) override {
    body->append(data.data(), data.size());
    return data.size();
  }
  void on_chunk_header_impl(std::uint64_t size, beast::string_view, beast::error_code&) override { chunk_size = size; }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view data, beast::error_code&) override {
    body->append(data.data(), data.size());
    return data.size();
  }
  void on_finish_impl(beast::error_code&) override {}

  void add_trailer(std::string_view name, std::string_view value) {
    // Newer versions of Beast hand these over, older ones have refused them by now: one behaviour for all.
    if (is_framing(name)) throw Refusal{ParserErrorKind::framing, std::string(name) + " behind the body"};
    if (!forbidden_in_trailer(name)) FieldText::add(trailers_, name, value);
  }

  Head& head_;
  Headers& trailers_;
  bool in_trailer_ = false;
};

}  // namespace tutti::http::detail
