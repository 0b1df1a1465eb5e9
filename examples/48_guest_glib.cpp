// SPDX-License-Identifier: MIT
// Guest mode: a program of GLib (and so GTK), and coroutines in the same thread. Built where GLib is installed.
//
//   make build && build/release/examples/example_48_guest_glib
#include <chrono>
#include <functional>
#include <iostream>

#include <glib.h>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;

// [region source]
// It is ready when the guest's descriptor is, or when the time is up that the last step gave.
struct GuestSource {
  GSource source;
  std::function<std::optional<tutti::Duration>()>* step;
};

gboolean dispatch(GSource* source, GSourceFunc, gpointer) {
  const auto limit = (*reinterpret_cast<GuestSource*>(source)->step)();
  g_source_set_ready_time(source, limit ? g_get_monotonic_time() + *limit / 1us : -1);
  return G_SOURCE_CONTINUE;
}
// [endregion]

// [region main]
tutti::Coro<> async_main(tutti::Event& clicked) {
  std::cout << "a coroutine waits for a click\n";
  co_await clicked.wait();
  co_await tutti::sleep(5ms);
  std::cout << "the coroutine had it\n";
}

int main() {
  g_autoptr(GMainLoop) host = g_main_loop_new(nullptr, FALSE);
  tutti::Event clicked;
  tutti::GuestRun run(async_main(clicked));
  std::function step = [&] {
    const auto limit = run.step();
    return run.done() ? g_main_loop_quit(host), limit : limit;
  };
  GSourceFuncs functions{nullptr, nullptr, dispatch, nullptr, nullptr, nullptr};
  GSource* const source = g_source_new(&functions, sizeof(GuestSource));
  reinterpret_cast<GuestSource*>(source)->step = &step;
  g_source_add_unix_fd(source, run.descriptor(), G_IO_IN);
  g_source_set_ready_time(source, 0);
  g_source_attach(source, nullptr);
  std::function click = [&] { run.loop().call_soon_threadsafe([&] { clicked.set(); }); };
  const auto on_click = [](gpointer data) -> gboolean {
    std::cout << "a callback of GLib\n";
    return (*static_cast<std::function<void()>*>(data))(), G_SOURCE_REMOVE;
  };
  g_timeout_add(20, on_click, &click);
  g_main_loop_run(host);
  run.result();
}
// [endregion]
