// SPDX-License-Identifier: MIT
#include <tutti/sync/event.hpp>

namespace tutti {

std::string Event::to_string() const {
  std::string text = set_ ? "<Event [set" : "<Event [unset";
  if (!waiters_.empty()) text += ", waiters:" + std::to_string(waiters_.size());
  return text + "]>";
}

}  // namespace tutti
