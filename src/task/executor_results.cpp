// SPDX-License-Identifier: MIT
#include <tutti/task/executor_results.hpp>

namespace tutti::detail {

Coro<> until_done(std::shared_ptr<ConcurrentState> work) {
  EventLoop& loop = get_running_loop();
  const Future<> done(loop);
  struct Waiting {
    EventLoop& loop;
    std::shared_ptr<LoopEnd> end;
    explicit Waiting(EventLoop& owner, std::shared_ptr<LoopEnd> future) : loop(owner), end(std::move(future)) {
      loop.external_work.fetch_add(1, std::memory_order_relaxed);
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() {
      loop.external_work.fetch_sub(1, std::memory_order_relaxed);
      end->let_go();
    }
  } const waiting(loop, std::make_shared<LoopEnd>(done.state()));
  work->add_callback([end = waiting.end](ConcurrentState&) {
    LoopEnd::post(end, [](FutureState& future) {
      if (!future.done()) future.finish();
    });
  });
  co_await done;
}

}  // namespace tutti::detail
