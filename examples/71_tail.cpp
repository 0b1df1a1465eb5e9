// SPDX-License-Identifier: MIT
// tail -f: the lines that others write to a file, as they come.
//
//   make build && build/release/examples/example_71_tail /var/log/syslog
#include <chrono>
#include <iostream>
#include <string>

#include <sys/inotify.h>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;
namespace files = tutti::files;

// [region follow]
tutti::AsyncGenerator<std::string> follow(std::string path) {
  // inotify(7) tells of changes through a descriptor, and that is read like any other file.
  tutti::Fd watch(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  ::inotify_add_watch(watch.get(), path.c_str(), IN_MODIFY);
  files::File changes = files::fdopen(std::move(watch));
  files::File file = co_await files::open(path);
  std::string line;
  for (;;) {
    line += co_await file.readline();
    if (line.ends_with('\n')) {
      co_yield std::exchange(line, {});
      continue;
    }
    co_await changes.read1();                                        // waits for the next change
    if ((co_await files::stat(path)).size < co_await file.tell()) {  // the file begins again
      co_await file.seek(0);
      line.clear();
    }
  }
}
// [endregion]

// [region main]
Coro<> write_slowly(std::string path) {
  files::File file = co_await files::open(path, "a");
  for (const char* piece : {"one\ntw", "o\n", "three\n"}) {
    co_await file.write(piece);
    co_await file.flush();
    co_await tutti::sleep(5ms);
  }
}

Coro<> play() {
  files::NamedTemporaryFile log = co_await files::named_temporary_file();
  const std::string path = log.name();
  auto writer = tutti::create_task(write_slowly(path));
  auto lines = follow(path);
  for (int i = 0; i < 3; ++i) std::cout << (co_await lines.next()).value();
  co_await writer;
  co_await log.close();
}

Coro<> print(std::string path) {
  auto lines = follow(path);
  while (auto line = co_await lines.next()) std::cout << *line << std::flush;
}

int main(int argc, char** argv) try {
  tutti::run(argc == 2 ? print(argv[1]) : play());
} catch (const tutti::KeyboardInterrupt&) {
  return 130;
} catch (const std::exception& error) {
  std::cerr << "tail: " << error.what() << '\n';
  return 1;
}
// [endregion]
