// SPDX-License-Identifier: MIT
// error: PriorityQueue: items need a `<`
// Which of them is the least?
#include <tutti/sync/queue.hpp>

struct Item {
  int urgency;
#ifdef TUTTI_CORRECT
  friend bool operator<(const Item& a, const Item& b) { return a.urgency < b.urgency; }
#endif
};

void put(tutti::PriorityQueue<Item>& queue) { queue.put_nowait({1}); }
