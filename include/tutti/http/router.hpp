// SPDX-License-Identifier: MIT
// From a method and a path to the handler.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <tutti/base/function.hpp>
#include <tutti/http/request.hpp>
#include <tutti/http/response.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::http {

/// Answers a request. The coroutine that it gives is awaited before the request ends.
using Handler = MoveOnlyFunction<Coro<Response>(Request&)>;

namespace detail {

/// A handler from a callable that takes the request, or nothing, and gives `Coro<Response>` or `Coro<StreamResponse>`.
template <class F>
Handler make_handler(F function) {
  if constexpr (std::is_invocable_r_v<Coro<Response>, F&, Request&>) {
    return Handler(std::move(function));
  } else if constexpr (std::is_invocable_r_v<Coro<Response>, F&>) {
    return Handler([function = std::move(function)](Request&) mutable { return function(); });
  } else {
    static_assert(std::is_invocable_r_v<Coro<Response>, F&, Request&>,
                  "a handler is a callable: Coro<Response>(Request&), or Coro<Response>()");
  }
}

}  // namespace detail

/// Routes: patterns of paths, and a handler for each method.
///
/// A pattern is segments: "/users/{id}/files/{path...}". "{name}" matches one segment that is not empty, "{name...}"
/// the whole rest, at the end only. A literal segment goes before "{name}", that before "{name...}". Segments are
/// compared decoded; a slash at the end counts.
class Router {
 public:
  Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;
  ~Router();

  /// *Errors*: `ValueError` for a wrong pattern or method, or if this method and pattern are there already.
  template <class F>
  void add(std::string_view method, std::string_view pattern, F handler) {
    add_handler(method, pattern, detail::make_handler(std::move(handler)));
  }

  struct Match {
    Handler* handler = nullptr;  ///< null: see `allowed`
    MatchInfo match_info = {};
    std::vector<std::string> allowed;  ///< the methods that the path has; none: there is no such path
  };
  /// The handler for a path as it was sent. GET's one serves HEAD too, if that has none.
  [[nodiscard]] Match find(std::string_view method, std::string_view raw_path);

 private:
  struct Node;
  struct Tree;
  void add_handler(std::string_view method, std::string_view pattern, Handler handler);

  std::unique_ptr<Tree> tree_;
};

}  // namespace tutti::http
