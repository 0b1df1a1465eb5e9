// SPDX-License-Identifier: MIT
#include <tutti/http/router.hpp>

#include <algorithm>
#include <functional>
#include <unordered_map>

#include <tutti/base/error.hpp>
#include <tutti/http/headers.hpp>
#include <tutti/http/message.hpp>
#include <tutti/http/url.hpp>

namespace tutti::http {

namespace {

struct Route {
  std::string method;
  Handler handler;
  std::vector<std::string> names;  // of the pattern's parts in braces
};

/// The segments of "/a/b/": "a", "b", "".
std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

[[noreturn]] void refuse(std::string_view pattern, const char* why) {
  throw ValueError("route '" + std::string(pattern) + "': " + why);
}

enum class Kind { literal, parameter, rest };

struct Segment {
  Kind kind = Kind::literal;
  std::string text;  // what it is, or the name
};

Segment parse_segment(std::string_view pattern, std::string_view text) {
  if (text.find_first_of("{}") == std::string_view::npos) return {Kind::literal, percent_decode(text)};
  if (text.front() != '{' || text.back() != '}') refuse(pattern, "braces stand around a whole segment");
  std::string_view name = text.substr(1, text.size() - 2);
  const bool rest = name.ends_with("...");
  if (rest) name.remove_suffix(3);
  if (name.empty() || name.find_first_of("{}") != std::string_view::npos) refuse(pattern, "braces hold a name");
  return {rest ? Kind::rest : Kind::parameter, std::string(name)};
}

}  // namespace

struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::unique_ptr<Node> parameter;
  std::unique_ptr<Node> rest;
  std::vector<std::unique_ptr<Route>> routes;  // few: one for each method

  Node& child(const Segment& segment) {
    std::unique_ptr<Node>& place = segment.kind == Kind::literal     ? literals[segment.text]
                                   : segment.kind == Kind::parameter ? parameter
                                                                     : rest;
    if (!place) place = std::make_unique<Node>();
    return *place;
  }

  /// GET's route serves HEAD too, if that has none. Null if there is none for this method.
  Route* find(std::string_view method) {
    for (const auto& route : routes) {
      if (route->method == method) return route.get();
    }
    return method == Method::head ? find(Method::get) : nullptr;
  }
};

struct Router::Tree {
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
  };

  Node root;
  /// Patterns without braces: they go before all others, so a path that is one needs no walk.
  std::unordered_map<std::string, Node*, Hash, std::equal_to<>> literals;
};

namespace {

/// Looks for one path in the tree.
template <class Node>
class Search {
 public:
  Search(std::string_view method, std::string_view path) : method_(method), path_(path) {}

  /// `begin`: of the next segment; behind the path's end if there is none.
  bool visit(Node& node, std::size_t begin) {
    if (begin > path_.size()) return take(node);
    const std::string_view segment = path_.substr(begin, path_.find('/', begin) - begin);
    const std::size_t next = begin + segment.size() + 1;
    const auto literal = segment.find('%') == std::string_view::npos ? node.literals.find(segment)
                                                                     : node.literals.find(percent_decode(segment));
    if (literal != node.literals.end() && visit(*literal->second, next)) return true;
    if (node.parameter && !segment.empty()) {
      values_.push_back(segment);
      if (visit(*node.parameter, next)) return true;
      values_.pop_back();
    }
    if (!node.rest) return false;
    values_.push_back(path_.substr(begin));
    if (take(*node.rest)) return true;
    values_.pop_back();
    return false;
  }

  Router::Match match;

 private:
  bool take(Node& node) {
    Route* const route = node.find(method_);
    if (route == nullptr) {
      for (const auto& other : node.routes) {
        match.allowed.push_back(other->method);
        if (other->method == Method::get) match.allowed.emplace_back(Method::head);
      }
      return false;
    }
    match.handler = &route->handler;
    for (std::size_t i = 0; i < route->names.size(); ++i) {
      match.match_info.emplace_back(route->names[i], percent_decode(values_[i]));
    }
    return true;
  }

  std::string_view method_;
  std::string_view path_;
  std::vector<std::string_view> values_;
};

}  // namespace

Router::Router() : tree_(std::make_unique<Tree>()) {}
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;
Router::~Router() = default;

void Router::add_handler(std::string_view method, std::string_view pattern, Handler handler) {
  if (!is_token(method)) refuse(pattern, "the method is not a token");
  if (!pattern.starts_with('/')) refuse(pattern, "a pattern begins with a slash");
  auto route = std::make_unique<Route>(std::string(method), std::move(handler), std::vector<std::string>());
  Node* node = &tree_->root;
  bool ended = false;
  for (const std::string_view text : split(pattern)) {
    if (ended) refuse(pattern, "'{name...}' stands at the end");
    const Segment segment = parse_segment(pattern, text);
    ended = segment.kind == Kind::rest;
    node = &node->child(segment);
    if (segment.kind == Kind::literal) continue;
    if (std::find(route->names.begin(), route->names.end(), segment.text) != route->names.end()) {
      refuse(pattern, "a name occurs twice");
    }
    route->names.push_back(segment.text);
  }
  for (const auto& other : node->routes) {
    if (other->method == method) refuse(pattern, ("there is one for " + other->method + " already").c_str());
  }
  node->routes.push_back(std::move(route));
  // One with "%" is compared decoded, and the text of what is decoded may be another path.
  if (pattern.find_first_of("{%") == std::string_view::npos) tree_->literals.try_emplace(std::string(pattern), node);
}

Router::Match Router::find(std::string_view method, std::string_view raw_path) {
  if (const auto literal = tree_->literals.find(raw_path); literal != tree_->literals.end()) {
    if (Route* const route = literal->second->find(method)) return {&route->handler, {}, {}};
  }
  if (!raw_path.starts_with('/')) return {};
  Search<Node> search(method, raw_path);
  if (search.visit(tree_->root, 1)) {
    search.match.allowed.clear();
    return std::move(search.match);
  }
  auto& allowed = search.match.allowed;
  std::sort(allowed.begin(), allowed.end());
  allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
  return std::move(search.match);
}

}  // namespace tutti::http
