// SPDX-License-Identifier: MIT
// error: deleted
// A descriptor has one owner: who closes it must never be a question.
#include <utility>

#include <tutti/base/fd.hpp>

void own(tutti::Fd first) {
#ifdef TUTTI_CORRECT
  tutti::Fd second = std::move(first);
#else
  tutti::Fd second = first;
#endif
  second.reset();
}
