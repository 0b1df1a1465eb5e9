// SPDX-License-Identifier: MIT
// A call graph as one line, for tests.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <tutti/task/call_graph.hpp>

namespace test_support {

/// The name of a function without what stands before and behind it; of a lambda "lambda", of a test's body "test"; nothing for what is
/// not in `file`.
inline std::string short_name(const tutti::FrameCallGraphEntry& frame, std::string_view file) {
  std::string name = frame.location.function_name();
  if (std::string(frame.location.file_name()).find(file) == std::string::npos) return {};
  if (name.find("operator()") != std::string::npos) return "lambda";
  if (name.find("body()") != std::string::npos || name.find("test_graph_") != std::string::npos) return "test";
  constexpr std::string_view kAnonymous = "(anonymous namespace)::";
  if (const auto at = name.find(kAnonymous); at != std::string::npos) name.erase(at, kAnonymous.size());
  name = name.substr(0, name.find('('));
  return name.substr(name.find_last_of(" :") + 1);
}

/// "task [innermost, …, outermost] <- {who awaits it}", with unnamed tasks as "T" and futures as "F"; of the frames those in `file`.
inline std::string walk(const tutti::FutureCallGraph& graph, std::string_view file) {
  std::string text = graph.task ? graph.task->get_name() : "F";
  if (text.find_first_of("-/") != std::string::npos || text.starts_with("test_graph_")) text = "T";
  text += " [";
  std::string stack;
  for (const auto& frame : graph.call_stack) {
    const std::string name = short_name(frame, file);
    if (name.empty()) continue;
    stack += (stack.empty() ? "" : " ") + (frame.is_async_generator ? "generator:" + name : name);
  }
  text += stack + "]";
  if (graph.is_cycle) return text + " cycle";
  std::vector<std::string> parents;
  for (const auto& parent : graph.awaited_by) parents.push_back(walk(parent, file));
  std::sort(parents.begin(), parents.end());
  std::string all;
  for (const auto& parent : parents) all += (all.empty() ? "" : ", ") + parent;
  return all.empty() ? text : text + " <- {" + all + "}";
}

}  // namespace test_support
