// SPDX-License-Identifier: MIT
// std::push_heap and std::pop_heap. libstdc++'s <algorithm> also brings its ranges and the headers of its parallel algorithms.
#pragma once

#if __has_include(<bits/stl_heap.h>)
#include <bits/stl_heap.h>  // IWYU pragma: keep; what <queue> of libstdc++ includes
#else
#include <algorithm>
#endif
