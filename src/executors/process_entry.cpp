// SPDX-License-Identifier: MIT
// A program's constructors run before its `main`, in the order of its DT_INIT_ARRAY. One of them is ours, and stands there because the
// program includes <tutti/executors/process_pool.hpp>. In a process that was started to be a server it runs those that come after it, as
// the C library would have done, so that each static is there; then it serves, and never comes to `main`.
#include "executors/process_entry.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include <fcntl.h>
#include <link.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tutti/base/error.hpp>
#include <tutti/executors/process_pool.hpp>

#include "executors/process_server.hpp"
#include "executors/process_wire.hpp"

namespace tutti::detail {
namespace {

using Constructor = ProgramConstructor;

constinit Constructor present_entry = nullptr;

/// The constructors of the program itself; none if it is linked statically.
std::span<const Constructor> constructors_of_program() noexcept {
  std::span<const Constructor> all;
  const auto first_module = [](dl_phdr_info* module, std::size_t, void* result) {
    std::uintptr_t address = 0;
    std::size_t size = 0;
    for (unsigned i = 0; i < module->dlpi_phnum; ++i) {
      if (module->dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
      const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(module->dlpi_addr + module->dlpi_phdr[i].p_vaddr);
      for (; entry->d_tag != DT_NULL; ++entry) {
        if (entry->d_tag == DT_INIT_ARRAY) address = module->dlpi_addr + entry->d_un.d_ptr;
        if (entry->d_tag == DT_INIT_ARRAYSZ) size = entry->d_un.d_val;
      }
    }
    if (address != 0) {
      *static_cast<std::span<const Constructor>*>(result) = {reinterpret_cast<const Constructor*>(address),
                                                             size / sizeof(Constructor)};
    }
    return 1;
  };
  ::dl_iterate_phdr(first_module, &all);
  return all;
}

/// Those that follow `self`; nothing if it is none of them.
std::span<const Constructor> constructors_after(Constructor self) noexcept {
  const auto all = constructors_of_program();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i] == self) return all.subspan(i);
  }
  return {};
}

/// Whether this process was started to be a server; asked once. The variable alone does not tell: it might be left over from somebody
/// else. Its socket does, and also when the starter has been killed meanwhile: then this must not become a second run of the program.
bool is_server() noexcept {
  const char* const value = std::getenv(kServerVariable);
  if (value == nullptr) return false;
  const long starter = std::strtol(value, nullptr, 10);
  ::unsetenv(kServerVariable);  // its own children are none
  ucred maker{};
  socklen_t size = sizeof maker;
  return ::getsockopt(kServerSocket, SOL_SOCKET, SO_PEERCRED, &maker, &size) == 0 && maker.pid == starter;
}

}  // namespace

void enter_program(Constructor self, int argc, char** argv, char** environment) {
  if (present_entry != nullptr) return;  // a compiler may put it there once for each file
  const auto rest = constructors_after(self);
  if (rest.empty()) return;  // of a library: the program's are run later
  present_entry = self;
  if (!is_server()) return;
  for (const Constructor constructor : rest) constructor(argc, argv, environment);
  run_server();
}

bool can_start_server() noexcept { return present_entry != nullptr; }

int start_server(int socket) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  struct Destroy {
    posix_spawn_file_actions_t& actions;
    posix_spawnattr_t& attributes;
    ~Destroy() {
      ::posix_spawn_file_actions_destroy(&actions);
      ::posix_spawnattr_destroy(&attributes);
    }
  } const destroy{actions, attributes};

  // It has the standard output and error and its socket, nothing else; and no signal is blocked or handled.
  ::posix_spawn_file_actions_adddup2(&actions, socket, kServerSocket);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, kServerSocket + 1);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  const std::string mark = std::string(kServerVariable) + "=" + std::to_string(::getpid());
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  environment.push_back(const_cast<char*>(mark.c_str()));
  environment.push_back(nullptr);
  char* const arguments[] = {program_invocation_name, nullptr};
  pid_t process = -1;
  const int error = ::posix_spawn(&process, "/proc/self/exe", &actions, &attributes, arguments, environment.data());
  if (error != 0) throw_os_error(error, "start the server of a process pool");
  return process;
}

}  // namespace tutti::detail
