// SPDX-License-Identifier: MIT
#include <tutti/task/shield.hpp>

#include <unordered_map>

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

/// The inner futures of a loop whose failure is to be reported, and the callbacks that will do it: one for each, however often it was
/// shielded and the outer future cancelled.
class LateReports final : public lowlevel::Service {
 public:
  explicit LateReports(EventLoop&) {}

  void add(FutureState& inner) {
    if (const auto known = tokens_->find(&inner); known != tokens_->end()) inner.remove_callback(known->second);
    const std::uint64_t token = inner.add_callback(Report(inner, tokens_));
    (*tokens_)[&inner] = token;
  }

 private:
  using Tokens = std::unordered_map<FutureState*, std::uint64_t>;

  class Report {
   public:
    Report(FutureState& inner, std::shared_ptr<Tokens> tokens) noexcept : inner_(&inner), tokens_(std::move(tokens)) {}
    Report(Report&&) noexcept = default;
    Report& operator=(Report&&) = delete;
    ~Report() {
      if (tokens_) tokens_->erase(inner_);
    }
    void operator()(FutureState& inner) const {
      if (inner.cancelled()) return;
      if (std::exception_ptr error = inner.take_exception()) {
        inner.loop().call_exception_handler({"exception in shielded future", error, inner.describe_self(), {}});
      }
    }

   private:
    FutureState* inner_;
    std::shared_ptr<Tokens> tokens_;  // empty once it was moved
  };

  std::shared_ptr<Tokens> tokens_ = std::make_shared<Tokens>();  // futures may outlive their loop
};

}  // namespace

void connect_shield(const Ref<FutureState>& inner, const Ref<FutureState>& outer,
                    void (*copy)(FutureState&, FutureState&)) {
  auto link = std::make_shared<Link>(Link{inner.get()});
  auto pass_on = [end = LinkEnd(link), outer, copy](FutureState& from) {
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
  };
  link->token = inner->add_callback(std::move(pass_on), outer.get());
  outer->add_callback([link](FutureState&) {
    FutureState* const source = link->inner;
    if (source == nullptr || source->done()) return;
    const Ref<FutureState> alive(source);
    source->remove_callback(link->token);
    source->loop().service<LateReports>().add(*source);
  });
}

}  // namespace tutti::detail
