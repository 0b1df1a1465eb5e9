// SPDX-License-Identifier: MIT
// A pipeline over many files: one task lists them, several count their words, and who is slow holds back who is fast.
//
//   make build && build/release/examples/example_73_many_files
#include <iostream>
#include <map>
#include <string>

#include <tutti/tutti.hpp>

using tutti::Coro;
namespace files = tutti::files;

using Counts = std::map<std::string, int>;

// [region stages]
Coro<> list(std::string directory, tutti::Queue<std::string>& paths) {
  auto entries = files::scandir(directory);
  while (auto entry = co_await entries.next()) {
    if (entry->is_file() && entry->name.ends_with(".txt")) co_await paths.put(entry->path);
  }
  paths.shutdown();
}

Coro<> count(tutti::Queue<std::string>& paths, Counts& words) {
  while (auto path = co_await paths.next()) {
    files::File file = co_await files::open(*path);
    while (auto line = co_await file.next()) ++words[line->substr(0, line->find('\n'))];
  }
}
// [endregion]

// [region main]
Coro<> async_main() {
  files::TemporaryDirectory directory = co_await files::temporary_directory();
  for (int i = 0; i < 100; ++i) {
    co_await files::write_text(directory / (std::to_string(i) + ".txt"),
                               i % 2 == 0 ? "even\nnumber\n" : "odd\nnumber\n");
  }
  co_await files::write_text(directory / "notes", "not counted\n");

  tutti::Queue<std::string> paths(10);  // at most ten are listed ahead
  Counts words;                         // of one thread: nothing to lock
  co_await tutti::task_group([&](tutti::TaskGroup& group) -> Coro<> {
    group.create_task(list(directory.path(), paths));
    for (int i = 0; i < 4; ++i) group.create_task(count(paths, words));
    co_return;
  });
  for (const auto& [word, times] : words) std::cout << word << ' ' << times << '\n';
  co_await directory.cleanup();
}

int main() { tutti::run(async_main()); }
// [endregion]
