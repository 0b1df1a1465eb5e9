// SPDX-License-Identifier: MIT
// Files: write, read, replace, look around. None of it holds up the loop.
//
//   make build && build/release/examples/example_70_files
#include <algorithm>
#include <iostream>
#include <string>

#include <tutti/tutti.hpp>

using tutti::Coro;
namespace files = tutti::files;

// [region write]
Coro<> write_log(std::string path) {
  files::File file = co_await files::open(path, "w");
  co_await file.write("start\n");  // into the buffer
  for (int i = 1; i <= 3; ++i) co_await file.write("step " + std::to_string(i) + "\n");
  co_await file.close();  // a full disk would be told here
}
// [endregion]

// [region read]
Coro<> read_log(std::string path) {
  files::File file = co_await files::open(path);
  std::cout << "first line: " << co_await file.readline();
  while (auto line = co_await file.next()) std::cout << "then: " << *line;
  co_await file.seek(-7, files::Whence::end);
  std::cout << "the end again: " << co_await file.read();
}  // a file that was only read needs no close(): it closes itself
// [endregion]

// [region main]
Coro<> async_main() {
  files::TemporaryDirectory directory = co_await files::temporary_directory();
  co_await write_log(directory / "log");
  co_await read_log(directory / "log");

  // Small files in one call; atomic: whoever reads it meanwhile sees the old contents or the new ones.
  co_await files::write_text(directory / "settings", "color = blue\n", {.atomic = true});
  co_await files::copy(directory / "settings", directory / "settings.old");
  co_await files::rename(directory / "log", directory / "log.1");
  std::cout << co_await files::read_text(directory / "settings.old");

  auto names = co_await files::listdir(directory.path());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) std::cout << name << ": " << co_await files::getsize(directory / name) << '\n';

  auto error = co_await tutti::catch_<tutti::FileNotFoundError>(files::read_text("/no/such/file"));
  if (error) std::cout << error->what() << '\n';
  co_await directory.cleanup();
}

int main() { tutti::run(async_main()); }
// [endregion]
