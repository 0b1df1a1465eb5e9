// SPDX-License-Identifier: MIT
// error: the function must return a coroutine
// A plain function would hold up the loop: there is nothing to do at the same time.
#include <vector>

#include <tutti/sync/map_concurrently.hpp>

#ifdef TUTTI_CORRECT
tutti::Coro<int> twice(int x) { co_return 2 * x; }
#else
int twice(int x) { return 2 * x; }
#endif

auto twice_all() { return tutti::map_concurrently(std::vector<int>{1, 2}, twice); }
