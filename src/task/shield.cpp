// SPDX-License-Identifier: MIT
#include <tutti/task/shield.hpp>

namespace tutti::detail {
namespace {

// The outer future must find the inner one without keeping it alive, or the two would keep each other.
struct Link {
  FutureState* inner;
  std::uint64_t token = 0;
};

struct LinkEnd {
  std::shared_ptr<Link> link;
  explicit LinkEnd(std::shared_ptr<Link> shared) : link(std::move(shared)) {}
  LinkEnd(LinkEnd&&) noexcept = default;
  LinkEnd& operator=(LinkEnd&&) noexcept = default;
  ~LinkEnd() {
    if (link) link->inner = nullptr;
  }
};

void report_late_failure(FutureState& inner) {
  if (inner.cancelled()) return;
  if (std::exception_ptr error = inner.take_exception()) {
    inner.loop().call_exception_handler({"exception in shielded future", error, inner.describe_self(), {}});
  }
}

}  // namespace

void connect_shield(const Ref<FutureState>& inner, const Ref<FutureState>& outer,
                    void (*copy)(FutureState&, FutureState&)) {
  auto link = std::make_shared<Link>(Link{inner.get()});
  link->token = inner->add_callback([end = LinkEnd(link), outer, copy](FutureState& from) {
    if (outer->cancelled()) return;
    if (from.cancelled()) {
      outer->cancel({});
    } else if (std::exception_ptr error = from.take_exception()) {
      outer->set_exception(error);
    } else {
      try {
        copy(from, *outer);
      } catch (...) {
        return outer->set_exception(std::current_exception());
      }
      outer->finish();
    }
  });
  outer->add_callback([link](FutureState&) {
    FutureState* const source = link->inner;
    if (source == nullptr || source->done()) return;
    const Ref<FutureState> alive(source);
    source->remove_callback(link->token);
    source->add_callback(&report_late_failure);
  });
}

}  // namespace tutti::detail
