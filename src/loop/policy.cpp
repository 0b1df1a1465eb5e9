// SPDX-License-Identifier: MIT
#include <tutti/loop/policy.hpp>

#include <mutex>

#include <pthread.h>

namespace tutti {
namespace {

constinit thread_local EventLoop* thread_loop = nullptr;

// A child that is forked has none: see event_loop.cpp.
[[maybe_unused]] const int forget_in_children = ::pthread_atfork(nullptr, nullptr, [] { thread_loop = nullptr; });

struct Present {
  std::mutex mutex;
  std::shared_ptr<EventLoopPolicy> policy = std::make_shared<DefaultEventLoopPolicy>();
};
Present& present() {
  static auto* const one = new Present;  // never destroyed: threads may ask while main() ends
  return *one;
}

}  // namespace

EventLoopPolicy::~EventLoopPolicy() = default;

EventLoop& DefaultEventLoopPolicy::get_event_loop() {
  if (thread_loop == nullptr) throw RuntimeError("there is no current event loop in this thread");
  return *thread_loop;
}

void DefaultEventLoopPolicy::set_event_loop(EventLoop* loop) { thread_loop = loop; }

std::unique_ptr<EventLoop> DefaultEventLoopPolicy::new_event_loop() { return std::make_unique<EventLoop>(); }

std::shared_ptr<EventLoopPolicy> get_event_loop_policy() {
  const std::lock_guard lock(present().mutex);
  return present().policy;
}

void set_event_loop_policy(std::shared_ptr<EventLoopPolicy> policy) {
  if (policy == nullptr) policy = std::make_shared<DefaultEventLoopPolicy>();
  const std::lock_guard lock(present().mutex);
  present().policy.swap(policy);
}

EventLoop& get_event_loop() {
  if (EventLoop* running = find_running_loop()) return *running;
  return get_event_loop_policy()->get_event_loop();
}

void set_event_loop(EventLoop* loop) { get_event_loop_policy()->set_event_loop(loop); }

std::unique_ptr<EventLoop> new_event_loop() { return get_event_loop_policy()->new_event_loop(); }

}  // namespace tutti
